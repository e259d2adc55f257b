"""The platform's own baselines as plain processes, on a host where no engine can be had.

Nothing here contains a program: it is for files of this project alone, and every place that shows
a result of it says that it was not sandboxed.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from submissions.sandbox.outcome import (
    MIB,
    Failure,
    Limits,
    Outcome,
    Owner,
    RunRequest,
    SandboxError,
    Statement,
    Stopped,
)
from submissions.sandbox.places import Places
from submissions.sandbox.staging import MASK_ENDINGS, wrong_number_stated
from submissions.sandbox.usage import Usage

SANDBOX_NONE = "none"
_LOG_BYTES = 64 * 1024


class BaselineProcess:
    """``script`` is one of the project's own programs; ``environment`` its parameters."""

    def __init__(self, script: Path, environment: dict[str, str], places: Places) -> None:
        self._script = script
        self._environment = environment
        self._places = places

    def run(self, request: RunRequest, should_stop: Callable[[], bool]) -> Outcome:
        with self._places.reserve(request.limits.cpus, should_stop) as cpus:
            return self._run(request, cpus, should_stop)

    def _run(
        self, request: RunRequest, cpus: tuple[int, ...], should_stop: Callable[[], bool]
    ) -> Outcome:
        source, output = request.work / "input", request.work / "output"
        output.mkdir(parents=True)
        for image in request.images:
            folder = source / "images" / image.socket
            folder.mkdir(parents=True)
            shutil.copyfile(image.file, folder / "case.mha")
        for document in request.inputs:
            (source / f"{document.name}.json").write_text(json.dumps(document.value))
        started, clock = datetime.now(UTC), time.monotonic()
        log_file = request.work / "log"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    str(self._script),
                    "--input",
                    str(source),
                    "--output",
                    str(output),
                ],
                env={
                    "PATH": os.defpath,
                    "OPENBLAS_NUM_THREADS": "1",
                    "OUTPUT_SLUG": request.output_slug,
                    **self._environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=request.work,
            )
            try:
                with suppress(ProcessLookupError):
                    os.sched_setaffinity(process.pid, cpus)
                timed_out = _wait(process, request.limits, should_stop)
            finally:
                process.kill()
                process.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = time.monotonic() - clock
        failure = _failure(process.returncode, timed_out, request.limits)
        masks = [
            path
            for path in (output / "images" / request.output_slug).glob("*")
            if path.name.endswith(MASK_ENDINGS)
        ]
        if failure is None and len(masks) != 1:
            failure = Failure("no_output", f"Expected one mask, found {len(masks)}.")
        documents = {name: output / f"{name}.json" for name in request.outputs}
        missing = [str(path) for path in documents.values() if not path.is_file()]
        if failure is None and missing:
            failure = Failure("no_json", f"Expected {', '.join(missing)} beside the mask.")
        stated = _stated(output, request.confidence)
        failure = failure or wrong_number_stated([path.name for path in stated], request.confidence)
        return Outcome(
            sandbox=SANDBOX_NONE,
            started_at=started,
            ended_at=datetime.now(UTC),
            seconds=seconds,
            exit_code=process.returncode,
            signal=-process.returncode if process.returncode < 0 else None,
            out_of_memory=False,
            usage=Usage(None, _cpu_seconds(after) - _cpu_seconds(before), "kernel"),
            log=log_file.read_bytes()[-_LOG_BYTES:].decode("utf-8", "replace"),
            mask=masks[0] if failure is None else None,
            documents={}
            if failure
            else {name: path.read_bytes() for name, path in documents.items()},
            confidence=stated[0] if stated and failure is None else None,
            failure=failure,
        )


def _stated(output: Path, asked: Statement | None) -> list[Path]:
    """What lies in the place of what is asked for beside the mask."""
    if asked is None:
        return []
    if not asked.is_map:
        return [path for path in [output / f"{asked.name}.json"] if path.is_file()]
    files = (output / "images" / asked.name).glob("*")
    return [path for path in files if path.name.endswith(MASK_ENDINGS)]


def _cpu_seconds(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


def _wait(
    process: "subprocess.Popen[bytes]", limits: Limits, should_stop: Callable[[], bool]
) -> bool:
    """Whether it had to be stopped for its time."""
    try:
        memory = limits.engine_memory_bytes + 512 * MIB
        resource.prlimit(process.pid, resource.RLIMIT_AS, (memory, memory))
    except (ProcessLookupError, ValueError) as error:
        raise SandboxError("limits_refused", f"No memory limit could be set: {error}") from error
    deadline = time.monotonic() + limits.seconds
    while process.poll() is None:
        if should_stop():
            raise Stopped
        if time.monotonic() > deadline:
            return True
        time.sleep(0.02)
    return False


def _failure(status: int, timed_out: bool, limits: Limits) -> Failure | None:
    if timed_out:
        return Failure("time_limit", f"Stopped after {limits.seconds} s, the limit of a case.")
    if status < 0:
        return Failure("killed_from_outside", f"Killed by signal {-status}.", Owner.PLATFORM)
    if status:
        return Failure("exit_code", f"The program ended with exit status {status}; 0 is success.")
    return None
