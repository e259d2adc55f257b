"""Which protections hold on this host: seen on a container, not read from a configuration."""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from config.finding import Finding, Verdict
from submissions.sandbox.engine import GVISOR, Engine
from submissions.sandbox.outcome import SandboxError
from submissions.sandbox.probe import LIMITED_MOUNTS, Held, Seen, probe

_NOT_FROM_HERE = "cannot be verified from here"
_ELSEWHERE = (
    "Run the doctor as root on the engine's own host, outside any container. ./uptake attack "
    "tries the protections from inside, wherever the engine is."
)
_NO_DISK = frozenset(
    {"tmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2", "ramfs", "devtmpfs"}
)
_CGROUPS = "Boot with cgroup_enable=memory swapaccount=1, or use cgroup v2."


def protections() -> Iterator[Finding]:
    """What the kernel tells of a container, for each runtime that a submission may get."""
    # An id of its own: the reconciler of a running platform must not take it for a left-over.
    installation = f"doctor{secrets.token_hex(6)}"
    with tempfile.TemporaryDirectory(prefix="uptake-doctor-") as folder:
        try:
            engine = Engine.connect(installation=installation, host="doctor", folder=Path(folder))
        except SandboxError as error:
            yield Finding("Sandbox", Verdict.MISSING, error.message[:300], "Look into its log.")
            return
        with closing(engine):
            gvisor = [GVISOR] if GVISOR in engine.runtimes else []
            for runtime in dict.fromkeys([engine.plain_runtime, *gvisor]):
                try:
                    seen = probe(engine, runtime)
                except SandboxError as error:
                    yield Finding(
                        f"{runtime}: sandbox", Verdict.MISSING,
                        f"no container could be started: {error.message[:300]}",
                        "No submission can run like this. Look into the engine's log.",
                    )  # fmt: skip
                else:
                    yield from judge(seen, engine.info)


def judge(seen: Seen, info: dict[str, Any]) -> Iterator[Finding]:
    """info: what the engine says of itself, told where the kernel cannot be asked."""
    if seen.runtime == GVISOR:
        yield _gvisors_process(seen)
    else:
        yield _system_calls(seen, info)
        yield _user(seen)
        yield _files(seen)
    yield _limits(seen, info)
    yield _network(seen)
    yield _counters(seen)


def _system_calls(seen: Seen, info: dict[str, Any]) -> Finding:
    what = f"{seen.runtime}: seccomp"
    if seen.process is None:
        options = [option.split(",")[0] for option in info.get("SecurityOptions") or []]
        word = "has" if "name=seccomp" in options else "has no"
        return _unseen(what, f"the engine says that it {word} seccomp")
    if seen.process.filtered:
        return Finding(what, Verdict.GOOD, "the kernel filters the program's system calls")
    return Finding(
        what, Verdict.MISSING, "the program's system calls are not filtered",
        "Use an engine and a kernel with seccomp, and no seccomp-profile=unconfined.",
    )  # fmt: skip


def _user(seen: Seen) -> Finding:
    what, process = f"{seen.runtime}: user", seen.process
    if process is None:
        return _unseen(what)
    wrong = [
        *(["it is uid 0"] if 0 in process.uids else []),
        *([f"it has capabilities {process.capabilities:x}"] if process.capabilities else []),
        *([] if process.no_new_privileges else ["it may gain privileges"]),
    ]
    if wrong:
        return Finding(
            what, Verdict.MISSING, ", ".join(wrong),
            "This engine does not do what it is told: use Docker Engine 20.10 or later.",
        )  # fmt: skip
    return Finding(what, Verdict.GOOD, f"uid {process.uids[0]}, no capability, no new privileges")


