"""From scored cases to metrics over the cohort."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evaluation.counts import Counts
from evaluation.metrics import CohortCase, CohortValue
from evaluation.readers import average_over_readers
from evaluation.spec import EvaluationSpec


@dataclass(frozen=True)
class ScoredCase:
    """counts: by label; metadata: the columns of cases.csv."""

    name: str
    counts: Mapping[str, Counts]
    metadata: Mapping[str, str]


def over_cohort(
    spec: EvaluationSpec, cases: Iterable[ScoredCase]
) -> dict[str, dict[str, CohortValue]]:
    """[metric id][label name] of every metric over the cohort that ``spec`` names."""
    # By name, as a resample's draws and a sum's last digit depend on the order.
    cases = sorted(cases, key=lambda case: case.name)
    return {
        metric.id: {
            label: metric.measure(cohort_cases(spec, cases, label)) for label in spec.labels
        }
        for metric in spec.cohort
    }


def cohort_cases(spec: EvaluationSpec, cases: Iterable[ScoredCase], label: str) -> list[CohortCase]:
    """``cases`` as metrics over the cohort see them, in this order."""
    return [_of_label(spec, case, label) for case in cases]


def _of_label(spec: EvaluationSpec, case: ScoredCase, label: str) -> CohortCase:
    counts = case.counts[label]
    volume_ml = max(spec.failure_volume_ml, counts.reference_ml)
    return CohortCase(
        name=case.name,
        counts=counts,
        metadata=case.metadata,
        failure_voxels=volume_ml / counts.voxel_ml,
        failure_lesions=spec.failure_lesions,
    )


def mean_over_targets(
    found: Sequence[dict[str, dict[str, CohortValue]]],
) -> dict[str, dict[str, CohortValue]]:
    """The mean of ``over_cohort`` against each of two readers; nothing of nothing."""
    if not found:
        return {}
    return {
        metric: {label: _mean([one[metric][label] for one in found]) for label in labels}
        for metric, labels in found[0].items()
    }


def _mean(values: Sequence[CohortValue]) -> CohortValue:
    if len(values) == 1:
        return values[0]
    return CohortValue(
        value=average_over_readers([one.value for one in values]),
        ranked=average_over_readers([one.ranked for one in values]),
        cases=min(one.cases for one in values),
        low=average_over_readers([one.low for one in values]),
        high=average_over_readers([one.high for one in values]),
        note="; ".join(dict.fromkeys(one.note for one in values if one.note)),
    )
