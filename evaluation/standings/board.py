"""The standings of entries on some cases: ranks, and what each figure stands on."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evaluation.aggregate import Summary
from evaluation.errors import RankingRefused
from evaluation.metrics import CohortMetric
from evaluation.ranking import Aggregate, Ranker, Ranking, Recipe, rank_table
from evaluation.ranking.table import Counts, ScoreTable, Values
from evaluation.standings.scores import EntryScores, Scored
from evaluation.uncertainty.bootstrap import LEVEL

NO_CASES = (
    "There is no case to rank on: a phase has at least one. Put a case back that was excluded, or "
    "give the phase one."
)


@dataclass(frozen=True)
class Standing:
    """One entry. rank, score: None where nothing could be ranked, or nothing that it read; score:
    what the rank is of (``Ranking.scores``), None too where that is no number. cells: in the order
    of ``Scored.columns``. cases: that were scored; failed: of them, without a usable result."""

    key: str
    competes: bool
    rank: int | None
    score: float | None
    cells: tuple[Summary, ...]
    cases: int
    failed: int


@dataclass(frozen=True)
class Board:
    """Entries as they were given. refused: why there are no ranks; empty where there are."""

    cases: int
    patients: int
    standings: tuple[Standing, ...]
    refused: str = ""

    def of(self, key: str) -> Standing:
        return next(one for one in self.standings if one.key == key)


def pool_of(scored: Scored) -> list[str]:
    return [entry.key for entry in scored.entries if entry.competes]


@dataclass(frozen=True)
class Place:
    """rank, score: as of ``Standing``."""

    rank: int
    score: float | None


def places_of(scored: Scored) -> dict[str, Place]:
    """The place of each entry that has one; of one outside the pool, as if it alone had joined it.

    That one is held against the pool on the cases that it read, and by the values that apply to it
    there: what it did not read is no failure. It has no place where it read nothing that ranks, or
    the recipe refuses those cases. RankingRefused where the pool cannot be ranked.
    """
    pool, recipe = pool_of(scored), scored.spec.recipe
    found: dict[str, Place] = {}
    if pool:
        ranking = rank_table(scored.ranked.only(pool), recipe)
        found |= {key: _place(ranking, at) for at, key in enumerate(ranking.entries)}
    else:
        Ranker(scored.ranked, recipe)
    for entry in scored.entries:
        place = None if entry.competes else _beside(scored, entry, pool)
        if place is not None:
            found[entry.key] = place
    return found


def _beside(scored: Scored, entry: EntryScores, pool: list[str]) -> Place | None:
    read = entry.read
    if not read.any():
        return None
    table = scored.ranked.only({*pool, entry.key}).of_cases(read).of_cells(entry.applies[read])
    try:
        ranking = rank_table(table, scored.spec.recipe)
    except RankingRefused:
        return None
    at = ranking.entries.index(entry.key)
    ranked = [ranking.columns.index(key) for key in ranking.ranked]
    return None if np.isnan(ranking.aggregates[at, ranked]).all() else _place(ranking, at)


def _place(ranking: Ranking, at: int) -> Place:
    return Place(int(ranking.ranks[at]), _number(ranking.scores[at]))


def make_board(
    scored: Scored, *, counts: Counts | None = None, resampled: frozenset[str] = frozenset()
) -> Board:
    """Standings on all cases of ``scored``. counts: resamples of their patients, of which the
    figures of the entries ``resampled`` have intervals. Without a case nothing is ranked."""
    refused, places = "", dict[str, Place]()
    if not scored.cases:
        refused = NO_CASES
        cells = {one.key: tuple(Summary(0) for _ in scored.columns) for one in scored.entries}
    else:
        cells = _cells(scored, scored.spec.recipe, counts, resampled)
        try:
            places = places_of(scored)
        except RankingRefused as error:
            refused = error.message
    standings = tuple(
        Standing(
            key=entry.key,
            competes=entry.competes,
            rank=places[entry.key].rank if entry.key in places else None,
            score=places[entry.key].score if entry.key in places else None,
            cells=cells[entry.key],
            cases=int(entry.read.sum()),
            failed=int(entry.failed.sum()),
        )
        for entry in scored.entries
    )
    return Board(
        cases=len(scored.cases),
        patients=len({case.patient for case in scored.cases}),
        standings=standings,
        refused=refused,
    )


def aggregate_of(recipe: Recipe) -> Aggregate:
    """Of the figures shown: what the scheme aggregates, or the mean where it does not."""
    return recipe.aggregate if recipe.scheme.aggregates_values else Aggregate.MEAN


def summaries(values: Values, patients: NDArray[np.intp]) -> list[list[Summary]]:
    """Of ``[entries, cases, columns]``, as ``aggregate.summarise`` makes them. patients: the place
    of each case's patient."""
    ordered = np.sort(values, axis=1)
    there = ~np.isnan(values)
    number = there.sum(axis=1)
    means, deviations = _means(values, there, number)
    quartiles = [_quantile(ordered, number, share) for share in (0.25, 0.5, 0.75)]
    of_patient = np.zeros((values.shape[1], int(patients.max(initial=-1)) + 1), dtype=bool)
    of_patient[np.arange(values.shape[1]), patients] = True
    persons = (np.moveaxis(there, 1, 2).astype(np.float32) @ of_patient > 0).sum(axis=2)
    return [
        [
            Summary(
                count=int(number[at, column]),
                mean=_number(means[at, column]),
                deviation=_number(deviations[at, column]),
                median=_number(quartiles[1][at, column]),
                lower_quartile=_number(quartiles[0][at, column]),
                upper_quartile=_number(quartiles[2][at, column]),
                patients=int(persons[at, column]),
            )
            for column in range(values.shape[2])
        ]
        for at in range(values.shape[0])
    ]


