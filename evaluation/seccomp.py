"""A filter of system calls for this process, by the kernel's seccomp: an allow-list, for good.

A call that is not on the list is refused (EPERM) and does nothing. The filter is a program of
classic BPF: https://docs.kernel.org/userspace-api/seccomp_filter.html.
"""

import ctypes
import errno
import mmap
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2

_KILL_PROCESS = 0x8000_0000
_REFUSE = 0x0005_0000
_ALLOW = 0x7FFF_0000

_INSTRUCTION = struct.Struct("<HBBI")  # the kernel's struct sock_filter
_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_AT_LEAST = 0x15, 0x35
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_X32_NUMBERS = 0x4000_0000

# Name: number on x86_64, number on aarch64. None of them names a file or another process.
_PLAIN = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "pread64": (17, 67),
    "readv": (19, 65),
    "writev": (20, 66),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "exit": (60, 93),
    "uname": (63, 160),
    "ftruncate": (77, 46),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "times": (100, 153),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "set_robust_list": (273, 99),
    "getrandom": (318, 278),
    "rseq": (334, 293),
}
# These are looked at more closely.
_MMAP, _MPROTECT, _MADVISE = (9, 222), (10, 226), (28, 233)
_CLONE, _CLONE3, _TGKILL = (56, 220), (435, 435), (234, 131)
_MOST_ADVICE = 31  # the two kinds above, MADV_HWPOISON and its like, let root damage the machine

# What pthread_create asks of clone: memory, files and signals shared, the same process.
_THREAD = 0x003D_0F00
_DETACHED = 0x0040_0000  # musl asks for it too; the kernel ignores it


@dataclass(frozen=True)
class _Architecture:
    audit: int
    column: int


# Keyed by uname's word for the machine; each is little-endian.
_ARCHITECTURES = {
    "x86_64": _Architecture(0xC000_003E, 0),
    "aarch64": _Architecture(0xC000_00B7, 1),
}


_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, *[ctypes.c_ulong] * 2]


class SeccompMissing(Exception):
    """The kernel, or this machine's architecture, has no such filter."""


def prctl(option: int, value: int, pointer: object = None) -> int:
    """0, or the number of the error."""
    return ctypes.get_errno() if _LIBC.prctl(option, value, pointer, 0, 0) else 0


def is_there() -> bool:
    """Whether ``install`` can work here. Changes nothing."""
    if os.uname().machine not in _ARCHITECTURES:
        return False
    # A kernel with filters looks for the program first, at address 0; one without knows no mode 2.
    refused = prctl(_PR_SET_SECCOMP, _MODE_FILTER)
    return refused == errno.EFAULT


def install() -> None:
    """Filter the calling thread, and every one it starts, until the process ends.

    Needs PR_SET_NO_NEW_PRIVS. Raises SeccompMissing.
    """
    machine = os.uname().machine
    if machine not in _ARCHITECTURES:
        raise SeccompMissing(f"there is no filter of system calls for {machine}")
    code = b"".join(_instructions(_ARCHITECTURES[machine], os.getpid()))
    program = _Program(len(code) // _INSTRUCTION.size, code)
    refused = prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program))
    if refused:
        raise SeccompMissing(f"the kernel installs no filter: {os.strerror(refused)}")


class _Program(ctypes.Structure):
    """The kernel's ``struct sock_fprog``."""

    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def _instructions(machine: _Architecture, process: int) -> Iterable[bytes]:
    """The instructions, in order; ``process`` may signal itself (abort does), and nobody else."""
    here = machine.column
    yield _instruction(_LOAD, _ARCHITECTURE_AT)
    yield from _unless(_IF_EQUAL, machine.audit, [_give(_KILL_PROCESS)])
    yield _instruction(_LOAD, _NUMBER_AT)
    if machine is _ARCHITECTURES["x86_64"]:
        yield from _where(_IF_AT_LEAST, _X32_NUMBERS, [_give(_KILL_PROCESS)])
    for numbers in _PLAIN.values():
        yield from _where(_IF_EQUAL, numbers[here], [_give(_ALLOW)])
    for numbers, argument, mask, value in (
        (_MMAP, 2, mmap.PROT_EXEC, 0),
        (_MPROTECT, 2, mmap.PROT_EXEC, 0),
        (_MADVISE, 2, ~_MOST_ADVICE, 0),
        (_CLONE, 0, ~_DETACHED, _THREAD),
        (_TGKILL, 0, ~0, process),
    ):
        allowed = _where(_IF_EQUAL, value, [_give(_ALLOW)])
        yield from _where(
            _IF_EQUAL,
            numbers[here],
            [
                _instruction(_LOAD, _ARGUMENTS_AT + 8 * argument),
                _instruction(_AND, mask & 0xFFFF_FFFF),
                *allowed,
                _give(_REFUSE | errno.EPERM),
            ],
        )
    # Its flags lie in memory, where no filter can look; told that it is unknown, glibc uses clone.
    yield from _where(_IF_EQUAL, _CLONE3[here], [_give(_REFUSE | errno.ENOSYS)])
    yield _give(_REFUSE | errno.EPERM)


def _instruction(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    """``then`` and ``otherwise`` count what is jumped over."""
    return _INSTRUCTION.pack(code, then, otherwise, value)


def _give(verdict: int) -> bytes:
    return _instruction(_RETURN, verdict)


def _where(test: int, value: int, body: list[bytes]) -> list[bytes]:
    return [_instruction(test, value, 0, len(body)), *body]


def _unless(test: int, value: int, body: list[bytes]) -> list[bytes]:
    return [_instruction(test, value, len(body), 0), *body]
