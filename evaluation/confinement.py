"""What a process that handles untrusted bytes gives up, for good, before it reads the first.

It keeps the descriptors it was given, and can make no other; it has memory, time and room for its
answer within limits; and of the system calls it keeps those that need no name of a file and reach
no other process (``seccomp``). It cannot open, connect, start, trace or signal anything.
"""

import os
import resource
import signal
from contextlib import suppress
from dataclasses import dataclass

from evaluation import seccomp

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_GRACE_SECONDS = 5  # from SIGXCPU, which can be told from other ends, to SIGKILL


@dataclass(frozen=True)
class Limits:
    """memory_bytes: of address space. cpu_seconds: of all threads. answer_bytes: of each file
    that is written."""

    memory_bytes: int
    cpu_seconds: int
    answer_bytes: int


class NotConfined(Exception):
    """This machine cannot hold a process as it must be held."""


def seccomp_is_there() -> bool:
    """Whether the kernel can filter system calls here; without, nothing is decoded or scored."""
    return seccomp.is_there()


def confine(limits: Limits, descriptors: int) -> None:
    """Confine this process, which has one thread, to its descriptors below ``descriptors``.

    What it will need must be loaded: afterwards no module can be. Raises NotConfined.
    """
    _close_from(descriptors)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, limits.answer_bytes)
    _limit(resource.RLIMIT_NOFILE, descriptors)
    resource.setrlimit(
        resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + _GRACE_SECONDS)
    )
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _limit(resource.RLIMIT_AS, limits.memory_bytes)
    try:
        seccomp.install()
    except seccomp.SeccompMissing as missing:
        raise NotConfined(f"No untrusted mask is read on this machine: {missing}.") from missing


def end_with(parent: int) -> None:
    """Have this process killed when the thread that started it ends, however it ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above
        os.kill(os.getpid(), signal.SIGKILL)


def _limit(kind: int, value: int) -> None:
    resource.setrlimit(kind, (value, value))


def _prctl(option: int, value: int) -> None:
    if refused := seccomp.prctl(option, value):
        raise NotConfined(f"This kernel refuses prctl({option}): {os.strerror(refused)}.")


def _close_from(first: int) -> None:
    for descriptor in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208
        if descriptor >= first:
            with suppress(OSError):  # the one that read this list is closed already
                os.close(descriptor)
