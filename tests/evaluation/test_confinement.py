"""What a process that reads untrusted bytes can no longer do, tried from inside one."""

import ctypes
import errno
import gzip
import json
import mmap
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from evaluation import seccomp
from evaluation.confidence import ConfidenceSpec, Kind
from evaluation.confinement import Limits, NotConfined, confine, seccomp_is_there
from evaluation.metrics import REGISTRY
from evaluation.reliability import to_steps
from evaluation.spec import Choice, EvaluationSpec
from evaluation.volumes import Volume, write_mha, write_nifti, write_nrrd
from tests.evaluation.files import refused_files
from tests.evaluation.grids import grid
from tests.evaluation.test_engines import KINDS, drawn

ROOT = Path(__file__).resolve().parents[2]
AMPLE = Limits(memory_bytes=2**36, cpu_seconds=60, answer_bytes=2**20)
MACHINES = list(seccomp._ARCHITECTURES)
HERE = os.uname().machine
NOT_CONFINED = 8
LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Told:
    """What an action gave inside (its error's name, where it failed), and how its process ended."""

    value: object
    ending: int


def confined(action: Callable[[], object], limits: Limits = AMPLE) -> Told:
    """``action`` in a confined process that keeps the descriptors 0 (nothing), 1 and 2."""
    reader, writer = os.pipe()

    def act() -> None:
        os.dup2(writer, 1)
        confine(limits, 3)
        os.write(1, json.dumps(outcome(action)).encode())

    child = forked(act)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        text = file.read()
    return Told(json.loads(text) if text else None, ending(child))


