"""What became of a run: a mask that is accepted, or the reason why there is none."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from challenges.definition import ChallengeDefinition
from evaluation.confidence import ConfidenceSpec
from evaluation.errors import MapRefused, MaskRefused
from evaluation.geometry import Geometry
from evaluation.isolated import decode_map, decode_mask
from evaluation.similarity import sketch
from evaluation.volumes import Volume, write_mha
from submissions.documents import judge_documents, judge_stated
from submissions.sandbox.outcome import Failure, Outcome, Owner

_MAYBE_ITS_OWN = ("killed_from_outside", "sandbox_died")
_MAYBE_ITS_OWN_TIMES = 3


@dataclass(frozen=True)
class KeptMap:
    """A probability map in whole steps (``evaluation.maps``), encoded as it will be kept."""

    content: bytes
    sha256: str


@dataclass(frozen=True)
class Accepted:
    """A validated mask, encoded as it will be kept, and what it was accepted with.

    probability, stated: how sure the algorithm is, where it was asked and said so.
    """

    content: bytes
    sha256: str
    sketch: bytes
    outputs: dict[str, Any]
    probability: KeptMap | None = None
    stated: float | None = None


def judge(
    outcome: Outcome,
    definition: ChallengeDefinition,
    grid: Geometry,
    should_stop: Callable[[], bool],
) -> Accepted | Failure:
    """Decode the collected files, untrusted as they are, each in a process that can open nothing
    else.

    grid: the PET's. Raises IsolatedProcessStopped, IsolatedProcessFailed, OSError.
    """
    if outcome.failure is not None:
        return outcome.failure
    if outcome.mask is None:
        raise ValueError("an outcome without a failure has a mask")
    values, failure = judge_documents(outcome.documents, definition.outputs)
    if failure is not None:
        return failure
    asked = definition.evaluation.confidence
    stated = _stated(outcome.confidence, asked)
    if isinstance(stated, Failure):
        return stated
    try:
        with outcome.mask.open("rb") as file:
            voxels = decode_mask(file, grid, definition.evaluation, should_stop)
        kept = _kept(outcome.confidence, asked, grid, should_stop)
    except (MaskRefused, MapRefused) as refusal:
        return Failure(refusal.code, refusal.message)
    volume = Volume(voxels, grid)
    return Accepted(write_mha(volume), volume.sha256(), sketch(voxels), values, kept, stated)


def _stated(found: Path | None, asked: ConfidenceSpec | None) -> float | Failure | None:
    if found is None or asked is None or asked.is_map:
        return None
    return judge_stated(found.read_bytes(), asked)


def _kept(
    found: Path | None,
    asked: ConfidenceSpec | None,
    grid: Geometry,
    should_stop: Callable[[], bool],
) -> KeptMap | None:
    if found is None or asked is None or not asked.is_map:
        return None
    with found.open("rb") as file:
        volume = Volume(decode_map(file, grid, should_stop), grid)
    return KeptMap(write_mha(volume), volume.sha256())


def is_maybe_its_own(failure: Failure) -> bool:
    """Whether a fault of the platform may be one that the program brings about."""
    return failure.code in _MAYBE_ITS_OWN


def own_doing(failure: Failure, times_before: int) -> Failure:
    """What looks like a fault of the platform, and comes each time: the program does it to itself.

    Else a program that kills itself would be a probe that costs nothing. times_before: earlier
    attempts at this run that ended with the same code.
    """
    times = times_before + 1
    if not is_maybe_its_own(failure) or times < _MAYBE_ITS_OWN_TIMES:
        return failure
    text = f"{failure.message} So it was in {times} attempts: the program does it to itself."
    return Failure(failure.code, text, Owner.PARTICIPANT)
