"""How entries are ranked: a scheme, its weights and its tie-breakers, held against a table."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import RankingRefused
from evaluation.ranking.table import CohortColumn, Column, ScoreTable


class Scheme(StrEnum):
    AGGREGATE_THEN_RANK = "aggregate_then_rank"
    RANK_THEN_AGGREGATE = "rank_then_aggregate"
    TEST_THEN_RANK = "test_then_rank"
    BORDA = "borda"
    WEIGHTED_VALUE = "weighted_value"

    @property
    def takes_cohort(self) -> bool:
        """A metric over the cohort has no value of one case, to rank or to test."""
        return self.aggregates_values

    @property
    def takes_crowds(self) -> bool:
        """Whether thousands of entries can be ranked in each resample: all pairs of them cannot be
        tested."""
        return self is not Scheme.TEST_THEN_RANK

    @property
    def aggregates_values(self) -> bool:
        """The others aggregate ranks, or count tests."""
        return self not in (Scheme.RANK_THEN_AGGREGATE, Scheme.TEST_THEN_RANK)


class Aggregate(StrEnum):
    MEAN = "mean"
    MEDIAN = "median"
    TRIMMED_MEAN = "trimmed_mean"


class Adjustment(StrEnum):
    NONE = "none"
    HOLM = "holm"


@dataclass(frozen=True)
class Recipe:
    """A declared ranking. Raises RankingRefused with every problem at once.

    aggregate: over cases; in ``rank_then_aggregate`` of the ranks. trim: the share of cases that
    ``trimmed_mean`` leaves out at each end, rounded down to whole cases. weights: by metric (shared
    equally by its labels) or by column, of whatever sum; given, they name what is ranked; without
    them every column is, equally over metrics, then over labels. tie_breakers: columns (or metrics
    of one label) whose aggregates decide among entries of the same score, in this order.
    per_subgroup, mean_of_subgroups: the name of a grouping of the cases, within which entries are
    ranked before the ranks are averaged (autoPET III), or over which means are averaged before
    they are ranked once (autoPET IV). alpha, adjustment: of the tests of ``test_then_rank``.
    """

    scheme: Scheme = Scheme.AGGREGATE_THEN_RANK
    aggregate: Aggregate = Aggregate.MEAN
    trim: float = 0.1
    weights: Mapping[str, float] = field(default_factory=dict)
    tie_breakers: tuple[str, ...] = ()
    per_subgroup: str = ""
    mean_of_subgroups: str = ""
    alpha: float = 0.05
    adjustment: Adjustment = Adjustment.HOLM

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise RankingRefused("recipe", " ".join(problems))

    def _problems(self) -> Iterator[str]:
        if not 0 <= self.trim < 0.5:
            yield f"trim is {self.trim}; a share from 0 to below 0.5."
        if not 0 < self.alpha < 1:
            yield f"alpha is {self.alpha}; a number between 0 and 1."
        for key, weight in self.weights.items():
            if not (math.isfinite(weight) and weight > 0):
                yield f"The weight of {key} is {weight}; a positive number, or leave {key} out."
        if self.per_subgroup and self.mean_of_subgroups:
            yield "Both per_subgroup and mean_of_subgroups are given; choose one."
        subgroups = self.per_subgroup or self.mean_of_subgroups
        if subgroups and self.scheme is not Scheme.AGGREGATE_THEN_RANK:
            yield f"{self.scheme} knows no subgroups; they belong to aggregate_then_rank."
        if self.scheme is Scheme.RANK_THEN_AGGREGATE and self.aggregate is Aggregate.TRIMMED_MEAN:
            yield "rank_then_aggregate takes the mean or the median of ranks, not trimmed_mean."


@dataclass(frozen=True, eq=False)
class Settled:
    """A recipe that fits a table: places of its columns, and weights that sum to 1."""

    recipe: Recipe
    ranked: tuple[int, ...]
    weights: NDArray[np.float64]
    tie_breakers: tuple[int, ...]


def settle(table: ScoreTable, recipe: Recipe) -> Settled:
    """``recipe`` held against ``table``. RankingRefused with every problem at once."""
    problems: list[str] = []
    weights = _weights(table, recipe, problems)
    breakers = _tie_breakers(table, recipe, problems)
    problems += _unfit(table, recipe, sorted({*weights, *breakers}), set(weights))
    problems += _empty_subgroups(table, recipe, list(weights))
    if problems:
        raise RankingRefused("recipe", " ".join(problems))
    ranked = tuple(sorted(weights))
    shares = np.array([weights[at] for at in ranked])
    return Settled(recipe, ranked, shares / shares.sum(), breakers)


def _columns_of(table: ScoreTable, name: str) -> list[int]:
    """Places of the column, or of all of the metric, called ``name``."""
    columns = list(enumerate(table.all_columns))
    exact = [at for at, column in columns if column.key == name]
    return exact or [at for at, column in columns if column.metric == name]


def _weights(table: ScoreTable, recipe: Recipe, problems: list[str]) -> dict[int, float]:
    declared = recipe.weights or {column.metric: 1.0 for column in table.all_columns}
    weights: dict[int, float] = {}
    for name, weight in declared.items():
        places = _columns_of(table, name)
        if not places:
            problems.append(f"A weight is given to {name!r}, which is not in the table.")
        for at in places:
            if at in weights:
                problems.append(f"{table.all_columns[at].key} has two weights; give one.")
            weights[at] = weight / len(places)
    return weights


def _tie_breakers(table: ScoreTable, recipe: Recipe, problems: list[str]) -> tuple[int, ...]:
    found: list[int] = []
    for name in recipe.tie_breakers:
        places = _columns_of(table, name)
        if len(places) != 1:
            what = "is not in the table" if not places else "has several labels; name one of them"
            problems.append(f"The tie-breaker {name!r} {what}.")
        found += places[:1]
    return tuple(found)


def _unfit(table: ScoreTable, recipe: Recipe, places: list[int], ranked: set[int]) -> Iterator[str]:
    for at in places:
        column = table.all_columns[at]
        if not column.direction.ranks:
            yield (
                f"{column.key} has no order ({column.direction.words}): errors of opposite sign"
                " cancel in its mean. Rank by its per-case absolute value."
            )
        if at not in ranked:
            continue
        if isinstance(column, CohortColumn) and not recipe.scheme.takes_cohort:
            yield f"{column.key} is over the cohort, without values of cases for {recipe.scheme}."
        if recipe.scheme is Scheme.WEIGHTED_VALUE and not _is_share(table, column, at):
            yield f"weighted_value adds metrics from 0 to 1 only; {column.key} is not one."


def _is_share(table: ScoreTable, column: Column, at: int) -> bool:
    if isinstance(column, CohortColumn):
        return column.share
    values = table.values[:, :, at]
    there = values[~np.isnan(values)]
    return column.share and bool(((there >= 0) & (there <= 1)).all())


def _empty_subgroups(table: ScoreTable, recipe: Recipe, ranked: list[int]) -> Iterator[str]:
    name = recipe.per_subgroup or recipe.mean_of_subgroups
    if not name:
        return
    if name not in table.groups:
        yield f"Cases are not grouped by {name!r}; this table knows {sorted(table.groups)}."
        return
    labels = np.array(table.groups[name])
    for subgroup in sorted(set(table.groups[name])):
        for at in ranked:
            if at < len(table.columns) and np.isnan(table.values[:, labels == subgroup, at]).all():
                key = table.columns[at].key
                yield f"No case of {name} {subgroup} has a value of {key}; merge or drop it."