def forked(act: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        act()
        os._exit(0)
    except NotConfined:
        os._exit(NOT_CONFINED)
    finally:
        os._exit(9)


def ending(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def outcome(action: Callable[[], object]) -> object:
    try:
        return action()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    except MemoryError:
        return "MemoryError"


def system_call(on_x86_64: int, on_aarch64: int, *arguments: int) -> None:
    numbers = {"x86_64": on_x86_64, "aarch64": on_aarch64}
    # As long integers: the kernel sees what is written here in full.
    given = [ctypes.c_long(one) for one in (*arguments, *[0] * (6 - len(arguments)))]
    if LIBC.syscall(ctypes.c_long(numbers[HERE]), *given) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def executable_memory() -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_EXEC)


FILES: dict[str, Callable[[], object]] = {
    "read a file": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "read a file by another call": lambda: system_call(437, 437, -100, 0, 0, 24),
    "write a file": lambda: os.open("/tmp/confined", os.O_WRONLY | os.O_CREAT, 0o600),
    "learn of a file": lambda: Path("/etc/passwd").stat(),
    "list a folder": lambda: list(Path("/").iterdir()),
    "remove a file": lambda: Path("/tmp/nothing").unlink(),
    "rename a file": lambda: Path("/tmp/nothing").rename("/tmp/something"),
    "change a mode": lambda: Path("/tmp/nothing").chmod(0o777),
    "change an owner": lambda: os.chown("/tmp/nothing", 0, 0),
    "link a file": lambda: os.link("/etc/passwd", "/tmp/linked"),
    "point at a file": lambda: Path("/tmp/pointing").symlink_to("/etc/passwd"),
    "make a folder": lambda: Path("/tmp/made").mkdir(),
    "make a FIFO": lambda: os.mkfifo("/tmp/fifo"),
    "cut a file": lambda: os.truncate("/tmp/nothing", 0),
    "read a link": lambda: Path("/proc/self/exe").readlink(),
    "go elsewhere": lambda: os.chdir("/"),
    "change the root": lambda: os.chroot("/"),
}
DESCRIPTORS: dict[str, Callable[[], object]] = {
    "make a socket of the network": lambda: socket.socket(socket.AF_INET).fileno(),
    "make a socket of the host": lambda: socket.socket(socket.AF_UNIX).fileno(),
    "make a pair of sockets": lambda: socket.socketpair()[0].fileno(),
    "make a pipe": lambda: os.pipe(),
    "copy a descriptor": lambda: os.dup(0),
    "replace a descriptor": lambda: os.dup2(0, 1),
    "make a file in memory": lambda: os.memfd_create("confined"),
    "hold a process": lambda: os.pidfd_open(os.getpid()),
    "set up io_uring": lambda: system_call(425, 425, 1, 0),
    "handle page faults": lambda: system_call(323, 282, 0),
    "load a program into the kernel": lambda: system_call(321, 280),
    "watch the machine": lambda: system_call(298, 241),
}
PROCESSES: dict[str, Callable[[], object]] = {
    "fork": os.fork,
    "fork as libraries do": lambda: system_call(56, 220, signal.SIGCHLD, 0),
    "start a program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "become a program": lambda: os.execv("/bin/true", ["true"]),
    "become an open program": lambda: os.execve(0, ["true"], {}),
    "signal its parent": lambda: os.kill(os.getppid(), 0),
    "signal itself": lambda: os.kill(os.getpid(), 0),
    "signal a thread of another": lambda: system_call(234, 131, 1, 1, 0),
    "signal a thread": lambda: system_call(200, 130, 1, 0),
    "be traced": lambda: system_call(101, 117, 0, 0, 0, 0),
    "read another's memory": lambda: system_call(310, 270, 1, 0, 0, 0, 0, 0),
    "write another's memory": lambda: system_call(311, 271, 1, 0, 0, 0, 0, 0),
    "slow another down": lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), 5),
}
RULES: dict[str, Callable[[], object]] = {
    "make memory executable": executable_memory,
    "raise a limit": lambda: system_call(302, 261, 0, 7, 0, 0),
    "be dumped": lambda: system_call(157, 167, 4, 1),
    "replace its filter": lambda: system_call(157, 167, 22, 2, 0),
    "become another user": lambda: os.setuid(65534),
    "enter a namespace": lambda: system_call(308, 268, 0, 0),
    "make a namespace": lambda: system_call(272, 97, 0x1000_0000),
    "make a thread in a namespace": lambda: system_call(56, 220, 0x003D_0F00 | 0x0002_0000, 0),
    "mount": lambda: system_call(165, 40),
    "take a page of memory from the machine": lambda: system_call(28, 233, 0, 4096, 100),
    "use the kernel's keys": lambda: system_call(250, 219, 0),
}
REFUSED = {**FILES, **DESCRIPTORS, **PROCESSES, **RULES}


@pytest.mark.parametrize("deed", REFUSED)
def test_it_cannot(deed: str) -> None:
    assert confined(REFUSED[deed]).value == "EPERM"


def test_what_it_cannot_do_it_could_before() -> None:
    """So the list above is held by confinement, and not by what this machine has not."""
    assert outcome(lambda: os.close(os.open("/etc/passwd", os.O_RDONLY))) is None
    assert outcome(lambda: os.close(os.dup(0))) is None
    assert outcome(PROCESSES["signal itself"]) is None
    assert outcome(PROCESSES["become an open program"]) == "EACCES"
    assert outcome(RULES["make memory executable"]) is None
    assert outcome(RULES["be dumped"]) is None


def test_glibc_is_told_that_clone3_is_unknown_so_that_it_shows_its_flags_to_the_filter() -> None:
    assert confined(lambda: system_call(435, 435, 0, 0)).value == "ENOSYS"


def test_it_can_have_threads() -> None:
    found: list[int] = []

    def with_a_thread() -> list[int]:
        thread = Thread(target=lambda: found.append(7))
        thread.start()
        thread.join()
        return found

    assert confined(with_a_thread).value == [7]


def test_it_can_read_the_clock_sleep_and_draw_random_numbers() -> None:
    def act() -> list[object]:
        time.sleep(0.001)
        return [time.time() > 0, len(os.urandom(8)), os.getpid() > 0]

    assert confined(act).value == [True, 8, True]


