"""Two or three entries case by case: who is better where, and by how much on the whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from challenges.groupings import facts_of
from challenges.models import Case, Edition, Phase
from challenges.selectors import cases_of, definition_of
from evaluation.errors import RankingRefused
from evaluation.metrics import Direction
from evaluation.ranking.order import rounded
from evaluation.ranking.table import Column, ScoreTable
from evaluation.uncertainty import board_seed, draw_patients
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
class Draws:
    """How patients are resampled. patients: of each case; strata: likewise, empty for none."""

    seed: int
    number: int
    patients: tuple[str, ...]
    strata: tuple[str, ...] = ()

    def only(self, kept: NDArray[np.bool_]) -> "Draws":
        """Of the cases where ``kept [cases]`` is true."""
        patients, strata = (
            tuple(one for one, there in zip(of_cases, kept, strict=False) if there)
            for of_cases in (self.patients, self.strata)
        )
        return replace(self, patients=patients, strata=strata)


@dataclass(frozen=True)
class PairSummary:
    """first and second: letters. wins: cases in which the first is better. mean: of the differences
    second − first over the cases with both. interval: None where there is none, for the reason that
    refused says."""

    first: str
    second: str
    wins: int
    ties: int
    losses: int
    cases: int
    patients: int
    mean: float | None
    interval: Interval | None
    refused: str

    @property
    def both(self) -> str:
        return self.first + self.second


@dataclass(frozen=True)
class Comparison:
    """values: ``[entries, cases]`` in the order of ``cases``, NaN where there is none. resamples:
    that the intervals are of."""

    measure: Measure
    entries: tuple[tuple[str, Standing], ...]
    cases: tuple[Case, ...]
    rows: tuple[ComparedCase, ...]
    pairs: tuple[PairSummary, ...]
    values: Values
    resamples: int


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
    draws = _draws_of(phase, edition, cases)
    return Comparison(
        measure=measure,
        entries=tuple(zip(LETTERS, entries, strict=False)),
        cases=cases,
        rows=tuple(rows),
        pairs=tuple(
            _summary(one, other, values, measure, draws)
            for one, other in combinations(range(len(entries)), 2)
        ),
        values=values,
        resamples=draws.number,
    )


def differences(values: Values, measure: Measure) -> Values:
    """``values [entries, …]`` as they are subtracted: of signed errors their size."""
    return np.abs(values) if measure.signed else values


def there_in_both(values: Values) -> NDArray[np.bool_]:
    """``values [2, cases]`` → whether both have one, ``[cases]``."""
    there: NDArray[np.bool_] = ~(np.isnan(values[0]) | np.isnan(values[1]))
    return there


def mean_interval(difference: Values, draws: Draws) -> Interval:
    """Of the mean of ``difference [cases]``: type-7 quantiles over resamples of the patients, each
    drawn with all its cases, within strata where there are some.

    Raises RankingRefused with fewer than two patients, and where one is in several strata.
    """
    if len(set(draws.patients)) < 2:
        raise RankingRefused("patients", "An interval needs two patients or more.")
    table = ScoreTable(
        entries=("difference",),
        cases=tuple(str(place) for place in range(len(difference))),
        patients=draws.patients,
        columns=(Column("difference", Direction.HIGHER),),
        values=difference[None, :, None],
        groups={"stratum": draws.strata} if draws.strata else {},
    )
    stratum = "stratum" if draws.strata else ""
    counts = draw_patients(table, draws.seed, number=draws.number, stratum=stratum)
    of_cases = counts[:, table.patient_of_case]
    low, high = np.quantile((of_cases @ difference) / of_cases.sum(axis=1), [0.025, 0.975])
    return Interval(float(low), float(high))


def _draws_of(phase: Phase, edition: Edition, cases: Sequence[Case]) -> Draws:
    """As many, by the seed and within the strata that the leaderboard's own are."""
    spec = definition_of(phase.challenge).evaluation
    seed = board_seed(phase.challenge.slug, phase.slug, edition.number)
    draws = Draws(seed, spec.ranking.resamples, tuple(case.patient for case in cases))
    if not spec.ranking.stratum:
        return draws
    known = {case.pk: case for case in cases_of(phase)}
    facts = facts_of([known[case.pk] for case in cases], spec)
    return replace(draws, strata=tuple(one.groups[spec.ranking.stratum] for one in facts))


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


def _summary(one: int, other: int, values: Values, measure: Measure, draws: Draws) -> PairSummary:
    both = there_in_both(values[[one, other]])
    pair = values[[one, other]][:, both]
    kept = draws.only(both)
    compared = differences(pair, measure)
    difference = compared[1] - compared[0]
    better = [_best(column, measure) for column in pair.T]
    interval, refused = None, ""
    try:
        interval = mean_interval(difference, kept)
    except RankingRefused as refusal:
        refused = refusal.message
    return PairSummary(
        first=LETTERS[one],
        second=LETTERS[other],
        wins=sum(best == [0] for best in better),
        ties=sum(not best for best in better),
        losses=sum(best == [1] for best in better),
        cases=int(both.sum()),
        patients=len(set(kept.patients)),
        mean=float(difference.mean()) if difference.size else None,
        interval=interval,
        refused=refused,
    )
