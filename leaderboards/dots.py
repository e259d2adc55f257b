"""A small distribution: one dot for each case, stacked where several have the same value."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaderboards.tables import Column, Table

WIDTH, HEIGHT = 96, 22
_STEP = 2
"""Between dots, in units of the drawing; dots of one step stand on each other."""
_MOST_STACKED = 9


@dataclass(frozen=True)
class Axis:
    """From the left edge to the right; what lies outside is drawn at the edge."""

    low: float
    high: float


def axes_of(table: Table) -> tuple[Axis, ...]:
    """Of each column, the same for all entries: 0 to 1, or as far as the whiskers of any of them
    (1.5 interquartile ranges beyond the quartiles) reach."""
    return tuple(_axis(column, table, at) for at, column in enumerate(table.columns))


def path_of(values: NDArray[np.float64], axis: Axis) -> str:
    """values: ``[cases]``, NaN left out. The path's zero-length lines are drawn as dots, by round
    line ends; empty where there is nothing to draw."""
    there = values[~np.isnan(values)]
    if not there.size:
        return ""
    share = np.clip((there - axis.low) / (axis.high - axis.low), 0.0, 1.0)
    steps = np.rint(share * (WIDTH - 2 * _STEP) / _STEP).astype(np.intp)
    places, numbers = np.unique(steps, return_counts=True)
    tallest = int(numbers.max())
    rise = min(float(_STEP), (HEIGHT - 4) / max(min(tallest, _MOST_STACKED) - 1, 1))
    scale = min(1.0, _MOST_STACKED / tallest)
    return "".join(
        f"M{_STEP + place * _STEP} {HEIGHT - 2 - level * rise:.3g}h0"
        for place, number in zip(places.tolist(), numbers.tolist(), strict=True)
        for level in range(max(1, round(number * scale)))
    )


def _axis(column: Column, table: Table, at: int) -> Axis:
    if column.share:
        return Axis(0.0, 1.0)
    cells = [row.cells[at] for row in table.rows]
    ends = [
        (cell.lower_quartile, cell.upper_quartile)
        for cell in cells
        if cell is not None and cell.lower_quartile is not None and cell.upper_quartile is not None
    ]
    if not ends:
        return Axis(0.0, 1.0)
    low = min(lower - 1.5 * (upper - lower) for lower, upper in ends)
    high = max(upper + 1.5 * (upper - lower) for lower, upper in ends)
    if column.direction in ("higher", "lower"):
        low = max(low, 0.0)
    return Axis(low, high) if high > low else Axis(low, low + 1.0)