def test_aborting_ends_it_by_the_signal_that_says_so() -> None:
    assert confined(os.abort).ending == -signal.SIGABRT


@pytest.mark.skipif(HERE != "x86_64", reason="other machines have one set of numbers")
def test_a_call_by_a_number_of_x32_kills_it() -> None:
    told = confined(lambda: system_call(0x4000_0000 + 39, 0))
    assert (told.value, told.ending) == (None, -signal.SIGSYS)


@pytest.mark.skipif(HERE != "x86_64", reason="other machines have one set of numbers")
def test_a_call_of_another_architecture_kills_it() -> None:
    """mov eax, 20 (getpid of 32 bits); int 0x80; ret"""
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    assert confined(call).ending == -signal.SIGSYS


def test_only_the_descriptors_it_was_given_are_left() -> None:
    with Path("/etc/passwd").open("rb") as secret:
        number = secret.fileno()
        assert number > 2
        assert confined(lambda: os.read(number, 1).hex()).value == "EBADF"


def test_it_can_gain_no_privilege_and_its_limits_are_hard() -> None:
    ours, theirs = socket.socketpair()

    def wait() -> None:
        os.dup2(theirs.fileno(), 0)
        confine(replace(AMPLE, answer_bytes=12345), 3)
        os.write(0, b"confined")
        os.read(0, 1)

    child = forked(wait)
    with ours, theirs:
        assert ours.recv(100) == b"confined"
        folder = Path("/proc") / str(child)
        status = dict(line.split(":\t", 1) for line in (folder / "status").read_text().splitlines())
        limits = (folder / "limits").read_text().splitlines()
        ours.send(b"!")
    assert ending(child) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    held = {line[:26].strip(): line[26:].split()[:2] for line in limits}
    assert held["Max core file size"] == ["0", "0"]
    assert held["Max open files"] == ["3", "3"]
    assert held["Max file size"] == ["12345", "12345"]
    assert held["Max address space"] == [str(AMPLE.memory_bytes)] * 2
    assert held["Max cpu time"] == ["60", "65"]


def test_it_would_hold_without_its_filter_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens nothing and cannot be looked into (PR_GET_DUMPABLE is 3)."""
    monkeypatch.setattr(seccomp, "install", lambda: None)
    assert confined(FILES["read a file"]).value == "EMFILE"
    assert confined(DESCRIPTORS["make a socket of the network"]).value == "EMFILE"
    assert confined(lambda: LIBC.prctl(3, 0, 0, 0, 0)).value == 0
    assert LIBC.prctl(3, 0, 0, 0, 0) == 1


def test_its_memory_has_a_limit() -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE
    limits = replace(AMPLE, memory_bytes=used + 2**28)
    assert confined(lambda: len(bytearray(2**27)), limits).value == 2**27
    assert confined(lambda: len(bytearray(2**29)), limits).value == "MemoryError"


def test_its_answer_has_a_limit(tmp_path: Path) -> None:
    target = tmp_path / "answer"

    def write() -> None:
        with target.open("wb") as file:
            os.dup2(file.fileno(), 1)
        confine(replace(AMPLE, answer_bytes=100), 3)
        assert os.write(1, bytes(150)) == 100
        assert outcome(lambda: os.write(1, bytes(1))) == "EFBIG"

    assert ending(forked(write)) == 0
    assert target.stat().st_size == 100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Jobs that lead through every format, every refusal and every way of measuring."""
    folder = tmp_path_factory.mktemp("jobs")
    masks = [
        Volume(one.astype(np.uint8), grid(one.shape, (2.0, 2.0, 3.0)))
        for kind in KINDS
        for one in drawn(kind)
    ]
    bar = np.zeros((4, 4, 24), np.uint8)
    bar[1:3, 1:3, 1:22] = 1
    halves = bar.copy()
    halves[..., 11] = 0
    masks += [Volume(one, grid(bar.shape)) for one in (bar, halves)]
    jobs = [*decoding(folder, masks[0]), *scoring(folder, masks)]
    (folder / "jobs.json").write_text(json.dumps(jobs))
    return folder


