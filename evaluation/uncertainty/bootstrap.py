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


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """full: the ranking of all cases. ranks, scores: ``[resamples, entries]``; aggregates:
    ``[resamples, entries, columns]``, NaN where a resample has no applicable case. taus: of each
    resample, against the full ranking; NaN where one of the two is constant.
    """

    full: Ranking
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
        """``[entries, ranks]``: the share of resamples in which an entry has rank 1, 2, … ."""
        places = np.arange(1, self.ranks.shape[1] + 1)
        shares: Values = (self.ranks[:, :, None] == places).mean(axis=0)
        return shares

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


def bootstrap(table: ScoreTable, recipe: Recipe, counts: Counts) -> Bootstrap:
    """The whole ranking on each resample. counts: of ``draw_patients`` or ``from_indices``."""
    ranker = Ranker(table, recipe)
    full, outcome = ranker.full(), ranker.resampled(counts)
    return Bootstrap(
        full=full,
        ranks=outcome.ranks,
        scores=outcome.scores,
        aggregates=outcome.aggregates,
        taus=kendall_tau(full.ranks, outcome.ranks),
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
