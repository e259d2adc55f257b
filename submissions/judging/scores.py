"""What a mask scores against each target of its case, and the columns in which that is shown."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from evaluation.errors import MaskRefused
from evaluation.isolated import score_files
from evaluation.metrics import Metric
from evaluation.readers import average_over_readers
from evaluation.spec import EvaluationSpec
from submissions.judging.requests import CaseInput
from submissions.sandbox.outcome import Failure

Columns = tuple[tuple[Metric, str], ...]
"""(metric, label)"""


@dataclass(frozen=True)
class TargetScore:
    """values: ``evaluation.scoring.CaseScore`` as JSON."""

    values: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class Scored:
    """One for each target, in their order. failure: why the mask counts as no result."""

    targets: tuple[TargetScore, ...]
    failure: Failure | None = None


@dataclass(frozen=True)
class Stated:
    """How sure the algorithm is of an accepted mask: a kept map, or one probability, or neither."""

    probability: Path | None = None
    value: float | None = None


NOTHING_STATED = Stated()


def score_against(
    targets: Sequence[Path | BinaryIO],
    prediction: Path | None,
    case: CaseInput,
    spec: EvaluationSpec,
    should_stop: Callable[[], bool],
    *,
    stated: Stated = NOTHING_STATED,
) -> Scored:
    """targets: files, or open ones. prediction: an accepted mask; None where there is none, which
    scores the worst values. stated: beside it.

    A mask that no scorer of this size can measure counts as none. Raises IsolatedProcessStopped,
    IsolatedProcessFailed, OSError.
    """
    try:
        return Scored(_each(targets, prediction, case, spec, should_stop, stated))
    except MaskRefused as refusal:
        failure = Failure(refusal.code, refusal.message)
        return Scored(_each(targets, None, case, spec, should_stop, NOTHING_STATED), failure)


def _each(
    targets: Sequence[Path | BinaryIO],
    prediction: Path | None,
    case: CaseInput,
    spec: EvaluationSpec,
    should_stop: Callable[[], bool],
    stated: Stated,
) -> tuple[TargetScore, ...]:
    scores = []
    for target in targets:
        clock = time.monotonic()
        values = score_files(
            target,
            prediction,
            case.grid.voxels,
            spec,
            should_stop,
            pet=case.pet,
            probability=stated.probability,
            stated=stated.value,
        )
        scores.append(TargetScore(values, time.monotonic() - clock))
    return tuple(scores)


def columns_of(spec: EvaluationSpec) -> Columns:
    return tuple((metric, label) for metric in spec.shown for label in spec.labels)


def row_of_values(
    metrics: Sequence[Mapping[str, Any]], columns: Columns
) -> tuple[float | None, ...]:
    """metrics: those of a case against each target; where there are two, their mean is shown."""
    return tuple(
        average_over_readers([one[metric.id][label]["value"] for one in metrics])
        for metric, label in columns
    )


def total_ml(volumes: Sequence[Mapping[str, float | None]]) -> float | None:
    """Of all labels together, averaged over the targets; None where none is known."""
    return average_over_readers([_total(one) for one in volumes])


def _total(volumes: Mapping[str, float | None]) -> float | None:
    known = [volume for volume in volumes.values() if volume is not None]
    return sum(known) if known else None