class TestLoading:
    """A confined process can load nothing, so all that a job can need has to be loaded before."""

    def seen(self, *arguments: object) -> dict[str, list[str]]:
        done = subprocess.run(
            [sys.executable, "-m", "tests.evaluation.loading", *map(str, arguments)],
            cwd=ROOT,
            env={"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, list[str]] = json.loads(done.stdout)
        return found

    def test_no_job_needs_anything_that_a_nurse_has_not_loaded(self, folder: Path) -> None:
        seen = self.seen(folder)
        assert set(seen["ways"]) == {"tree", "transform", "runs", "labelling", "assignment"}
        assert seen["late"] == []

    def test_jobs_do_need_what_it_loads(self, folder: Path) -> None:
        late = self.seen(folder, "--unprepared")["late"]
        for name in ("nibabel", "numpy.ma", "scipy.ndimage", "scipy.optimize", "scipy.spatial"):
            assert f"import {name}" in late


def decoding(folder: Path, mask: Volume) -> Iterator[dict[str, object]]:
    contents = [write(mask) for write in (write_mha, write_nifti, write_nrrd)]
    contents += [gzip.compress(content) for content in contents]
    contents += [content for content, _ in refused_files(Path("/")).values()]
    for number, content in enumerate(contents):
        (folder / f"{number}.mask").write_bytes(content)
        for resample in (None, "nearest"):
            order = {"geometry": mask.geometry.to_json(), "values": [1], "resample": resample}
            yield {"job": "decode", "order": order, "files": [f"{number}.mask"]}
        yield {"job": "decode_map", "order": order, "files": [f"{number}.mask"]}


def scoring(folder: Path, masks: list[Volume]) -> Iterator[dict[str, object]]:
    at_any_overlap: Choice = {"lesion_f1": {"min_iou": 0.1}}  # so that two may lie on one
    metrics: list[Choice] = [at_any_overlap if name == "lesion_f1" else name for name in REGISTRY]
    asked = ConfidenceSpec(kind=Kind.PROBABILITY_MAP, name="pet-probability")
    spec = EvaluationSpec(metrics=metrics, confidence=asked).model_dump(mode="json")
    roles = ("reference", "prediction", "pet", "probability")
    for pair in zip(masks[::2], masks[1::2], strict=True):
        pet = Volume(np.ones(pair[0].voxels.shape, np.float32), pair[0].geometry)
        names = [f"{id(pair[0])}.{role}" for role in roles]
        kept = Volume(to_steps(pair[1].voxels), pair[0].geometry)
        for name, volume in zip(names, (*pair, pet, kept), strict=True):
            (folder / name).write_bytes(write_mha(volume))
        order = {"files": roles, "spec": spec, "stated": None}
        yield {"job": "score", "order": order, "files": names}


@pytest.mark.parametrize("lacking", ["a filter in the kernel", "a filter for the machine"])
def test_without_a_filter_no_process_passes_for_confined(
    lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = seccomp.prctl

    def refusing(option: int, value: int, pointer: object = None) -> int:
        return errno.EINVAL if option == 22 else known(option, value, pointer)

    if lacking == "a filter in the kernel":
        monkeypatch.setattr(seccomp, "prctl", refusing)
    else:
        monkeypatch.setattr(seccomp, "_ARCHITECTURES", {})
    assert not seccomp_is_there()
    assert confined(os.getpid) == Told(None, NOT_CONFINED)


def test_that_the_kernel_can_filter_is_known_without_filtering() -> None:
    def filters() -> str:
        return Path("/proc/self/status").read_text().split("Seccomp:\t")[1]

    before = filters().splitlines()[:2]
    assert seccomp_is_there()
    assert filters().splitlines()[:2] == before


# What a filter says of a call, by running its program as the kernel does; so that of a machine
# which is not this one can be read, too.
KILL, ALLOW = 0x8000_0000, 0x7FFF_0000
EPERM, ENOSYS = 0x0005_0000 | errno.EPERM, 0x0005_0000 | errno.ENOSYS
AUDIT = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
THIS = 4321


def verdict(machine: str, number: int, *arguments: int, audit: int | None = None) -> int:
    given = [one & 2**64 - 1 for one in (*arguments, *[0] * (6 - len(arguments)))]
    call = struct.pack("<IIQ6Q", number, audit or AUDIT[machine], 0, *given)
    program = list(seccomp._instructions(seccomp._ARCHITECTURES[machine], THIS))
    at = held = 0
    while True:
        code, then, otherwise, value = struct.unpack("<HBBI", program[at])
        at += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            (held,) = struct.unpack_from("<I", call, value)
        elif code == 0x54:
            held &= value
        else:
            true = held == value if code == 0x15 else held >= value
            at += then if true else otherwise


@pytest.mark.parametrize("machine", MACHINES)
class TestTheFilterOf:
    def numbers(self, name: str, machine: str) -> int:
        return {
            "openat": (257, 56),
            "execve": (59, 221),
            "socket": (41, 198),
            "read": (0, 63),
            "mmap": (9, 222),
            "mprotect": (10, 226),
            "madvise": (28, 233),
            "clone": (56, 220),
            "tgkill": (234, 131),
        }[name][MACHINES.index(machine)]

    def test_a_call_that_is_not_listed_is_refused(self, machine: str) -> None:
        for name in ("openat", "execve", "socket"):
            assert verdict(machine, self.numbers(name, machine)) == EPERM
        assert verdict(machine, 435) == ENOSYS
        assert verdict(machine, 9999) == EPERM

    def test_reading_what_is_open_is_allowed(self, machine: str) -> None:
        assert verdict(machine, self.numbers("read", machine)) == ALLOW

    def test_a_foreign_architecture_kills(self, machine: str) -> None:
        for audit in {0x4000_0003, 0x4000_0028, *AUDIT.values()} - {AUDIT[machine]}:
            assert verdict(machine, self.numbers("read", machine), audit=audit) == KILL

    def test_memory_may_be_had_and_not_run(self, machine: str) -> None:
        for name in ("mmap", "mprotect"):
            number = self.numbers(name, machine)
            assert verdict(machine, number, 0, 4096, 3) == ALLOW
            for executable in (4, 5, 7, 0x0100_0004):
                assert verdict(machine, number, 0, 4096, executable) == EPERM

    def test_memory_may_be_given_back_and_not_taken_from_the_machine(self, machine: str) -> None:
        number = self.numbers("madvise", machine)
        assert verdict(machine, number, 0, 4096, mmap.MADV_DONTNEED) == ALLOW
        assert verdict(machine, number, 0, 4096, mmap.MADV_HUGEPAGE) == ALLOW
        for poisoned in (100, 101):
            assert verdict(machine, number, 0, 4096, poisoned) == EPERM

    def test_a_thread_may_be_made_and_not_a_process(self, machine: str) -> None:
        number = self.numbers("clone", machine)
        assert verdict(machine, number, 0x003D_0F00) == ALLOW
        assert verdict(machine, number, 0x007D_0F00) == ALLOW  # as musl has it
        for flags in (0, signal.SIGCHLD, 0x0120_0011, 0x4100, 0x003C_0F00, 0x103D_0F00):
            assert verdict(machine, number, flags) == EPERM

    def test_it_may_signal_itself_alone(self, machine: str) -> None:
        number = self.numbers("tgkill", machine)
        assert verdict(machine, number, THIS, THIS, 6) == ALLOW
        for other in (0, 1, -1, THIS + 1, THIS | 1 << 31):
            assert verdict(machine, number, other, THIS, 6) == EPERM
