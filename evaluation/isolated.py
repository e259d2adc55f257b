"""Start the processes that decode and score, each with limits and an empty environment."""

import json
import subprocess
import sys
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


def decode_mask(mask: BinaryIO, expected: Geometry, spec: EvaluationSpec) -> NDArray[np.uint8]:
    """The mask in an open, untrusted file as uint8 label values ``[z, y, x]``.

    Raises VolumeRefused's and MaskRefused's codes as MaskRefused; code decoder_limit where reading
    it exceeded the decoder's memory or time; IsolatedProcessFailed for a defect of the decoder.
    """
    request = {
        "geometry": expected.to_json(),
        "values": sorted(spec.labels.values()),
        "memory_bytes": _memory_for(expected.voxels),
        "cpu_seconds": _CPU_SECONDS,
    }
    done = _run("evaluation.decode", [json.dumps(request)], stdin=mask)
    if done.returncode < 0 or b"MemoryError" in done.stderr[-2000:]:
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
    reference: Path, prediction: Path | None, voxels: int, spec: EvaluationSpec
) -> dict[str, Any]:
    """``CaseScore.to_json()`` of two files that the platform wrote; ``voxels`` sizes the limit.

    Raises IsolatedProcessFailed when the scorer breaks or exceeds its memory or time.
    """
    job = {
        "reference": str(reference),
        "prediction": None if prediction is None else str(prediction),
        "spec": spec.model_dump(mode="json"),
        "memory_bytes": _memory_for(voxels),
        "cpu_seconds": _CPU_SECONDS,
    }
    done = _run("evaluation.scorer", [], data=json.dumps(job).encode())
    _require_success("scorer", done)
    score: dict[str, Any] = json.loads(done.stdout)
    return score


def _memory_for(voxels: int) -> int:
    return _BASE_MEMORY_BYTES + voxels * _BYTES_PER_VOXEL


def _run(
    module: str, arguments: list[str], *, stdin: BinaryIO | None = None, data: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            stdin=stdin,
            input=data,
            capture_output=True,
            cwd=_ROOT,
            env=_ENVIRONMENT,
            timeout=_WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise IsolatedProcessFailed(
            "too_slow", f"{module} did not answer within {_WALL_SECONDS} s."
        ) from error


def _require_success(name: str, done: subprocess.CompletedProcess[bytes]) -> None:
    if done.returncode:
        text = done.stderr.decode("utf-8", "replace")[-2000:]
        raise IsolatedProcessFailed(
            f"{name}_failed", f"The {name} ended with status {done.returncode}: {text}"
        )
