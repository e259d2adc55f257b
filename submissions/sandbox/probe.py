"""A container that does nothing, made as an algorithm's is, and looked at from outside.

Under a plain runtime the kernel tells of the program itself. Under gVisor it tells of gVisor's
process, which holds the program: what happens inside that is not to be seen from outside.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from docker.models.containers import Container

from submissions.sandbox.archive import ImageConfig
from submissions.sandbox.creation import (
    Names,
    create_algorithm,
    create_keeper,
    create_volumes,
    remove_all,
    tasks_limit,
)
from submissions.sandbox.engine import (
    GVISOR,
    NOBODY_ACCOUNT,
    Engine,
    ImageUnusable,
    platform_fault,
)
from submissions.sandbox.keeper import IMAGE
from submissions.sandbox.outcome import Limits, RunRequest, SandboxError
from submissions.sandbox.usage import Group, groups_of

LIMITS = Limits(memory_mib=64, shm_mib=8, tmp_mib=16, output_mib=4, cpus=1, pids=32, seconds=30)
LIMITED_MOUNTS = {
    "/output": LIMITS.output_mib << 20,
    "/tmp": LIMITS.tmp_mib << 20,  # noqa: S108
    "/dev/shm": LIMITS.shm_mib << 20,  # noqa: S108
}
"""Where a program may write, and how many bytes at most."""

_PAUSE = ImageConfig(("/keeper",), (), (), "", "", ())
_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_FILTERED = 2  # the kernel's SECCOMP_MODE_FILTER
# The runtime filters system calls as the very last thing before it becomes the program.
_SETTLED_SECONDS = 1.0


@dataclass(frozen=True)
class Process:
    """uids: real, effective, saved, of files. capabilities: what it holds and could ever gain."""

    uids: tuple[int, ...]
    capabilities: int
    no_new_privileges: bool
    filtered: bool


@dataclass(frozen=True)
class Mount:
    """bytes: the most it may hold; None where it tells no limit."""

    kind: str
    writable: bool
    bytes: int | None


@dataclass(frozen=True)
class Held:
    """Limits by the kernel on the container's control group; None where there is none."""

    memory_bytes: int | None
    swap_bytes: int | None
    tasks: int | None
    cpus: str | None


@dataclass(frozen=True)
class Seen:
    """What the kernel told; None where it cannot be seen from here.

    asked: the limits that the container was made with. interfaces: of its network, and own_network
    whether that is another than this process's. measured: the kernel counts what the run uses.
    """

    runtime: str
    asked: Held
    process: Process | None = None
    is_gvisor: bool | None = None
    held: Held | None = None
    mounts: dict[str, Mount] | None = None
    interfaces: tuple[str, ...] | None = None
    own_network: bool | None = None
    measured: bool = False


def probe(engine: Engine, runtime: str) -> Seen:
    """Start the container, look at it, remove it. SandboxError where it cannot be started."""
    request = RunRequest("probe", 1, (), "probe", LIMITS, Path())
    names = Names.of(engine, request)
    with platform_fault("probe_failed"):
        try:
            create_volumes(engine, request, names)
            keeper = create_keeper(engine, request, names)
            keeper.start()
            container = create_algorithm(
                engine, IMAGE, _PAUSE, NOBODY_ACCOUNT, request, names, runtime
            )
            cpu = str(min(os.sched_getaffinity(0)))
            container.update(cpuset_cpus=cpu)
            container.start()
            keeper.reload()
            container.reload()
            return _look(keeper, container, names, runtime, cpu)
        except ImageUnusable as error:
            raise SandboxError("probe_failed", f"The engine refuses: {error}") from error
        finally:
            remove_all(engine, names)


