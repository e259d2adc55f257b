"""Whether one entry is better than another: one-sided paired Wilcoxon tests, many at once.

F. Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1945;1:80–83; as
``scipy.stats.wilcoxon(zero_method="wilcox", correction=True, method="approx")`` and R's
``wilcox.test(exact = FALSE)`` compute it. S. Holm, A simple sequentially rejective multiple test
procedure, Scand J Statist 1979;6:65–70.
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.ranking.table import Counts, Values

_AT_ONCE = 40_000
"""Cells of cases × pairs × resamples that are computed at a time: few
enough for a processor's cache, which matters more than the number of calls."""


def one_sided_p(values: Values, counts: Counts | None = None) -> Values:
    """p of "the row is better than the column", for every ordered pair.

    values: ``[entries, patients]``, larger is better, not rounded; a patient counts for a pair
    where both have a value. counts: ``[resamples, patients]``, how often each counts; each once
    without it. Returns ``[resamples, entries, entries]``, NaN on the diagonal. Normal
    approximation, zero differences dropped, midranks of ties, continuity correction; without any
    difference p is 1.
    """
    entries, patients = values.shape
    counts = np.ones((1, patients)) if counts is None else counts
    result = np.full((len(counts), entries, entries), np.nan)
    rows, columns = np.triu_indices(entries, 1)
    together = max(1, _AT_ONCE // patients)
    for first in range(0, len(counts), together):
        drawn = np.ascontiguousarray(counts[first : first + together].T, dtype=np.float64)
        part = result[first : first + together]
        step = max(1, _AT_ONCE // drawn.size)
        for start in range(0, rows.size, step):
            i, j = rows[start : start + step], columns[start : start + step]
            better, worse = _of_differences(values[i] - values[j], drawn)
            part[:, i, j], part[:, j, i] = better.T, worse.T
    return result


def _of_differences(differences: Values, drawn: Values) -> tuple[Values, Values]:
    """differences: ``[pairs, patients]``; drawn: ``[patients, resamples]``.

    Returns p of positive and of negative differences, each ``[pairs, resamples]``.
    """
    differences = np.where(np.isnan(differences), 0.0, differences).T
    sizes = np.abs(differences)
    order = np.argsort(np.where(sizes > 0, sizes, np.inf), axis=0, kind="stable")
    sizes = np.take_along_axis(sizes, order, axis=0)
    positive = np.take_along_axis(differences, order, axis=0) > 0
    times = drawn[order]
    times[sizes == 0] = 0.0
    until = np.cumsum(times, axis=0)
    number = until[-1]
    tied = (sizes[1:] == sizes[:-1]) & (sizes[1:] > 0)
    if tied.any():
        before, in_group = _groups(tied, times, until)
    else:
        before, in_group = until - times, times
    midranks = before + (in_group + 1) / 2
    sum_positive = np.einsum("cpr,cpr,cp->pr", midranks, times, positive.astype(np.float64))
    ties = np.einsum("cpr,cpr->pr", times, in_group * in_group) - number
    variance = number * (number + 1) * (2 * number + 1) / 24 - ties / 48
    whole = number * (number + 1) / 2
    return (
        _upper_tail(sum_positive, whole / 2, variance),
        _upper_tail(whole - sum_positive, whole / 2, variance),
    )


def _groups(tied: NDArray[np.bool_], times: Values, until: Values) -> tuple[Values, Values]:
    """Of each difference, ``[patients, pairs, resamples]``: how many are smaller, how many equal.

    tied: ``[patients − 1, pairs]``, whether the next one in order is as large.
    """
    places = np.arange(len(times))[:, None]
    opens = np.ones(times.shape[:2], dtype=bool)
    closes = opens.copy()
    opens[1:], closes[:-1] = ~tied, ~tied
    first = np.maximum.accumulate(np.where(opens, places, 0), axis=0)
    last = np.minimum.accumulate(np.where(closes, places, len(times))[::-1], axis=0)[::-1]
    before = np.take_along_axis(until - times, first[:, :, None], axis=0)
    return before, np.take_along_axis(until, last[:, :, None], axis=0) - before


def _upper_tail(found: Values, mean: Values, variance: Values) -> Values:
    deviation = np.sqrt(np.where(variance > 0, variance, 1.0))
    # It takes a third of a second to load, and every process reads definitions.
    from scipy.special import ndtr

    p: Values = np.where(variance > 0, ndtr(-(found - mean - 0.5) / deviation), 1.0)
    return p


def holm(p: Values) -> Values:
    """Adjusted p of ``[resamples, entries, entries]``, over the m(m − 1) pairs of each resample."""
    entries = p.shape[-1]
    off = ~np.eye(entries, dtype=bool)
    flat = p[:, off]
    number = flat.shape[1]
    order = np.argsort(flat, axis=1, kind="stable")
    steps = np.take_along_axis(flat, order, axis=1) * np.arange(number, 0, -1)
    ordered = np.minimum(np.maximum.accumulate(steps, axis=1), 1.0)
    adjusted = np.empty_like(flat)
    np.put_along_axis(adjusted, order, ordered, axis=1)
    result = np.full(p.shape, np.nan)
    result[:, off] = adjusted
    return result
