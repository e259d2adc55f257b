"""Ranks under resampling: a disc for each entry and rank. Loads matplotlib."""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

from matplotlib.figure import Figure

from evaluation.standings import Resampled
from leaderboards.figures.canvas import (
    FILL,
    POINTS,
    at_top,
    note,
    paper,
    room_with_note,
    row_of,
    rows_of,
    some,
)
from leaderboards.figures.grids import share_words
from leaderboards.figures.inline import INK

_NARROW = 12


def draw(resampled: Resampled, labels: Sequence[str]) -> Figure:
    number = len(labels)
    # One more where ranks lie beyond those of the entries shown; whatever does is drawn there.
    columns = len(resampled.shares[0])
    step = max(0.15, min(0.6, 4.6 / columns))
    largest = max(max(of_entry) for of_entry in resampled.shares)
    told = (
        f"{resampled.number} resamples of {resampled.patients} patients; × median; bar: 95 %; "
        f"largest disc: {share_words(largest)}"
    )
    figure, axes = paper(
        step * columns,
        row_of(number) * number,
        left=room_with_note(told, labels, step * columns),
        top=0.55,
        bottom=0.45,
        right=0.3,
    )
    widest = _widest(resampled.shares, step, row_of(number)) * POINTS
    for row in range(number):
        low, high = (min(end, columns) for end in resampled.ranges[row])
        axes.plot([low, high], [row, row], color=INK, linewidth=1.1, zorder=2)
        for end in (low, high):
            axes.plot([end, end], [row - 0.22, row + 0.22], color=INK, linewidth=1.1, zorder=2)
    found = [
        (rank, row, share)
        for row, shares in enumerate(resampled.shares)
        for rank, share in enumerate(shares, 1)
        if share > 0
    ]
    axes.scatter(
        [one[0] for one in found],
        [one[1] for one in found],
        s=[(widest**2) * one[2] for one in found],
        color=FILL,
        linewidths=0,
        zorder=3,
        clip_on=False,
    )
    axes.scatter(
        [min(median, columns) for median in resampled.medians],
        range(number),
        marker="x",
        s=22,
        color=INK,
        linewidths=1.4,
        zorder=4,
    )
    axes.set_xlim(0.4, columns + 0.6)
    axes.set_xticks(*_ticks(number, columns))
    axes.grid(visible=True, color=INK, alpha=0.12, linewidth=0.5)
    axes.set_axisbelow(True)
    rows_of(axes, labels)
    at_top(axes, "rank")
    note(figure, told)
    return figure


def _ticks(number: int, columns: int) -> tuple[list[int], list[str]]:
    """Places and texts; where columns are narrow, the last text takes the room of two."""
    places = list(some(number))
    texts = [str(place) for place in places]
    if columns == number:
        return places, texts
    kept = len(places) - (number > _NARROW)
    return [*places[:kept], columns], [*texts[:kept], f">{number}"]


def _widest(shares: Sequence[Sequence[float]], step: float, row: float) -> float:
    """Inches across a disc of all resamples, so that no two discs touch."""
    largest = max(max(of_entry) for of_entry in shares)
    beside = (sqrt(one) + sqrt(other) for of_entry in shares for one, other in pairwise(of_entry))
    return min(2 * step / max(beside), row * 0.9 / sqrt(largest))
