"""Where a worker has its jobs done: a parent process with everything loaded forks one for each.

Each thread of a worker has a parent process of its own (``nurse``), started when it is first needed
and ended with the thread, however that ends. Neither it nor its children see the worker's
environment or anything of its memory.
"""

import os
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from enum import IntEnum
from io import BufferedRandom
from pathlib import Path
from typing import BinaryIO

from evaluation.errors import EvaluationError

MOST_FILES = 8
"""That one job may be given; the reference, a prediction, its map and the PET are four."""
_ROOT = Path(__file__).resolve().parent.parent
# OpenBLAS would otherwise map memory for threads that nothing here uses.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
_ASK_EVERY_SECONDS = 0.25
_END_SECONDS = 1
_MOST_WORDS = 2000  # of what a broken process wrote


class IsolatedProcessFailed(EvaluationError):
    """The process itself broke: a fault of the platform, not of the mask."""


class IsolatedProcessStopped(Exception):
    """``should_stop`` answered yes, and the process was killed."""


class Ending(IntEnum):
    """The statuses with which a job ends by itself; a negative one is the signal that ended it."""

    DONE = 0
    BROKEN = 1
    OUT_OF_MEMORY = 3
    NOT_CONFINED = 4


@dataclass(frozen=True)
class Ended:
    """A job that ended. answer: what it wrote, at its start; errors: the end of its complaints."""

    status: int
    answer: BufferedRandom
    errors: str


class Nursery:
    """One thread's parent process. It does one job after the other."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._complaints = _memory_file("nurse")
            self._process = subprocess.Popen(
                [sys.executable, "-m", "evaluation.nurse", str(theirs.fileno()), str(os.getpid())],
                cwd=_ROOT,
                env=_ENVIRONMENT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._complaints,
                start_new_session=True,  # Ctrl-C in a terminal is for the worker to judge
            )
        ours.settimeout(_ASK_EVERY_SECONDS)
        self._socket = ours
        self._worker = os.getpid()
        self.end = weakref.finalize(self, _end, self._process, ours, self._worker)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def usable(self) -> bool:
        return self._worker == os.getpid() and self.end.alive and self._process.poll() is None

    def run(
        self,
        request: bytes,
        files: Sequence[BinaryIO],
        should_stop: Callable[[], bool],
        *,
        wall_seconds: float,
    ) -> Ended:
        """Do the job that ``request`` describes; its answer is the caller's to close.

        ``should_stop`` is asked four times a second, so that a lease can be kept meanwhile. Raises
        IsolatedProcessStopped, IsolatedProcessFailed; then, as after any exception, the job is
        dead, and so is this nursery.
        """
        with _memory_file("order") as order, _memory_file("errors") as errors, ExitStack() as undo:
            answer = undo.enter_context(_memory_file("answer"))
            undo.callback(self.end)
            order.write(request)
            order.flush()
            self._send([order, answer, errors, *files])
            deadline = time.monotonic() + wall_seconds
            while (status := self._status()) is None:
                if should_stop():
                    raise IsolatedProcessStopped
                if time.monotonic() > deadline:
                    raise IsolatedProcessFailed(
                        "too_slow", f"The process did not answer within {wall_seconds} s."
                    )
            undo.pop_all()
            answer.seek(0)
            return Ended(status, answer, _last_words(errors))

    def _send(self, files: Sequence[BinaryIO | BufferedRandom]) -> None:
        try:
            socket.send_fds(self._socket, [b"job"], [file.fileno() for file in files])
        except ConnectionError:
            raise self._fallen() from None

    def _status(self) -> int | None:
        """That of a job that has ended; None where it has not, after a little while."""
        try:
            status = self._socket.recv(16)
        except TimeoutError:
            return None
        except ConnectionError:
            status = b""
        if not status:
            raise self._fallen()
        return int(status)

    def _fallen(self) -> IsolatedProcessFailed:
        self.end()
        return IsolatedProcessFailed(
            "isolation_failed",
            "The parent of the processes that decode and score ended with status "
            f"{self._process.returncode}: {_last_words(self._complaints)}",
        )


_own = threading.local()


def nursery() -> Nursery:
    """This thread's, started anew where it has none that lives.

    A fork of a worker has its own: a child cannot wait for what its parent started.
    """
    found: Nursery | None = getattr(_own, "nursery", None)
    if found is None or not found.usable:
        found = _own.nursery = Nursery()
    return found


def _end(process: "subprocess.Popen[bytes]", ours: socket.socket, worker: int) -> None:
    """Reached when the nursery is no longer referred to, too: in a fork of the worker as well."""
    with ours:
        if os.getpid() != worker:
            return
        # The parent of a running job kills it when it hears this, and only then ends.
        with suppress(OSError):
            ours.shutdown(socket.SHUT_RDWR)
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()  # which kills its child, too
            process.wait()


def _memory_file(name: str) -> BufferedRandom:
    return os.fdopen(os.memfd_create(name), "w+b")


def _last_words(file: BufferedRandom) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _MOST_WORDS))
    return file.read().decode("utf-8", "replace").strip()
