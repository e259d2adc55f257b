"""The five schemes: from a table and a recipe to ranks, of all cases or of many resamples."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import RankingRefused
from evaluation.metrics import Direction
from evaluation.ranking.aggregates import Aggregator
from evaluation.ranking.order import (
    Ranks,
    points_along,
    rank_along,
    rounded,
    with_tie_breakers,
)
from evaluation.ranking.recipe import Adjustment, Aggregate, Recipe, Scheme, settle
from evaluation.ranking.table import Column, Counts, ScoreTable, Values, divided
from evaluation.ranking.wilcoxon import holm, one_sided_p


@dataclass(frozen=True, eq=False)
class Outcome:
    """Of each resample. aggregates: ``[resamples, entries, all columns]``, NaN where no case is
    applicable. column_scores: ``[resamples, entries, ranked columns]``, what the scheme gives an
    entry in a column: its aggregate, its aggregated rank, the share of opponents that it
    significantly beats, its points, or its value (1 − x where lower is better). column_ranks: the
    rank of that; averaged over subgroups where it is made in each. scores, ranks: ``[resamples,
    entries]``; the scores are the weighted means of column_ranks (of column_scores in ``borda`` and
    ``weighted_value``).
    """

    aggregates: Values
    column_scores: Values
    column_ranks: Values
    scores: Values
    ranks: Ranks


@dataclass(frozen=True, eq=False)
class Ranking:
    """One ranking. ranks, scores: ``[entries]``. aggregates: ``[entries, columns]``; cases: the
    number of cases that each stands on, of columns that are not over the cohort.
    column_scores, column_ranks: ``[entries, ranked]``; all as in ``Outcome``.
    """

    entries: tuple[str, ...]
    columns: tuple[str, ...]
    ranked: tuple[str, ...]
    ranks: Ranks
    scores: Values
    aggregates: Values
    cases: NDArray[np.int64]
    column_scores: Values
    column_ranks: Values

    def rank_of(self, entry: str) -> int:
        return int(self.ranks[self.entries.index(entry)])

    @property
    def order(self) -> tuple[int, ...]:
        """Places of entries by rank; of ties, the one that stands first in the table."""
        return tuple(np.argsort(self.ranks, kind="stable").tolist())

    def top(self, number: int) -> tuple[str, ...]:
        """The first ``number`` entries: what tests and resamples of a large pool cover."""
        return tuple(self.entries[at] for at in self.order[:number])


@dataclass(frozen=True, eq=False)
class _Subgroup:
    """cases: ``[cases]``, which are of it."""

    cases: NDArray[np.bool_]
    of_values: Aggregator


class Ranker:
    """A recipe on a table, prepared once for any number of resamples.

    Raises RankingRefused where they do not fit, with every problem at once.
    """

    def __init__(self, table: ScoreTable, recipe: Recipe) -> None:
        self.table = table
        self.settled = settle(table, recipe)
        self.recipe = recipe
        self._patient_of_case = table.patient_of_case
        trimmed = recipe.trim if recipe.aggregate is Aggregate.TRIMMED_MEAN else 0.0
        kind = recipe.aggregate
        if recipe.scheme is Scheme.RANK_THEN_AGGREGATE:
            self._of_ranks = Aggregator(self._ranks_within_cases(), kind)
            kind = Aggregate.MEAN
        if recipe.scheme is Scheme.TEST_THEN_RANK:
            self._patient_means = table.patient_means()
            kind = Aggregate.MEAN
        self._of_values = Aggregator(table.values, kind, trimmed)
        self._subgroups = [
            _Subgroup(mask, Aggregator(table.values[:, mask], kind, trimmed))
            for mask in self._masks(recipe.per_subgroup or recipe.mean_of_subgroups)
        ]

    def full(self) -> Ranking:
        """Of all cases, each once."""
        outcome = self.resampled(np.ones((1, len(self.table.patient_names))))
        keys = tuple(column.key for column in self.table.all_columns)
        return Ranking(
            entries=self.table.entries,
            columns=keys,
            ranked=tuple(keys[at] for at in self.settled.ranked),
            ranks=outcome.ranks[0],
            scores=outcome.scores[0],
            aggregates=outcome.aggregates[0],
            cases=(~np.isnan(self.table.values)).sum(axis=1),
            column_scores=outcome.column_scores[0],
            column_ranks=outcome.column_ranks[0],
        )

    def resampled(self, patients: Counts) -> Outcome:
        """patients: ``[resamples, patients]``, how often each of ``patient_names`` counts."""
        expected = len(self.table.patient_names)
        if patients.ndim != 2 or patients.shape[1] != expected:
            raise RankingRefused(
                "resamples",
                f"Counts have the shape {patients.shape}; (resamples, {expected}), a column for"
                " each patient, was expected.",
            )
        patients = np.asarray(patients, dtype=np.float64)
        counts = patients[:, self._patient_of_case]
        aggregates = self._aggregates(counts)
        column_scores, column_ranks = self._columns(aggregates, counts, patients)
        scores = _combined(self._terms(column_scores, column_ranks), self.settled.weights)
        direction = Direction.HIGHER if self._adds_scores else Direction.LOWER
        breakers = [
            rank_along(aggregates[:, :, at], self.table.all_columns[at].direction)
            for at in self.settled.tie_breakers
        ]
        ranks = with_tie_breakers(rank_along(scores, direction), breakers)
        return Outcome(aggregates, column_scores, column_ranks, scores, ranks)

    def aggregates(self, patients: Counts) -> Values:
        """``[resamples, patients]`` → ``[resamples, entries, all columns]``, as in ``Outcome``."""
        return self._aggregates(np.asarray(patients, np.float64)[:, self._patient_of_case])

    @property
    def cells(self) -> int:
        """How many numbers at least are held at once for each resample."""
        return len(self.table.entries) * len(self.table.all_columns)

    @property
    def _adds_scores(self) -> bool:
        return self.recipe.scheme in (Scheme.BORDA, Scheme.WEIGHTED_VALUE)

    @property
    def _ranked(self) -> tuple[Column, ...]:
        return tuple(self.table.all_columns[at] for at in self.settled.ranked)

    def _terms(self, column_scores: Values, column_ranks: Values) -> Values:
        return column_scores if self._adds_scores else column_ranks

    def _masks(self, grouping: str) -> list[NDArray[np.bool_]]:
        if not grouping:
            return []
        labels = np.array(self.table.grouping(grouping))
        return [labels == name for name in sorted(set(labels.tolist()))]

    def _aggregates(self, counts: Counts) -> Values:
        if self.recipe.mean_of_subgroups:
            return _mean(self._within(one, counts) for one in self._subgroups)
        return self._with_cohort(self._of_values.over(counts), counts)

    def _within(self, subgroup: "_Subgroup", counts: Counts) -> Values:
        of_cases = subgroup.of_values.over(counts[:, subgroup.cases])
        return self._with_cohort(of_cases, counts * subgroup.cases)

    def _with_cohort(self, of_cases: Values, counts: Counts) -> Values:
        of_cohort = [one.aggregate(counts)[:, :, None] for one in self.table.cohort]
        return np.concatenate([of_cases, *of_cohort], axis=2)

    def _columns(
        self, aggregates: Values, counts: Counts, patients: Counts
    ) -> tuple[Values, Values]:
        """Scores and ranks by ranked column."""
        ranked, recipe = list(self.settled.ranked), self.recipe
        if recipe.scheme is Scheme.RANK_THEN_AGGREGATE:
            scores = self._of_ranks.over(counts)
            return scores, _ranked_by(scores, [Direction.LOWER] * len(ranked))
        if recipe.scheme is Scheme.TEST_THEN_RANK:
            scores = np.stack([self._beaten(at, patients) for at in ranked], axis=2)
            return scores, _ranked_by(scores, [Direction.HIGHER] * len(ranked))
        scores = aggregates[:, :, ranked]
        directions = [column.direction for column in self._ranked]
        if recipe.per_subgroup:
            return scores, self._ranks_in_subgroups(counts, directions)
        ranks = _ranked_by(scores, directions)
        if recipe.scheme is Scheme.BORDA:
            points = [points_along(scores[:, :, at], way) for at, way in enumerate(directions)]
            return np.stack(points, axis=2), ranks
        if recipe.scheme is Scheme.WEIGHTED_VALUE:
            lower = np.array([way is Direction.LOWER for way in directions])
            return np.where(lower, 1.0 - scores, scores), ranks
        return scores, ranks

    def _ranks_in_subgroups(self, counts: Counts, directions: list[Direction]) -> Values:
        """Averaged over subgroups; one that a resample leaves empty takes no part in it."""
        ranked = list(self.settled.ranked)

        def ranks_of(subgroup: _Subgroup) -> Values:
            scores = self._within(subgroup, counts)[:, :, ranked]
            empty = np.isnan(scores).all(axis=1, keepdims=True)
            return np.where(empty, np.nan, _ranked_by(scores, directions))

        return np.nan_to_num(_mean(ranks_of(one) for one in self._subgroups))

    def _ranks_within_cases(self) -> Values:
        """``[entries, cases, ranked]``; NaN where a case is applicable to nobody."""
        of_columns = []
        for at in self.settled.ranked:
            values = self.table.values[:, :, at].T
            ranks = rank_along(values, self.table.all_columns[at].direction)
            nobody = np.isnan(values).all(axis=1, keepdims=True)
            of_columns.append(np.where(nobody, np.nan, ranks).T)
        return np.stack(of_columns, axis=2)

    def _beaten(self, column: int, patients: Counts) -> Values:
        """``[resamples, entries]``: the share of opponents that each significantly beats."""
        p = one_sided_p(better_larger(self._patient_means, self.table, column), patients)
        if self.recipe.adjustment is Adjustment.HOLM:
            p = holm(p)
        opponents = max(len(self.table.entries) - 1, 1)
        share: Values = (p <= self.recipe.alpha).sum(axis=2) / opponents
        return share


def rank_table(table: ScoreTable, recipe: Recipe) -> Ranking:
    """Rank all entries of ``table``. RankingRefused where the recipe does not fit the table."""
    return Ranker(table, recipe).full()


def place_beside(table: ScoreTable, recipe: Recipe, pool: Collection[str]) -> dict[str, int]:
    """The rank of each entry outside ``pool`` if it alone joined it; the pool is not altered."""
    return {
        entry: rank_table(table.only({*pool, entry}), recipe).rank_of(entry)
        for entry in table.entries
        if entry not in pool
    }


def better_larger(means: Values, table: ScoreTable, column: int) -> Values:
    """``[entries, patients]`` of one column, turned so that larger is better; not rounded."""
    of_column = means[:, :, column]
    if table.all_columns[column].direction is Direction.LOWER:
        return -of_column
    return of_column


def _mean(parts: Iterable[Values]) -> Values:
    """Of those that are numbers, place by place; one part after the other, as they are large."""
    sums, numbers = np.zeros(()), np.zeros((), dtype=np.int64)
    for part in parts:
        there = ~np.isnan(part)
        sums = sums + np.where(there, part, 0.0)
        numbers = numbers + there
    return divided(sums, numbers)


def _ranked_by(scores: Values, directions: list[Direction]) -> Values:
    ranks = [rank_along(scores[:, :, at], way) for at, way in enumerate(directions)]
    return np.stack(ranks, axis=2).astype(np.float64)


def _combined(terms: Values, weights: NDArray[np.float64]) -> Values:
    """The weighted mean over columns; a column that has a value of nobody takes no part."""
    told: NDArray[np.bool_] = np.any(~np.isnan(terms), axis=1)
    shares = told * weights
    sums = np.where(told[:, None, :], terms, 0.0) @ weights
    total = shares.sum(axis=1, keepdims=True)
    return rounded(divided(sums, total))
