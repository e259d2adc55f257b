"""Start the processes that decode and score, each with limits and an empty environment."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError, MaskRefused
from evaluation.geometry import Geometry
from evaluation.spec import EvaluationSpec

_ROOT = Path(__file__).resolve().parent.parent
_BASE_MEMORY_BYTES = 2 * 1024**3
_BYTES_PER_VOXEL = 64
_CPU_SECONDS = 300
_WALL_SECONDS = 600
# OpenBLAS would otherwise map memory for threads that nothing here uses.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}


class IsolatedProcessFailed(EvaluationError):
    """The process itself broke: a fault of the platform, not of the mask."""


class IsolatedProcessStopped(Exception):
    """``should_stop`` answered yes, and the process was killed."""


def _never() -> bool:
    return False


def decode_mask(
    mask: BinaryIO,
    expected: Geometry,
    spec: EvaluationSpec,
    should_stop: Callable[[], bool] = _never,
) -> NDArray[np.uint8]:
    """The mask in an open, untrusted file as uint8 label values ``[z, y, x]``.

    Raises VolumeRefused's and MaskRefused's codes as MaskRefused; code decoder_limit where reading
    it exceeded the decoder's memory or time; IsolatedProcessFailed for a defect of the decoder.
    """
    request = {
        "geometry": expected.to_json(),
        "values": sorted(spec.labels.values()),
        "resample": spec.resample,
        "memory_bytes": _memory_for(expected.voxels),
        "cpu_seconds": _CPU_SECONDS,
    }
    done = _run("evaluation.decode", [json.dumps(request)], should_stop, stdin=mask)
    if _exceeded(done):
        raise MaskRefused(
            "decoder_limit",
            "Reading the mask took more memory or time than a mask of this size can need. "
            "Write uint8 voxels.",
        )
    _require_success("decoder", done)
    line, _, voxels = done.stdout.partition(b"\n")
    answer = json.loads(line)
    if not answer["accepted"]:
        raise MaskRefused(answer["code"], answer["message"])
    return np.frombuffer(voxels, np.uint8).reshape(expected.shape)


def score_files(
    reference: Path,
    prediction: Path | None,
    voxels: int,
    spec: EvaluationSpec,
    should_stop: Callable[[], bool] = _never,
    *,
    pet: Path | None = None,
) -> dict[str, Any]:
    """``CaseScore.to_json()`` of files that the platform wrote; ``voxels`` sizes the limit.

    Raises MaskRefused (code scorer_limit) where a prediction took the scorer over its memory or
    time, which are ample for any mask that a physician could draw; IsolatedProcessFailed when the
    scorer breaks.
    """
    job = {
        "reference": str(reference),
        "prediction": None if prediction is None else str(prediction),
        "pet": str(pet) if pet is not None and spec.needs_pet else None,
        "spec": spec.model_dump(mode="json"),
        "memory_bytes": _memory_for(voxels),
        "cpu_seconds": _CPU_SECONDS,
    }
    done = _run("evaluation.scorer", [], should_stop, data=json.dumps(job).encode())
    if prediction is not None and _exceeded(done):
        raise MaskRefused(
            "scorer_limit",
            "Measuring the mask took more memory or time than is given; it may be noise in "
            "the whole image.",
        )
    _require_success("scorer", done)
    score: dict[str, Any] = json.loads(done.stdout)
    return score


def _memory_for(voxels: int) -> int:
    return _BASE_MEMORY_BYTES + voxels * _BYTES_PER_VOXEL


def _run(
    module: str,
    arguments: list[str],
    should_stop: Callable[[], bool],
    *,
    stdin: BinaryIO | None = None,
    data: bytes | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """``should_stop`` is asked once a second, so that a lease can be kept meanwhile."""
    command = [sys.executable, "-m", module, *arguments]
    deadline = time.monotonic() + _WALL_SECONDS
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE if stdin is None else stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=_ROOT,
        env=_ENVIRONMENT,
    ) as process:
        try:
            while True:
                try:
                    output, errors = process.communicate(data, timeout=1)
                except subprocess.TimeoutExpired:
                    data = None  # it was sent with the first call
                    if should_stop():
                        raise IsolatedProcessStopped from None
                    if time.monotonic() > deadline:
                        raise IsolatedProcessFailed(
                            "too_slow", f"{module} did not answer within {_WALL_SECONDS} s."
                        ) from None
                else:
                    return subprocess.CompletedProcess(command, process.returncode, output, errors)
        finally:
            process.kill()


def _exceeded(done: subprocess.CompletedProcess[bytes]) -> bool:
    return done.returncode == -signal.SIGXCPU or b"MemoryError" in done.stderr[-2000:]


def _require_success(name: str, done: subprocess.CompletedProcess[bytes]) -> None:
    if done.returncode:
        text = done.stderr.decode("utf-8", "replace")[-2000:]
        raise IsolatedProcessFailed(
            f"{name}_failed", f"The {name} ended with status {done.returncode}: {text}"
        )