def _files(seen: Seen) -> Finding:
    what, mounts = f"{seen.runtime}: disk", seen.mounts
    if mounts is None:
        return _unseen(what)
    wrong = [
        f"{path} is writable without the limit of {most >> 20} MiB"
        for path, most in LIMITED_MOUNTS.items()
        if path not in mounts or mounts[path].kind != "tmpfs" or mounts[path].bytes != most
    ]
    wrong += [
        f"{path} is a writable {mount.kind}"
        for path, mount in mounts.items()
        if mount.writable and mount.kind not in _NO_DISK
    ]
    if "/input" not in mounts:
        wrong.append("/input is not there")
    if wrong:
        return Finding(
            what, Verdict.MISSING, ", ".join(wrong),
            "A container could fill this host's disk: use Docker's own local volume driver.",
        )  # fmt: skip
    limited = ", ".join(LIMITED_MOUNTS)
    return Finding(
        what, Verdict.GOOD, f"root and /input read-only; {limited} in memory, with their limits"
    )


def _gvisors_process(seen: Seen) -> Finding:
    what = f"{seen.runtime}: process"
    if seen.process is None or seen.is_gvisor is None:
        return _unseen(what)
    if not seen.is_gvisor:
        return Finding(
            what, Verdict.MISSING, "the runtime called runsc does not start gVisor",
            "See the runtimes in /etc/docker/daemon.json.",
        )  # fmt: skip
    if not seen.process.filtered:
        return Finding(
            what, Verdict.MISSING, "nothing filters gVisor's own system calls",
            "See runtimeArgs in /etc/docker/daemon.json.",
        )  # fmt: skip
    return Finding(
        what, Verdict.GOOD, "gVisor holds the program, itself behind a filter of system calls",
        "User, files and system calls inside are gVisor's own, and not seen from outside; "
        "./uptake attack tries them.",
    )  # fmt: skip


def _limits(seen: Seen, info: dict[str, Any]) -> Finding:
    what, held, asked = f"{seen.runtime}: limits", seen.held, seen.asked
    if held is None:
        flags = ("MemoryLimit", "SwapLimit", "PidsLimit", "CPUSet")
        said = ", ".join(flag for flag in flags if info.get(flag)) or "no limit"
        return _unseen(what, f"the engine says that it has {said}")
    if lacking := _lacking(held, asked):
        return Finding(what, Verdict.MISSING, f"no limit on {', '.join(lacking)}", _CGROUPS)
    return Finding(what, Verdict.GOOD, "memory, no swap, processes and CPUs, by the control group")


def _lacking(held: Held, asked: Held) -> list[str]:
    pairs = {
        "memory": (held.memory_bytes, asked.memory_bytes),
        "swap": (held.swap_bytes, asked.swap_bytes),
        "processes": (held.tasks, asked.tasks),
        "CPUs": (held.cpus, asked.cpus),
    }
    return [name for name, (has, wants) in pairs.items() if has != wants]


def _network(seen: Seen) -> Finding:
    what = f"{seen.runtime}: network"
    if seen.interfaces is None or seen.own_network is None:
        return _unseen(what)
    others = [name for name in seen.interfaces if name != "lo"]
    if others or not seen.own_network:
        found = f"it has {', '.join(others)}" if others else "it shares this host's network"
        return Finding(what, Verdict.MISSING, found, "See runtimeArgs in /etc/docker/daemon.json.")
    return Finding(what, Verdict.GOOD, "a network of its own, with the loopback alone")


def _counters(seen: Seen) -> Finding:
    what = f"{seen.runtime}: measured"
    if seen.measured:
        return Finding(what, Verdict.GOOD, "memory and CPU time, by the kernel's counters")
    return Finding(
        what, Verdict.NOTE, "sampled once a second: a short peak of memory may be missed",
        "The kernel's counters need a worker that is root on the engine's host, and with cgroup v2 "
        "Linux 5.19.",
    )  # fmt: skip


def _unseen(what: str, said: str = "") -> Finding:
    found = f"{_NOT_FROM_HERE}; {said}" if said else _NOT_FROM_HERE
    return Finding(what, Verdict.NOTE, found, _ELSEWHERE)
