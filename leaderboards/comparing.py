"""Two or three entries case by case: who is better where, and by how much on the whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from challenges.models import Case, Edition, Phase
from evaluation.metrics import Direction
from evaluation.ranking.order import rounded
from evaluation.ranking.table import Column, ScoreTable
from evaluation.uncertainty import RESAMPLES, draw_patients, seed_of
from leaderboards.cases import (
    LETTERS,
    Measure,
    Standing,
    failures_by_case,
    in_order,
    values_by_case,
)

DIFFERENCE, BY_CASE = "difference", "case"
SORTS = (DIFFERENCE, BY_CASE)
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """The middle 95 % of resamples of the patients."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Side:
    """A value of one entry in one case. failure: in few words, where there was no usable mask."""

    letter: str
    value: float | None
    failure: str
    best: bool


@dataclass(frozen=True)
class ComparedCase:
    """One row. differences: of each further entry from the first, None where one has no value.
    better: letters of the best, none where all are equal or nothing can be compared."""

    case: Case
    sides: tuple[Side, ...]
    differences: tuple[float | None, ...]
    better: str

    @property
    def has_values(self) -> bool:
        return any(one is not None for one in self.differences)

    @property
    def largest(self) -> float:
        return max((abs(one) for one in self.differences if one is not None), default=-1.0)


@dataclass(frozen=True)
class PairSummary:
    """first and second: letters. wins: cases in which the first is better. mean: of the differences
    second − first over the cases with both; interval: None with fewer than two patients."""

    first: str
    second: str
    wins: int
    ties: int
    losses: int
    cases: int
    patients: int
    mean: float | None
    interval: Interval | None

    @property
    def both(self) -> str:
        return self.first + self.second


@dataclass(frozen=True)
class Comparison:
    """values: ``[entries, cases]`` in the order of ``cases``, NaN where there is none."""

    measure: Measure
    entries: tuple[tuple[str, Standing], ...]
    cases: tuple[Case, ...]
    rows: tuple[ComparedCase, ...]
    pairs: tuple[PairSummary, ...]
    values: Values


def compare(
    phase: Phase,
    edition: Edition,
    entries: Sequence[Standing],
    measure: Measure,
    *,
    sort: str = DIFFERENCE,
) -> Comparison:
    """sort: one of SORTS; the cases with the largest difference first, or by position."""
    cases = in_order(phase, edition)
    submissions = [one.submission for one in entries]
    found = values_by_case(edition, submissions, measure)
    failures = failures_by_case(edition, submissions)
    values = np.array(
        [[_number(found[one.pk].get(case.pk)) for case in cases] for one in submissions]
    ).reshape(len(entries), len(cases))
    rows = [
        _row(case, column, [failures[one.pk] for one in submissions], measure)
        for case, column in zip(cases, values.T, strict=True)
    ]
    if sort == DIFFERENCE:
        rows.sort(key=lambda row: -row.largest)
    seed = seed_of(phase.challenge.slug, f"{phase.slug} {edition.number}")
    return Comparison(
        measure=measure,
        entries=tuple(zip(LETTERS, entries, strict=False)),
        cases=cases,
        rows=tuple(rows),
        pairs=tuple(
            _summary(one, other, values, cases, measure, seed)
            for one, other in combinations(range(len(entries)), 2)
        ),
        values=values,
    )


def differences(values: Values, measure: Measure) -> Values:
    """``values [entries, …]`` as they are subtracted: of signed errors their size."""
    return np.abs(values) if measure.signed else values


def there_in_both(values: Values) -> NDArray[np.bool_]:
    """``values [2, cases]`` → whether both have one, ``[cases]``."""
    there: NDArray[np.bool_] = ~(np.isnan(values[0]) | np.isnan(values[1]))
    return there


def mean_interval(
    difference: Values, patients: Sequence[str], seed: int, *, number: int = RESAMPLES
) -> Interval | None:
    """Of the mean of ``difference [cases]``: type-7 quantiles over ``number`` resamples of the
    patients, each drawn with all its cases. None with fewer than two patients.
    """
    if len(set(patients)) < 2:
        return None
    table = ScoreTable(
        entries=("difference",),
        cases=tuple(str(place) for place in range(len(difference))),
        patients=tuple(patients),
        columns=(Column("difference", Direction.HIGHER),),
        values=difference[None, :, None],
    )
    counts = draw_patients(table, seed, number=number)[:, table.patient_of_case]
    means = (counts @ difference) / counts.sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(low), float(high))


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _row(
    case: Case, column: Values, failures: Sequence[Mapping[int, str]], measure: Measure
) -> ComparedCase:
    compared = differences(column, measure)
    best = _best(column, measure)
    return ComparedCase(
        case=case,
        sides=tuple(
            Side(
                letter=letter,
                value=None if np.isnan(value) else float(value),
                failure=failures[place].get(case.pk, ""),
                best=place in best,
            )
            for place, (letter, value) in enumerate(zip(LETTERS, column, strict=False))
        ),
        differences=tuple(
            None if np.isnan(one) else float(one) for one in compared[1:] - compared[0]
        ),
        better=" and ".join(LETTERS[place] for place in best),
    )


def _best(column: Values, measure: Measure) -> list[int]:
    """Places of the best; none where one has no value, all are equal or there is no better."""
    if np.isnan(column).any() or not measure.comparable:
        return []
    goodness = rounded(np.array([measure.goodness(float(value)) for value in column]))
    best = np.flatnonzero(goodness == goodness.max())
    return [] if best.size == column.size else [int(place) for place in best]


def _summary(
    one: int, other: int, values: Values, cases: Sequence[Case], measure: Measure, seed: int
) -> PairSummary:
    both = there_in_both(values[[one, other]])
    pair = values[[one, other]][:, both]
    patients = [case.patient for case, there in zip(cases, both, strict=True) if there]
    compared = differences(pair, measure)
    difference = compared[1] - compared[0]
    better = [_best(column, measure) for column in pair.T]
    return PairSummary(
        first=LETTERS[one],
        second=LETTERS[other],
        wins=sum(best == [0] for best in better),
        ties=sum(not best for best in better),
        losses=sum(best == [1] for best in better),
        cases=int(both.sum()),
        patients=len(set(patients)),
        mean=float(difference.mean()) if difference.size else None,
        interval=mean_interval(difference, patients, seed) if difference.size else None,
    )
