"""Which entries differ by more than chance: tests of all pairs, rank sets and tiers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import RankingRefused
from evaluation.ranking.schemes import Ranking, better_larger
from evaluation.ranking.table import ScoreTable, Values, divided
from evaluation.ranking.wilcoxon import holm, one_sided_p

ALPHA = 0.05


@dataclass(frozen=True, eq=False)
class SignificanceMap:
    """Of every ordered pair, ``[entries, entries]``, whether the row is better than the column.

    p, adjusted: NaN on the diagonal; adjusted by Holm over all m(m − 1) pairs. better: adjusted ≤
    α. against_means: the row is significantly better, and yet its mean over patients is worse.
    """

    entries: tuple[str, ...]
    column: str
    p: Values
    adjusted: Values
    better: NDArray[np.bool_]
    against_means: NDArray[np.bool_]

    def rank_sets(self, pool: int | None = None) -> NDArray[np.int64]:
        """``[entries, 2]``: [1 + entries significantly better, m − entries significantly worse].

        pool: m, how many compete; without it those that were tested. Who was not tested is not
        shown to be better or worse, so that the sets stay valid, and are only larger. All of them
        hold together with a probability of at least 1 − α. D. Mogstad et al., Inference for ranks,
        Rev Econ Stud 2024;91:476–518.
        """
        first = 1 + self.better.sum(axis=0)
        last = (len(self.entries) if pool is None else pool) - self.better.sum(axis=1)
        return np.stack([first, last], axis=1)


def significance_map(table: ScoreTable, column: str, *, alpha: float = ALPHA) -> SignificanceMap:
    """Wilcoxon tests of ``column`` (``dice[node]``) on patients' means.

    RankingRefused where there is no such column, where it is over the cohort, or where it has no
    order.
    """
    at = table.column(column)
    of_column = table.all_columns[at]
    if at >= len(table.columns):
        raise RankingRefused(
            "column", f"{column} is over the cohort; tests need a metric with values of cases."
        )
    if not of_column.direction.ranks:
        raise RankingRefused(
            "column",
            f"{column} has no order ({of_column.direction.words}); test its absolute value.",
        )
    values = better_larger(table.patient_means(), table, at)
    p = one_sided_p(values)
    adjusted = holm(p)
    better = adjusted[0] <= alpha
    there = ~np.isnan(values)
    means = divided(np.where(there, values, 0.0).sum(axis=1), there.sum(axis=1))
    against = better & (means[:, None] < means[None, :])
    return SignificanceMap(table.entries, column, p[0], adjusted[0], better, against)


def tiers(ranking: Ranking, significance: SignificanceMap) -> NDArray[np.int64]:
    """``[entries]``: the tier of each, 1 the first.

    The best entry not yet placed opens a tier; the following join in the order of rank until the
    first that it significantly beats. Entries of one rank are taken in the table's order, those
    that it does not beat first. RankingRefused where the two do not have the same entries.
    """
    if ranking.entries != significance.entries:
        raise RankingRefused(
            "entries", "The ranking and the significance map are of different entries."
        )
    result = np.zeros(len(ranking.entries), dtype=np.int64)
    waiting = list(ranking.order)
    tier = 0
    while waiting:
        tier += 1
        opener = waiting[0]
        beaten = significance.better[opener]
        waiting.sort(key=lambda at: (ranking.ranks[at], bool(beaten[at])))
        length = next((n for n, at in enumerate(waiting) if beaten[at]), len(waiting))
        result[waiting[:length]] = tier
        waiting = waiting[length:]
    return result


def order_against_tests(ranking: Ranking, significance: SignificanceMap) -> list[tuple[str, str]]:
    """Pairs (better by test, ahead by rank) where the order of ranks and the tests disagree."""
    behind = ranking.ranks[:, None] > ranking.ranks[None, :]
    rows, columns = np.nonzero(significance.better & behind)
    return [(ranking.entries[i], ranking.entries[j]) for i, j in zip(rows, columns, strict=True)]
