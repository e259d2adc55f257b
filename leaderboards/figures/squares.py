"""The significance map, and the heat map of ranks over cases. Loads matplotlib."""

from collections.abc import Sequence
from math import sqrt

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from evaluation.standings import Tested
from leaderboards.figures.canvas import (
    FILL,
    SMALL,
    at_top,
    note,
    paper,
    room_for,
    room_with_note,
    row_of,
    rows_of,
    some,
)
from leaderboards.figures.grids import share_words
from leaderboards.figures.inline import INK
from leaderboards.figures.names import cut

STRONGEST = 0.7
"""Of the fill, so that letters on it are read on light and on dark paper."""
_MOST_WRITTEN = 16
_LONGEST_ABOVE = 18


def draw_significance(tested: Tested, labels: Sequence[str]) -> Figure:
    number = len(labels)
    above = [cut(label, _LONGEST_ABOVE) for label in labels]
    row_high = row_of(number)
    cell = max(row_high, min(0.52, 4.2 / number))
    figure, axes = paper(
        cell * number, row_high * number, left=room_for(labels), top=room_for(above) + 0.3,
        right=0.85, bottom=0.2,
    )  # fmt: skip
    for row, decisions in enumerate(tested.better):
        _fill(axes, [(column, row) for column, better in enumerate(decisions) if better], STRONGEST)
    _fill(axes, [(at, at) for at in range(number)], 0.12, color=INK)
    if cell >= 0.38:
        _write_p(axes, tested)
    _mark_tiers(axes, tested.tiers)
    rows_of(axes, labels)
    axes.set_xlim(-0.5, number - 0.5)
    at_top(axes, "is better than")
    axes.set_xticks(range(number), above, rotation=90)
    _lines(axes, number, number)
    return figure


def draw_heat_map(tested: Tested, labels: Sequence[str]) -> Figure:
    number = len(labels)
    written = number <= _MOST_WRITTEN
    cell = max(0.36, min(0.6, 4.6 / number)) if written else 0.17
    totals = [max(1, sum(row)) for row in tested.case_ranks]
    most = max(
        count / total
        for row, total in zip(tested.case_ranks, totals, strict=True)
        for count in row
    )  # fmt: skip
    what = "numbers of cases" if written else "share of the cases"
    told = f"{what}; strongest cell: {share_words(most)} of its row"
    figure, axes = paper(
        cell * number,
        row_of(number) * number,
        left=room_with_note(told, labels, cell * number),
        top=0.55,
        bottom=0.45,
        right=0.3,
    )
    levels: dict[float, list[tuple[int, int]]] = {}
    for row, counts in enumerate(tested.case_ranks):
        for column, count in enumerate(counts):
            if count:
                # By its root, so that single cases of many are seen.
                level = round(STRONGEST * sqrt(count / totals[row] / most), 2)
                levels.setdefault(level, []).append((column, row))
                if written:
                    _write(axes, column, row, str(count))
    for level, cells in sorted(levels.items()):
        _fill(axes, cells, level)
    rows_of(axes, labels)
    axes.set_xlim(-0.5, number - 0.5)
    at_top(axes, "rank in a case")
    places = some(number)
    axes.set_xticks([place - 1 for place in places], [str(place) for place in places])
    _lines(axes, number, number)
    note(figure, told)
    return figure


def _fill(axes: Axes, cells: Sequence[tuple[int, int]], strength: float, color: str = FILL) -> None:
    """cells: column and row of each; as one path, which a file holds in a fraction of the bytes."""
    if cells:
        whole = Path.make_compound_path(
            *(Path(_corners(column, row), closed=True) for column, row in cells)
        )
        axes.add_patch(PathPatch(whole, facecolor=color, edgecolor="none", alpha=strength))


def _corners(column: int, row: int) -> list[tuple[float, float]]:
    left, right, top, bottom = column - 0.5, column + 0.5, row - 0.5, row + 0.5
    return [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]


def _lines(axes: Axes, columns: int, rows: int) -> None:
    axes.set_xticks([at + 0.5 for at in range(-1, columns)], minor=True)
    axes.set_yticks([at + 0.5 for at in range(-1, rows)], minor=True)
    axes.grid(visible=True, which="minor", color=INK, alpha=0.18, linewidth=0.5)
    axes.tick_params(which="minor", length=0)


def _write_p(axes: Axes, tested: Tested) -> None:
    for row, values in enumerate(tested.adjusted):
        for column, value in enumerate(values):
            if value is not None:
                _write(axes, column, row, p_words(value))


def _write(axes: Axes, column: int, row: int, text: str) -> None:
    axes.text(column, row, text, ha="center", va="center_baseline", size=SMALL)


def p_words(value: float) -> str:
    """Without the leading zero, and never rounded to 0."""
    if value < 0.001:
        return "<.001"
    return "1" if value >= 0.9995 else f"{value:.3f}"[1:]


def _mark_tiers(axes: Axes, tiers: Sequence[int]) -> None:
    number = len(tiers)
    first = 0
    for at in range(1, number + 1):
        if at < number and tiers[at] == tiers[first]:
            continue
        if at < number:
            axes.plot([-0.5, number - 0.5], [at - 0.5] * 2, color=INK, linewidth=1.4)
            axes.plot([at - 0.5] * 2, [-0.5, number - 0.5], color=INK, linewidth=1.4)
        axes.text(number - 0.3, (first + at - 1) / 2, f"tier {tiers[first]}", va="center")
        first = at