def _means(
    values: Values, there: NDArray[np.bool_], number: NDArray[np.int64]
) -> tuple[Values, Values]:
    filled = np.where(there, values, 0.0)
    means, deviations = np.full(number.shape, np.nan), np.full(number.shape, np.nan)
    np.divide(filled.sum(axis=1), number, out=means, where=number > 0)
    spread = np.where(there, values - means[:, None], 0.0)
    np.divide((spread**2).sum(axis=1), number - 1, out=deviations, where=number > 1)
    return means, np.sqrt(deviations)


def _quantile(ordered: Values, number: NDArray[np.int64], share: float) -> Values:
    """Type 7. ordered: ``[entries, cases, columns]``, NaN last; number: of those that are none."""
    place = np.maximum(number - 1, 0) * share
    low = np.floor(place).astype(np.intp)
    high = np.minimum(low + 1, np.maximum(number - 1, 0))
    if not ordered.shape[1]:
        return np.full(number.shape, np.nan)
    below, above = (np.take_along_axis(ordered, at[:, None], axis=1)[:, 0] for at in (low, high))
    result: Values = below + (above - below) * (place - low)
    return result


def _cells(
    scored: Scored, recipe: Recipe, counts: Counts | None, resampled: frozenset[str]
) -> dict[str, tuple[Summary, ...]]:
    table = scored.measured
    of_cases = summaries(table.values, table.patient_of_case)
    figuring = _for_figures(recipe, table)
    is_mean = figuring.aggregate is Aggregate.MEAN and not figuring.mean_of_subgroups
    every = np.ones((1, len(table.patient_names)))
    figures = Ranker(table, figuring).aggregates(every)[0]
    intervals = _intervals(table, figuring, counts, resampled)
    places = {column.key: at for at, column in enumerate(table.all_columns)}
    result = {}
    for at, entry in enumerate(scored.entries):
        cohort = scored.over_cohort(entry)
        cells = []
        for number, (metric, label) in enumerate(scored.columns):
            column = places.get(scored.keys[number], -1)
            low, high = intervals.get((entry.key, column), (None, None))
            if isinstance(metric, CohortMetric):
                found = cohort[metric.id][label]
                own = found.low is not None
                cells.append(
                    Summary(
                        count=found.cases,
                        mean=found.value,
                        low=found.low if own else low,
                        high=found.high if own else high,
                        patients=_at_least(found.cases, entry, scored),
                    )
                )
            else:
                value = None if is_mean else _number(figures[at, column])
                cells.append(replace(of_cases[at][column], value=value, low=low, high=high))
        result[entry.key] = tuple(cells)
    return result


def _for_figures(recipe: Recipe, table: ScoreTable) -> Recipe:
    """What the figures beside the ranks are aggregated by.

    Over all cases where the subgroups of a mean are not all there; then nothing is ranked either.
    """
    made = Recipe(
        aggregate=aggregate_of(recipe),
        trim=recipe.trim,
        weights=recipe.weights,
        mean_of_subgroups=recipe.mean_of_subgroups,
    )
    try:
        Ranker(table, made)
    except RankingRefused:
        return replace(made, mean_of_subgroups="")
    return made


def _intervals(
    table: ScoreTable, recipe: Recipe, counts: Counts | None, resampled: frozenset[str]
) -> dict[tuple[str, int], tuple[float | None, float | None]]:
    """By entry and place of the column."""
    keys = [key for key in table.entries if key in resampled]
    if counts is None or not keys:
        return {}
    drawn = Ranker(table.only(keys), recipe).aggregates(counts)
    found = {}
    for at, column in np.ndindex(*drawn.shape[1:]):
        low, high = quantiles(drawn[:, at, column])
        found[keys[at], column] = low, high
    return found


def quantiles(
    values: NDArray[np.float64], level: float = LEVEL
) -> tuple[float | None, float | None]:
    """The middle ``level`` of those that are numbers, type 7; None of none."""
    there = values[~np.isnan(values)]
    if not there.size:
        return None, None
    low, high = np.quantile(there, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _at_least(cases: int, entry: EntryScores, scored: Scored) -> int:
    """Patients of whom ``cases`` of the entry's cases are: a case left out is one fewer at most."""
    read = [case.patient for case, there in zip(scored.cases, entry.read, strict=True) if there]
    return max(0, len(set(read)) - (len(read) - cases))


def _number(value: np.floating) -> float | None:
    return None if np.isnan(value) else float(value)
