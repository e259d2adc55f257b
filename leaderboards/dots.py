"""A small distribution: one dot for each case, stacked where several have the same value."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaderboards.tables import Column, Table

WIDTH, HEIGHT = 96, 22
_STEP = 2
"""Between dots, in units of the drawing; dots of one step stand on each other."""
_MOST_STACKED = 9
_STEPS = (WIDTH - 2 * _STEP) // _STEP
# A little longer than to the last dot, or it would not be drawn.
_LINES = tuple(
    tuple(
        f"M{_STEP + place * _STEP} {HEIGHT - 2}v-{_STEP * (dots - 1) + 0.1:g}"
        for dots in range(_MOST_STACKED + 2)
    )
    for place in range(_STEPS + 1)
)


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
    """values: ``[cases]``, NaN left out. A line upwards for each step, as long as it has dots: the
    style sheet dots it. Empty where there is nothing to draw."""
    there = values[~np.isnan(values)]
    if not there.size:
        return ""
    share = np.clip((there - axis.low) / (axis.high - axis.low), 0.0, 1.0)
    numbers = np.bincount(np.rint(share * _STEPS).astype(np.intp))
    scale = min(1.0, _MOST_STACKED / int(numbers.max()))
    return "".join(
        _LINES[place][max(1, round(number * scale))]
        for place, number in enumerate(numbers.tolist())
        if number
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
