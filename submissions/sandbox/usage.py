"""What a run used, from the kernel's own counters, which see every peak.

A container's counters vanish with it. So each run has a parent control group, in which the keeper
sits too: that one lives until the keeper is removed, and is read when the program has ended. Where
this process cannot see or remove it (a worker inside a container, an engine elsewhere, no root),
there is none, and samples of the engine are used instead.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CGROUPS = Path("/sys/fs/cgroup")
_PROC = Path("/proc")
_V1 = ("memory", "cpuacct", "pids")


@dataclass(frozen=True)
class Usage:
    """None where unknown, never 0 for it. measured: "kernel", or "sampled" (the true peak may be
    higher), or nothing. peak_tasks: processes and threads at once."""

    peak_memory_bytes: int | None = None
    cpu_seconds: float | None = None
    measured: str = ""
    peak_tasks: int | None = None


def parent_group(info: dict[str, Any], name: str) -> str | None:
    """What ``cgroup_parent`` is to be for a run called ``name``; None where it could not be read.

    info: the engine's own description of itself.
    """
    if info.get("CgroupDriver") == "systemd":
        # systemd removes the slice with the last container in it. A dash makes a child of a slice.
        return f"uptake-{name.replace('-', '_')}.slice"
    if info.get("CgroupDriver") == "cgroupfs" and os.access(_CGROUPS, os.W_OK):
        return f"/uptake/{name}"
    return None


class Group:
    """The parent control group of a run, found by a process that is in it."""

    def __init__(self, folders: dict[str, Path]) -> None:
        """folders: of the controllers memory, cpuacct and pids; "" for all in cgroup v2."""
        self._folders = folders

    @classmethod
    def of(cls, pid: int, name: str) -> "Group | None":
        """The group above that of process ``pid``, if it is the one made for run ``name``.

        None where it is not to be seen from here: then ``pid`` is of another machine or namespace.
        """
        try:
            text = (_PROC / str(pid) / "cgroup").read_text()
        except OSError:
            return None
        parents = {name: path.parent for name, path in groups_of(text).items()}
        if "memory" in parents:
            folders = {one: _CGROUPS / one / parents[one] for one in _V1 if one in parents}
        else:
            folders = {"": _CGROUPS / parents.get("", "")}
        spellings = (name, name.replace("-", "_"))
        for folder in folders.values():
            if not folder.is_dir() or not any(text in folder.name for text in spellings):
                return None
        return cls(folders)

    def usage(self) -> Usage:
        """Empty where the kernel keeps no peak of memory (cgroup v2 before Linux 5.19)."""
        if "" in self._folders:
            whole = self._folders[""]
            memory = _number(whole / "memory.peak")
            micro = _field(whole / "cpu.stat", "usage_usec")
            seconds = None if micro is None else micro / 1e6
            tasks = _number(whole / "pids.peak")
        else:
            memory = self._of("memory", "memory.max_usage_in_bytes")
            nano = self._of("cpuacct", "cpuacct.usage")
            seconds = None if nano is None else nano / 1e9
            tasks = self._of("pids", "pids.peak")
        if memory is None or seconds is None:
            return Usage()
        return Usage(memory, seconds, "kernel", tasks)

    def _of(self, controller: str, file: str) -> int | None:
        folder = self._folders.get(controller)
        return None if folder is None else _number(folder / file)


def groups_of(text: str) -> dict[str, Path]:
    """The control group of a process by controller, from its ``/proc/<pid>/cgroup``.

    Each is relative to where the controller is mounted; "" stands for all of cgroup v2.
    """
    found = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = Path(path.lstrip("/"))
    return found


def remove_group(name: str) -> None:
    """After the last container in it is gone; systemd removes its own."""
    for folder in (_CGROUPS / "uptake" / name, *_CGROUPS.glob(f"*/uptake/{name}")):
        with suppress(OSError):  # gone, or not one of this engine's controllers
            folder.rmdir()


def left_groups(prefix: str) -> list[str]:
    """Names of the parent groups that still exist here and begin with ``prefix``."""
    folders = [one for one in (_CGROUPS / "uptake", *_CGROUPS.glob("*/uptake")) if one.is_dir()]
    found = {child.name for one in folders for child in one.iterdir() if child.is_dir()}
    return sorted(name for name in found if name.startswith(prefix))


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _field(path: Path, name: str) -> int | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name} ")), None)
