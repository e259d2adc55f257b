"""What is asked of a sandbox, and what it observed."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from submissions.sandbox.usage import Usage

MIB = 1024 * 1024


class Owner(StrEnum):
    """Whose fault a failure is: only a participant's counts against an algorithm."""

    PARTICIPANT = "participant"
    ORGANISER = "organiser"
    PLATFORM = "platform"


class SandboxError(Exception):
    """A fault of the platform (engine gone, image not loadable): the run is tried again."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Limits:
    """What one run may use; all of it is held by the kernel."""

    memory_mib: int
    shm_mib: int
    tmp_mib: int
    output_mib: int
    cpus: int
    pids: int
    seconds: int
    open_files: int = 4096
    log_mib: int = 1

    @property
    def engine_memory_bytes(self) -> int:
        """tmpfs counts as the container's memory, so its caps are added to the program's own."""
        return (self.memory_mib + self.shm_mib + self.tmp_mib + self.output_mib) * MIB

    def to_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class InputImage:
    """One image of a case: socket ``pet`` or ``ct``, and the MetaImage file to hand over."""

    socket: str
    file: Path


@dataclass(frozen=True)
class InputDocument:
    """A further input: ``/input/<name>.json``."""

    name: str
    title: str
    value: Any


@dataclass(frozen=True)
class Statement:
    """What a program may write beside its mask of how sure it is: a map, or one number as JSON."""

    name: str
    is_map: bool
    required: bool = False

    @property
    def place(self) -> str:
        return f"/output/images/{self.name}/" if self.is_map else f"/output/{self.name}.json"


@dataclass(frozen=True)
class RunRequest:
    """One container on one case. run and attempt become labels; work is an empty folder.

    outputs: names of the declared ``/output/<name>.json``. confidence: what may be written beside
    the mask of how sure the program is. writable: paths of the image that get a
    copy in memory, each of tmp_mib at most.
    """

    run: str
    attempt: int
    images: tuple[InputImage, ...]
    output_slug: str
    limits: Limits
    work: Path
    inputs: tuple[InputDocument, ...] = ()
    outputs: tuple[str, ...] = ()
    confidence: Statement | None = None
    writable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    code: str
    message: str
    owner: Owner = Owner.PARTICIPANT


@dataclass(frozen=True)
class Outcome:
    """What the platform observed of one run, whether it succeeded or not.

    seconds: wall time of the program, None where none was run. mask: the collected file,
    confidence: the one beside it, a map or JSON, where there is one; documents: the declared JSON
    files by name; all untrusted. failure: None means that all declared outputs were collected after
    exit status 0. stages: seconds by stage, as far as it
    came.
    """

    sandbox: str
    started_at: datetime
    ended_at: datetime
    seconds: float | None
    exit_code: int | None
    signal: int | None
    out_of_memory: bool
    usage: Usage
    log: str
    mask: Path | None
    failure: Failure | None
    warning: str = ""
    documents: dict[str, bytes] = field(default_factory=dict)
    confidence: Path | None = None
    stages: dict[str, float] = field(default_factory=dict)


class Stopwatch:
    """Seconds by stage, for whoever asks where the time of a run goes."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self.stages[name] = self.stages.get(name, 0.0) + time.monotonic() - start


class Stopped(Exception):
    """The run was asked to stop (cancelled, or its lease was lost); nothing of it counts."""


class Program(Protocol):
    """Something that can be run on a case, sandboxed or not."""

    def run(self, request: RunRequest, should_stop: Callable[[], bool]) -> Outcome:
        """Run to the end. ``should_stop`` is asked several times a second.

        Raises Stopped when it answered yes, SandboxError for a fault of the platform.
        """
