"""How sure ranks are: the whole ranking on resamples of the patients.

Reported as M. Wiesenfarth et al., Methods and open-source toolkit for analyzing and visualizing
challenge results, Sci Rep 2021;11:2369, propose; resamples keep what was drawn several times.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.ranking.order import Ranks
from evaluation.ranking.recipe import Recipe
from evaluation.ranking.schemes import Ranker, Ranking
from evaluation.ranking.table import Counts, ScoreTable, Values

LEVEL = 0.95
AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """full: the ranking of all cases and entries. reported: places in it of the entries of which
    the rest is. ranks, scores: ``[resamples, entries]``, ranks among all that were ranked;
    aggregates: ``[resamples, entries, columns]``, NaN where a resample has no applicable case.
    taus: of each resample, the order of these entries against the full ranking's; NaN where one of
    the two is constant.
    """

    full: Ranking
    reported: NDArray[np.intp]
    ranks: Ranks
    scores: Values
    aggregates: Values
    taus: Values

    def rank_quantiles(self, shares: Sequence[float]) -> Values:
        """``[shares, entries]``: quantiles of the ranks, type 7 (linear)."""
        quantiles: Values = np.quantile(self.ranks, list(shares), axis=0)
        return quantiles

    def rank_ranges(self, level: float = LEVEL) -> NDArray[np.int64]:
        """``[entries, 2]``: first and last rank of the middle ``level`` of the resamples.

        The type-7 quantiles, rounded outwards to whole ranks.
        """
        low, high = self.rank_quantiles([(1 - level) / 2, (1 + level) / 2])
        return np.stack([np.floor(low), np.ceil(high)], axis=1).astype(np.int64)

    def rank_shares(self) -> Values:
        """``[entries, ranks]``: the share of resamples in which an entry has rank 1, 2, … .

        As many ranks as entries; where more were ranked, one column more, of every rank beyond.
        """
        number = self.ranks.shape[1]
        shares: Values = (self.ranks[:, :, None] == np.arange(1, number + 1)).mean(axis=0)
        if len(self.full.entries) == number:
            return shares
        return np.column_stack([shares, (self.ranks > number).mean(axis=0)])

    def aggregate_intervals(self, level: float = LEVEL) -> Values:
        """``[entries, columns, 2]``: type-7 quantiles of each aggregate; NaN where it has none."""
        low, high = (1 - level) / 2, (1 + level) / 2
        if not np.isnan(self.aggregates).any():
            return np.moveaxis(np.quantile(self.aggregates, [low, high], axis=0), 0, -1)
        result = np.full((*self.aggregates.shape[1:], 2), np.nan)
        for entry, column in np.ndindex(*self.aggregates.shape[1:]):
            values = self.aggregates[:, entry, column]
            there = values[~np.isnan(values)]
            if there.size:
                result[entry, column] = np.quantile(there, [low, high])
        return result


def bootstrap(
    table: ScoreTable,
    recipe: Recipe,
    counts: Counts,
    *,
    reported: Sequence[str] | None = None,
    at_once: int = AT_ONCE,
) -> Bootstrap:
    """The whole ranking on each resample. counts: of ``draw_patients`` or ``from_indices``.

    Every entry is ranked. reported: those to tell of, in this order; all without it. RankingRefused
    where one is not in the table. at_once: cells of resamples × entries × columns that are computed
    at a time, so that memory is bounded.
    """
    ranker = Ranker(table, recipe)
    full, places = ranker.full(), table.places(table.entries if reported is None else reported)
    step = max(1, at_once // ranker.cells)
    parts = []
    for first in range(0, max(1, len(counts)), step):
        outcome = ranker.resampled(counts[first : first + step])
        parts.append(
            (outcome.ranks[:, places], outcome.scores[:, places], outcome.aggregates[:, places])
        )
    ranks, scores, aggregates = (np.concatenate(of) for of in zip(*parts, strict=True))
    return Bootstrap(
        full=full,
        reported=places,
        ranks=ranks,
        scores=scores,
        aggregates=aggregates,
        taus=kendall_tau(full.ranks[places], ranks),
    )


def kendall_tau(one: Ranks, others: Ranks) -> Values:
    """Kendall's τ-b of ``one [entries]`` and each of ``others [rankings, entries]``.

    NaN where one of the two is constant. M. G. Kendall, Biometrika 1945;33:239–251.
    """
    rows, columns = np.triu_indices(one.shape[-1], 1)
    first = np.sign(one[rows] - one[columns]).astype(np.float64)
    second = np.sign(others[:, rows] - others[:, columns]).astype(np.float64)
    untied = (first**2).sum() * (second**2).sum(axis=1)
    taus = np.full(len(others), np.nan)
    np.divide(second @ first, np.sqrt(untied), out=taus, where=untied > 0)
    return taus
