"""Ranks of many resamples at once; by the same rules as ``places``."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics import Direction
from evaluation.ranking.places import SIGNIFICANT_DIGITS
from evaluation.ranking.table import Values

Ranks = NDArray[np.int64]
_LARGEST_SCALE = 300
"""A power of ten that float64 holds; only numbers below 1e-288 are rounded less for it."""


def rounded(values: Values) -> Values:
    """``values``, of any shape, to 12 significant digits; NaN stays."""
    size = np.abs(values)
    there = (size > 0) & np.isfinite(size)
    exponents = np.zeros(values.shape)
    np.log10(size, out=exponents, where=there)
    digits = np.minimum(SIGNIFICANT_DIGITS - 1 - np.floor(exponents), _LARGEST_SCALE)
    scales = np.power(10.0, np.where(there, digits, 0.0))
    result: Values = np.round(values * scales) / scales
    return result


def smallest_ranks(keys: NDArray[np.float64]) -> Ranks:
    """``[..., entries]`` → ranks along the last axis, 1 the smallest key; ties share the smallest.

    NaN ranks after every number, and ties with its like.
    """
    keys = np.where(np.isnan(keys), np.inf, keys)
    order = np.argsort(keys, axis=-1, kind="stable")
    ordered = np.take_along_axis(keys, order, axis=-1)
    places = np.broadcast_to(np.arange(keys.shape[-1]), keys.shape)
    opens = np.ones(keys.shape, dtype=bool)
    opens[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    first = np.maximum.accumulate(np.where(opens, places, 0), axis=-1)
    ranks = np.empty(keys.shape, dtype=np.int64)
    np.put_along_axis(ranks, order, first + 1, axis=-1)
    return ranks


def rank_along(values: Values, direction: Direction) -> Ranks:
    """``[..., entries]``, rounded, 1 the best: ``places.rank_values`` of each row."""
    better = rounded(values)
    return smallest_ranks(-better if direction is Direction.HIGHER else better)


def points_along(values: Values, direction: Direction) -> Values:
    """``[..., entries]``: entries strictly beaten, and half a point for each tie (Borda)."""
    best = rank_along(values, direction)
    from_behind = rank_along(
        np.where(np.isnan(values), -np.inf if direction is Direction.HIGHER else np.inf, values),
        Direction.LOWER if direction is Direction.HIGHER else Direction.HIGHER,
    )
    beaten = from_behind - 1
    ties = values.shape[-1] - best - beaten
    points: Values = beaten + ties / 2
    return points


def with_tie_breakers(ranks: Ranks, breakers: Sequence[Ranks]) -> Ranks:
    """Among entries of the same rank, the ranks of each of ``breakers`` decide, in this order."""
    for breaker in breakers:
        ranks = smallest_ranks((ranks * (ranks.shape[-1] + 1) + breaker).astype(np.float64))
    return ranks
