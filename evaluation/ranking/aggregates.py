"""Means, medians and trimmed means over cases, of many resamples at once.

A resample is how often each case counts; one that was drawn three times counts as three cases.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.ranking.recipe import Aggregate
from evaluation.ranking.table import Counts, Values, divided


@dataclass(frozen=True, eq=False)
class Aggregator:
    """values: ``[entries, cases, columns]``, NaN being left out. trim: as in ``Recipe``."""

    values: Values
    kind: Aggregate
    trim: float = 0.0

    def over(self, counts: Counts) -> Values:
        """``[resamples, cases]`` → ``[resamples, entries, columns]``; NaN where no case counts."""
        if self.kind is Aggregate.MEAN:
            return self._means(counts)
        entries, _, columns = self.values.shape
        result = np.empty((len(counts), entries, columns))
        drawn = np.ascontiguousarray(counts.T)
        for entry in range(entries):
            for column in range(columns):
                result[:, entry, column] = self._sorted(self.values[entry, :, column], drawn)
        return result

    def _means(self, counts: Counts) -> Values:
        entries, cases, columns = self.values.shape
        flat = np.moveaxis(self.values, 1, 0).reshape(cases, entries * columns)
        there = ~np.isnan(flat)
        sums = counts @ np.where(there, flat, 0.0)
        numbers = counts @ there.astype(np.float64)
        return divided(sums, numbers).reshape(len(counts), entries, columns)

    def _sorted(self, values: NDArray[np.float64], drawn: NDArray[np.float64]) -> Values:
        """values: ``[cases]``; drawn: ``[cases, resamples]``."""
        order = np.argsort(values)[: np.count_nonzero(~np.isnan(values))]
        if not order.size:
            return np.full(drawn.shape[1], np.nan)
        ordered, until = values[order], np.cumsum(drawn[order], axis=0)
        number = until[-1]
        if self.kind is Aggregate.MEDIAN:
            return _median(ordered, until, number)
        cut = np.floor(self.trim * number)
        kept = np.diff(np.clip(until, cut, number - cut), axis=0, prepend=cut[None])
        return divided(ordered @ kept, number - 2 * cut)


def _median(ordered: Values, until: Values, number: Values) -> Values:
    """until: ``[cases, resamples]``, how many are at or before each; number: ``[resamples]``."""
    places = [np.sum(until <= half, axis=0) for half in ((number - 1) // 2, number // 2)]
    low, high = (ordered[np.minimum(place, len(ordered) - 1)] for place in places)
    return np.where(number > 0, (low + high) / 2, np.nan)
