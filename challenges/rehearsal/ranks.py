"""Ranks of simulated participants by the challenge's own recipe, of all cases or of resamples."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from challenges.rehearsal.scores import CaseCounts, Scores
from evaluation.metrics import CohortMetric, Direction, Metric
from evaluation.ranking import Ranking, Recipe, ScoreTable
from evaluation.ranking.recipe import settle
from evaluation.ranking.table import Counts, Values
from evaluation.spec import EvaluationSpec
from evaluation.standings import CaseFacts, EntryScores, Scored
from evaluation.uncertainty import Bootstrap, bootstrap, draw_patients

Measure = tuple[Metric | CohortMetric, str]


@dataclass(frozen=True)
class Ranked:
    """What counts for the rank, in the order of the table: places of its columns, metrics and
    labels, and keys as a report names them. cohort: whether any is of all cases together; columns:
    how many have values of single cases."""

    places: tuple[int, ...]
    measures: tuple[Measure, ...]
    columns: tuple[int, ...]

    @property
    def cohort(self) -> bool:
        return len(self.columns) < len(self.places)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(key_of(metric, label) for metric, label in self.measures)

    @property
    def directions(self) -> tuple[Direction, ...]:
        return tuple(metric.direction for metric, _ in self.measures)


def key_of(metric: Metric | CohortMetric, label: str) -> str:
    return f"{metric.id}[{label}]"


def table_of(
    scores: Scores,
    spec: EvaluationSpec,
    values: Mapping[str, Values],
    counts: Mapping[str, Sequence[CaseCounts]],
) -> ScoreTable:
    """values: ``[columns, cases]`` of each participant, a value worse than a missing result counted
    as that; counts: of each case."""
    facts = tuple(
        CaseFacts(case.name, case.patient, case.groups, case.metadata) for case in scores.cases
    )
    entries = tuple(
        EntryScores(
            key=name,
            competes=True,
            measured=own.T[None],
            worst=np.full((1, *own.T.shape), np.nan),
            failed=np.zeros(len(facts), dtype=bool),
            counts=tuple(zip(*counts[name], strict=True)),
        )
        for name, own in values.items()
    )
    return Scored(spec, facts, entries).ranked


def ranked(table: ScoreTable, spec: EvaluationSpec) -> Ranked:
    """RankingRefused where the declared ranking cannot be made of the table."""
    places = settle(table, spec.recipe).ranked
    of_cases: list[Measure] = [(one, label) for one in spec.shown for label in spec.labels]
    over_cohort: list[Measure] = [
        (one, label) for one in spec.cohort if one.weighed is not None for label in spec.labels
    ]
    measures = of_cases + over_cohort
    return Ranked(
        places=places,
        measures=tuple(measures[at] for at in places),
        columns=tuple(at for at in places if at < len(of_cases)),
    )


def of_cases_alone(table: ScoreTable, recipe: Recipe) -> tuple[ScoreTable, Recipe]:
    """Both without what is of all cases together."""
    keys = {column.key for column in table.columns} | {column.metric for column in table.columns}
    return replace(table, cohort=()), replace(
        recipe,
        weights={key: weight for key, weight in recipe.weights.items() if key in keys},
        tie_breakers=tuple(key for key in recipe.tie_breakers if key in keys),
    )


def beside(one: ScoreTable, other: ScoreTable) -> ScoreTable:
    """The entries of both, which are scored on the same cases; each keeps what it has prepared."""
    return replace(
        one,
        entries=(*one.entries, *other.entries),
        values=np.concatenate([one.values, other.values]),
        cohort=tuple(
            replace(mine, aggregate=_both(mine.aggregate, its.aggregate))
            for mine, its in zip(one.cohort, other.cohort, strict=True)
        ),
    )


def _both(
    mine: Callable[[Counts], Values], its: Callable[[Counts], Values]
) -> Callable[[Counts], Values]:
    return lambda counts: np.concatenate([mine(counts), its(counts)], axis=1)


def resampled(
    table: ScoreTable, recipe: Recipe, *, stratum: str, repeats: int, rng: np.random.Generator
) -> Bootstrap:
    """Patients are drawn with all their cases, within the declared stratum."""
    seed = int(rng.integers(2**62))
    return bootstrap(table, recipe, draw_patients(table, seed, number=repeats, stratum=stratum))


def rank_of(ranking: Ranking) -> dict[str, int]:
    return dict(zip(ranking.entries, ranking.ranks.tolist(), strict=True))


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