def _look(keeper: Container, container: Container, names: Names, runtime: str, cpu: str) -> Seen:
    memory = int(container.attrs["HostConfig"]["Memory"])
    asked = Held(memory, 0, tasks_limit(LIMITS, runtime), cpu)
    pid = int(container.attrs["State"]["Pid"])
    folder = _PROC / str(pid)
    told = _read(folder / "cgroup") or ""
    # Of an engine elsewhere, the number means nothing, or another process, here.
    if not pid or (container.id or "?") not in told:
        return Seen(runtime, asked)
    process = _settled(folder / "status")
    command, mounts = _command(folder / "cmdline"), _read(folder / "mountinfo")
    network = _read(folder / "net" / "dev")
    group = Group.of(int(keeper.attrs["State"]["Pid"]), names.base)
    return Seen(
        runtime,
        asked,
        process=process,
        is_gvisor=command.startswith(GVISOR) if command else None,
        held=limits_of(groups_of(told), _CGROUPS),
        mounts=None if mounts is None else mounts_of(mounts),
        interfaces=None if network is None else interfaces_of(network),
        own_network=_is_own(folder / "ns" / "net"),
        measured=group is not None and group.usage().measured == "kernel",
    )


def _settled(status: Path) -> Process | None:
    end = time.monotonic() + _SETTLED_SECONDS
    while True:
        text = _read(status)
        process = None if text is None else process_of(text)
        if process is None or process.filtered or time.monotonic() > end:
            return process
        time.sleep(0.02)


def _command(cmdline: Path) -> str | None:
    """Empty for a moment while one program takes the place of another."""
    end = time.monotonic() + _SETTLED_SECONDS
    while (text := _read(cmdline)) == "" and time.monotonic() < end:
        time.sleep(0.02)
    return text


def process_of(status: str) -> Process:
    """From ``/proc/<pid>/status``."""
    fields = {name: value.strip() for name, _, value in _pairs(status)}
    capabilities = 0
    for name in ("CapPrm", "CapEff", "CapInh", "CapBnd", "CapAmb"):
        capabilities |= int(fields.get(name, "0"), 16)
    return Process(
        uids=tuple(map(int, fields["Uid"].split())),
        capabilities=capabilities,
        no_new_privileges=fields.get("NoNewPrivs") == "1",
        filtered=fields.get("Seccomp") == str(_FILTERED),
    )


def mounts_of(mountinfo: str) -> dict[str, Mount]:
    """From ``/proc/<pid>/mountinfo``, by path; the last one on a path hides those below it."""
    found = {}
    for line in mountinfo.splitlines():
        mount, _, filesystem = line.partition(" - ")
        path, options = mount.split()[4:6]
        kind, _, own_options = filesystem.split(" ", 2)
        writable = "rw" in options.split(",") and "rw" in own_options.split(",")
        sizes = [one[5:] for one in own_options.split(",") if one.startswith("size=")]
        found[path] = Mount(kind, writable, _bytes(sizes[0]) if sizes else None)
    return found


def limits_of(groups: dict[str, Path], root: Path) -> Held | None:
    """Of the control groups of a process, where the kernel mounts them at ``root``; None where
    they are not to be seen."""
    if "memory" in groups:
        folders = {
            name: root / name / groups.get(name, "") for name in ("memory", "pids", "cpuset")
        }
        memory = _number(folders["memory"] / "memory.limit_in_bytes")
        both = _number(folders["memory"] / "memory.memsw.limit_in_bytes")
        swap = None if both is None or memory is None else both - memory
    else:
        folders = dict.fromkeys(("memory", "pids", "cpuset"), root / groups.get("", ""))
        memory = _number(folders["memory"] / "memory.max")
        swap = _number(folders["memory"] / "memory.swap.max")
    if not folders["memory"].is_dir():
        return None
    cpus = _read(folders["cpuset"] / "cpuset.cpus")
    return Held(memory, swap, _number(folders["pids"] / "pids.max"), cpus and cpus.strip())


def interfaces_of(network: str) -> tuple[str, ...]:
    """From ``/proc/<pid>/net/dev``: two lines of headings, then one for each."""
    return tuple(name.strip() for name, _, _ in _pairs("\n".join(network.splitlines()[2:])))


def _is_own(namespace: Path) -> bool | None:
    try:
        return os.readlink(namespace) != os.readlink(_PROC / "self" / "ns" / "net")  # noqa: PTH115
    except OSError:
        return None


def _pairs(text: str) -> list[tuple[str, str, str]]:
    return [line.partition(":") for line in text.splitlines()]


def _bytes(size: str) -> int:
    units = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
    return int(size.rstrip("kmg")) * units.get(size[-1], 1)


def _number(path: Path) -> int | None:
    """None for what cannot be read, and for "max"."""
    text = _read(path)
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
