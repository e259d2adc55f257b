"""How good each of several submissions is by one metric: the best, or better than one."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean
from typing import Any

from django.db.models import Count, Max

from challenges.models import Case, Edition
from evaluation.aggregate import clip_to_worst
from evaluation.metrics import Direction, Metric
from evaluation.ranking.declared import label_of, metric_of
from evaluation.readers import average_over_readers
from evaluation.spec import EvaluationSpec
from submissions.models import CaseResult, Submission

Kept = dict[tuple[str, str, int, int, int], float | None]
_MOST_KEPT = 20_000
_kept: Kept = {}
"""By entry, column, cases and results."""


def goodness(
    edition: Edition, entries: Collection[Submission], cases: Sequence[Case], column: str
) -> dict[int, float]:
    """By primary key: larger is better; minus infinity where the metric applies to no case.

    The mean over cases of what ranks: of two readers the mean, worse than a missing result as that.
    Two queries, or one where nothing is new.
    """
    spec = EvaluationSpec.model_validate(edition.specification)
    metric = next(one for one in spec.shown if one.id == metric_of(column))
    label = label_of(column) or next(iter(spec.labels))
    results = CaseResult.objects.filter(
        edition=edition, run__submission__in=entries, run__case__in=cases
    )
    # Results are never changed: their number and the newest tell whether there are others. By its
    # random id too, as the key of a row that is gone may be given again.
    known_as = {entry.pk: entry.public_id for entry in entries}
    of_cases = hash(tuple(case.pk for case in cases))
    keys = {
        entry: (known_as[entry], column, of_cases, number, last)
        for entry, number, last in results.values_list("run__submission").annotate(
            Count("pk"), Max("pk")
        )
    }
    if missing := [entry for entry, key in keys.items() if key not in _kept]:
        means = _means(edition, missing, cases, metric, label)
        if len(_kept) + len(missing) > _MOST_KEPT:
            _kept.clear()
        _kept.update({keys[entry]: means.get(entry) for entry in missing})
    sign = 1.0 if metric.direction is Direction.HIGHER else -1.0
    found = {entry: _kept.get(key) for entry, key in keys.items()}
    values = {entry.pk: found.get(entry.pk) for entry in entries}
    return {
        entry: float("-inf") if value is None else sign * value for entry, value in values.items()
    }


def _means(
    edition: Edition, entries: Sequence[int], cases: Sequence[Case], metric: Metric, label: str
) -> dict[int, float]:
    results = CaseResult.objects.filter(
        edition=edition,
        run__submission__in=entries,
        run__case__in=cases,
        run__variant="original",
        run__repeat=0,
    ).values_list("run__submission", "run__case", f"metrics__{metric.id}__{label}")
    of_cases: dict[int, dict[int, list[float | None]]] = defaultdict(lambda: defaultdict(list))
    for entry, case, one in results.iterator():
        of_cases[entry][case].append(_clipped(metric, one))
    means = {
        entry: [average_over_readers(values) for values in found.values()]
        for entry, found in of_cases.items()
    }
    told = {entry: [one for one in values if one is not None] for entry, values in means.items()}
    return {entry: fmean(values) for entry, values in told.items() if values}


def _clipped(metric: Metric, one: Mapping[str, Any]) -> float | None:
    return clip_to_worst(metric, one["value"], one["worst"])
