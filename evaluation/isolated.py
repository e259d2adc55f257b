"""Decode and score in processes of their own, confined, with limits and an empty environment."""

import json
import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from io import BufferedRandom
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import MapRefused, MaskRefused
from evaluation.geometry import Geometry
from evaluation.nursery import (
    Ended,
    Ending,
    IsolatedProcessFailed,
    IsolatedProcessStopped,
    nursery,
)
from evaluation.reliability import STEPS, Steps
from evaluation.spec import EvaluationSpec

__all__ = [
    "IsolatedProcessFailed",
    "IsolatedProcessStopped",
    "decode_map",
    "decode_mask",
    "score_files",
]

_BASE_MEMORY_BYTES = 2 * 1024**3
_BYTES_PER_VOXEL = 64
_CPU_SECONDS = 300
_WALL_SECONDS = 600
_TEXT_BYTES = 16 * 1024**2  # room for a score, and for what a decoder says before the voxels


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
    order = {
        "job": "decode",
        "geometry": expected.to_json(),
        "values": sorted(spec.labels.values()),
        "resample": spec.resample,
        "limits": _limits(expected.voxels, answer_bytes=expected.voxels + _TEXT_BYTES),
    }
    done = _run(order, [mask], should_stop)
    with done.answer as answer:
        if _exceeded(done):
            raise MaskRefused(
                "decoder_limit",
                "Reading the mask took more memory or time than a mask of this size can need. "
                "Write uint8 voxels.",
            )
        _require_success("decoder", done)
        said = _document("decoder", answer.readline(_TEXT_BYTES))
        if said.get("accepted") is not True:
            raise MaskRefused(str(said.get("code")), str(said.get("message")))
        return _voxels(answer, expected, np.dtype(np.uint8))


def decode_map(
    probability: BinaryIO, expected: Geometry, should_stop: Callable[[], bool] = _never
) -> Steps:
    """The probability map in an open, untrusted file as ``maps.read_map`` gives it.

    Raises MapRefused with its codes, and with map_unreadable where reading it exceeded the
    decoder's memory or time; IsolatedProcessFailed for a defect of the decoder.
    """
    order = {
        "job": "decode_map",
        "geometry": expected.to_json(),
        "limits": _limits(expected.voxels, answer_bytes=2 * expected.voxels + _TEXT_BYTES),
    }
    done = _run(order, [probability], should_stop)
    with done.answer as answer:
        if _exceeded(done):
            raise MapRefused(
                "map_unreadable",
                "Reading the probability map took more memory or time than a map of this size can "
                "need. Write float32 voxels.",
            )
        _require_success("decoder", done)
        said = _document("decoder", answer.readline(_TEXT_BYTES))
        if said.get("accepted") is not True:
            raise MapRefused(str(said.get("code")), str(said.get("message")))
        steps: Steps = _voxels(answer, expected, np.dtype(np.uint16))
        if steps.max(initial=0) > STEPS:
            raise IsolatedProcessFailed("decoder_failed", "The decoder's answer is no map.")
        return steps


def score_files(
    reference: Path | BinaryIO,
    prediction: Path | None,
    voxels: int,
    spec: EvaluationSpec,
    should_stop: Callable[[], bool] = _never,
    *,
    pet: Path | None = None,
    probability: Path | None = None,
    stated: float | None = None,
) -> dict[str, Any]:
    """``CaseScore.to_json()`` of files that the platform wrote; ``voxels`` sizes the limit.

    ``reference``: where it is a file that is open already (one in memory, that has no name), it is
    read from its start, and stays open. ``probability``, ``stated``: as ``files.score_files``.

    Raises MaskRefused (code scorer_limit) where a prediction took the scorer over its memory or
    time, which are ample for any mask that a physician could draw; IsolatedProcessFailed when the
    scorer breaks, or a file is not there.
    """
    paths = {
        "reference": reference,
        "prediction": prediction,
        "pet": pet if spec.needs_pet else None,
        "probability": probability if spec.confidence is not None else None,
    }
    given = {role: path for role, path in paths.items() if path is not None}
    order = {
        "job": "score",
        "files": list(given),
        "stated": stated,
        "spec": spec.model_dump(mode="json"),
        "limits": _limits(voxels, answer_bytes=_TEXT_BYTES),
    }
    with ExitStack() as opened:
        try:
            files = [_opened(source, opened) for source in given.values()]
        except OSError as error:
            raise IsolatedProcessFailed(
                "scorer_failed", f"A file cannot be read: {error}"
            ) from error
        done = _run(order, files, should_stop)
    with done.answer as answer:
        if prediction is not None and _exceeded(done):
            raise MaskRefused(
                "scorer_limit",
                "Measuring the mask took more memory or time than is given; it may be noise in "
                "the whole image.",
            )
        _require_success("scorer", done)
        return _document("scorer", answer.read())


def _opened(source: Path | BinaryIO, undo: ExitStack) -> BinaryIO:
    if isinstance(source, Path):
        return undo.enter_context(source.open("rb"))
    source.seek(0)
    return source


def _limits(voxels: int, *, answer_bytes: int) -> dict[str, int]:
    """``confinement.Limits`` for an image of so many voxels."""
    return {
        "memory_bytes": _memory_for(voxels),
        "cpu_seconds": _CPU_SECONDS,
        "answer_bytes": answer_bytes,
    }


def _memory_for(voxels: int) -> int:
    return _BASE_MEMORY_BYTES + voxels * _BYTES_PER_VOXEL


def _run(
    order: dict[str, Any], files: Sequence[BinaryIO], should_stop: Callable[[], bool]
) -> Ended:
    return nursery().run(json.dumps(order).encode(), files, should_stop, wall_seconds=_WALL_SECONDS)


def _exceeded(done: Ended) -> bool:
    return done.status in (-signal.SIGXCPU, Ending.OUT_OF_MEMORY)


def _require_success(name: str, done: Ended) -> None:
    if done.status == Ending.NOT_CONFINED:
        raise IsolatedProcessFailed("not_confined", done.errors)
    if done.status:
        raise IsolatedProcessFailed(
            f"{name}_failed", f"The {name} ended with status {done.status}: {done.errors}"
        )


def _document(name: str, text: bytes) -> dict[str, Any]:
    """What a process said, which may have been taken over by what it read."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise IsolatedProcessFailed(f"{name}_failed", f"The {name}'s answer cannot be read.")
    return found


def _voxels(answer: BufferedRandom, expected: Geometry, dtype: np.dtype[Any]) -> NDArray[Any]:
    voxels = np.empty(expected.shape, dtype)
    if answer.readinto(voxels.data) < voxels.nbytes:
        raise IsolatedProcessFailed("decoder_failed", "The decoder's answer is too short.")
    return voxels
