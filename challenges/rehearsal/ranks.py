"""Ranks of simulated participants, of all cases or of a resample of patients."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from challenges.rehearsal.scores import CaseCounts, Scores
from evaluation.cohort import ScoredCase, mean_over_targets, over_cohort
from evaluation.metrics import CohortMetric, Direction, Metric
from evaluation.ranking import aggregate_then_rank
from evaluation.spec import EvaluationSpec

Aggregates = dict[str, list[float | None]]
Draw = NDArray[np.intp]
"""Positions of cases, those of a patient together, some several times."""


@dataclass(frozen=True)
class Ranking:
    """Of a pool on some cases, by participant: aggregates of what counts, and (rank, mean rank)."""

    aggregates: Aggregates
    ranks: dict[str, tuple[int, float]]


@dataclass(frozen=True)
class Ranked:
    """What counts for the rank: the positions of its columns, and what is over the cohort."""

    columns: tuple[int, ...]
    cohort: tuple[CohortMetric, ...]
    labels: tuple[str, ...]
    directions: tuple[Direction, ...]
    keys: tuple[str, ...]


def ranked(scores: Scores, spec: EvaluationSpec) -> Ranked:
    counting: set[str] = {metric.id for metric in spec.ranked}
    columns = tuple(at for at, column in enumerate(scores.columns) if column.metric.id in counting)
    metrics: list[Metric | CohortMetric] = [scores.columns[at].metric for at in columns]
    cohort = [metric for metric in spec.ranked_cohort for _ in spec.labels]
    keys = [scores.columns[at].key for at in columns]
    keys += [f"{metric.id}[{label}]" for metric in spec.ranked_cohort for label in spec.labels]
    return Ranked(
        columns=columns,
        cohort=spec.ranked_cohort,
        labels=tuple(spec.labels),
        directions=tuple(metric.direction for metric in (*metrics, *cohort)),
        keys=tuple(keys),
    )


def means(values: NDArray[np.float64], draw: Draw | None = None) -> list[float | None]:
    """Of each row ``[columns, cases]`` the mean of the applicable values; None where none is."""
    drawn = values if draw is None else values[:, draw]
    there = ~np.isnan(drawn)
    counts = there.sum(axis=1)
    sums = np.where(there, drawn, 0.0).sum(axis=1)
    return [
        float(total) / int(count) if count else None
        for total, count in zip(sums, counts, strict=True)
    ]


def rank_pool(
    values: Mapping[str, NDArray[np.float64]],
    counts: Mapping[str, Sequence[CaseCounts]],
    scores: Scores,
    spec: EvaluationSpec,
    what: Ranked,
    draw: Draw | None = None,
) -> Ranking:
    """By the challenge's own ranking. values: ``[columns, cases]`` of each participant, and counts
    of each case, where the ranking has metrics over the cohort."""
    aggregates: Aggregates = {}
    for name, own in values.items():
        aggregates[name] = means(own[list(what.columns)], draw)
        if what.cohort:
            aggregates[name] += _over_cohort(counts[name], scores, spec, what, draw)
    return Ranking(aggregates, aggregate_then_rank(aggregates, what.directions))


def _over_cohort(
    counts: Sequence[CaseCounts],
    scores: Scores,
    spec: EvaluationSpec,
    what: Ranked,
    draw: Draw | None,
) -> list[float | None]:
    places = range(len(scores.cases)) if draw is None else draw
    targets: dict[int, list[ScoredCase]] = defaultdict(list)
    drawn: dict[str, int] = defaultdict(int)
    for at in places:
        case = scores.cases[int(at)]
        # A patient drawn twice is two patients.
        drawn[case.name] += 1
        again = f"{drawn[case.name]}"
        metadata = {**case.metadata, "patient_id": f"{case.patient}/{again}"}
        for number, one in enumerate(counts[int(at)]):
            targets[number].append(ScoredCase(f"{case.name}/{again}", one, metadata))
    found = mean_over_targets([over_cohort(spec, cases) for cases in targets.values()])
    return [found[metric.id][label].ranked for metric in what.cohort for label in what.labels]


def resamples(patients: Sequence[str], count: int, rng: np.random.Generator) -> list[Draw]:
    """Patients drawn with replacement, each with all its cases."""
    of_patient: dict[str, list[int]] = defaultdict(list)
    for at, patient in enumerate(patients):
        of_patient[patient].append(at)
    groups = [np.array(places) for places in of_patient.values()]
    return [
        np.concatenate([groups[at] for at in rng.integers(len(groups), size=len(groups))])
        for _ in range(count)
    ]


def patient_means(values: NDArray[np.float64], patients: Sequence[str]) -> NDArray[np.float64]:
    """``[participants, cases]`` to ``[participants, patients]`` over applicable values; a patient
    without any is left out."""
    names = sorted(set(patients))
    rows = []
    for name in names:
        own = values[:, [at for at, patient in enumerate(patients) if patient == name]]
        there = ~np.isnan(own)
        if there.all(axis=0).any():
            own = own[:, there.all(axis=0)]
            rows.append(own.mean(axis=1))
    return np.array(rows).T if rows else np.empty((values.shape[0], 0))
