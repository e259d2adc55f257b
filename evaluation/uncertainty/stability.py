"""Whether another recipe, another reader or one centre less would have ranked otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from evaluation.errors import RankingRefused
from evaluation.ranking.recipe import Adjustment, Aggregate, Recipe, Scheme
from evaluation.ranking.schemes import Ranking, rank_table
from evaluation.ranking.table import ScoreTable
from evaluation.uncertainty.bootstrap import kendall_tau

SCHEMES: Mapping[str, tuple[Scheme, Aggregate]] = {
    "mean-then-rank": (Scheme.AGGREGATE_THEN_RANK, Aggregate.MEAN),
    "median-then-rank": (Scheme.AGGREGATE_THEN_RANK, Aggregate.MEDIAN),
    "rank-then-mean": (Scheme.RANK_THEN_AGGREGATE, Aggregate.MEAN),
    "rank-then-median": (Scheme.RANK_THEN_AGGREGATE, Aggregate.MEDIAN),
    "test-then-rank": (Scheme.TEST_THEN_RANK, Aggregate.MEAN),
}


@dataclass(frozen=True, eq=False)
class Alternative:
    """A ranking made otherwise. ranking: None where it was refused, and refused says why. tau:
    Kendall's τ-b to the ranking it stands beside; None where one of the two is constant.
    """

    name: str
    ranking: Ranking | None
    tau: float | None = None
    refused: str = ""


def five_schemes(table: ScoreTable, recipe: Recipe) -> tuple[Alternative, ...]:
    """Ranks by each of ``SCHEMES``, with the weights of ``recipe``; tests without adjustment.

    No subgroups and no tie-breakers. A scheme that refuses a column (one over the cohort) is told
    as refused.
    """
    base = rank_table(table, recipe)
    return tuple(
        _tried(
            name,
            base,
            table,
            replace(
                recipe,
                scheme=scheme,
                aggregate=aggregate,
                adjustment=Adjustment.NONE,
                tie_breakers=(),
                per_subgroup="",
                mean_of_subgroups="",
            ),
        )
        for name, (scheme, aggregate) in SCHEMES.items()
    )


def leaving_one_out(table: ScoreTable, recipe: Recipe, grouping: str) -> tuple[Alternative, ...]:
    """Ranks without the cases of each group (``centre``) in turn, in the order of their names.

    RankingRefused where there is no such grouping, or it has one group only.
    """
    labels = np.array(table.grouping(grouping))
    groups = sorted(set(labels.tolist()))
    if len(groups) < 2:
        raise RankingRefused(
            "group", f"All cases are of one {grouping}, {groups[0]}; leaving it out leaves nothing."
        )
    base = rank_table(table, recipe)
    return tuple(_tried(group, base, table.of_cases(labels != group), recipe) for group in groups)


def with_other_targets(
    table: ScoreTable, recipe: Recipe, targets: Mapping[str, ScoreTable]
) -> tuple[Alternative, ...]:
    """Ranks with each of ``targets``, by name: scores of the same entries against another reader.

    RankingRefused where the entries differ.
    """
    base = rank_table(table, recipe)
    if other := [name for name, of in targets.items() if of.entries != table.entries]:
        raise RankingRefused(
            "entries", f"Scores against {', '.join(other)} are of other entries than the ranking."
        )
    return tuple(_tried(name, base, target, recipe) for name, target in targets.items())


def _tried(name: str, base: Ranking, table: ScoreTable, recipe: Recipe) -> Alternative:
    try:
        ranking = rank_table(table, recipe)
    except RankingRefused as refused:
        return Alternative(name, None, refused=refused.message)
    tau = float(kendall_tau(base.ranks, ranking.ranks[None])[0])
    return Alternative(name, ranking, None if np.isnan(tau) else tau)
