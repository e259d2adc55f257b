"""For whom a result holds: one figure of each entry on each group of cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from challenges.models import Phase
from challenges.policies import Viewer
from evaluation.aggregate import Summary
from leaderboards.selectors import Board, Choice, board, seen_table_of
from leaderboards.tables import Column, Row
from leaderboards.visibility import view_of


@dataclass(frozen=True)
class OnGroups:
    """One entry. everything: on all cases; cells: on each group, None where it is withheld or the
    entry is not there. worst, best: places of groups, None where fewer than two can be compared;
    gap: how far they are apart, in the metric's unit."""

    row: Row
    everything: Summary | None
    cells: tuple[Summary | None, ...]
    worst: int | None
    best: int | None
    gap: float | None


@dataclass(frozen=True)
class Subgroups:
    """groupings: all there are to choose from. choices: the groups of the chosen one."""

    board: Board
    groupings: tuple[str, ...]
    grouping: str
    choices: tuple[Choice, ...]
    column: Column | None
    rows: tuple[OnGroups, ...]


def subgroups(
    viewer: Viewer, phase: Phase, *, by: str = "", metric: str = "", page: int = 1
) -> Subgroups:
    """by: a grouping; metric: a column's key. The first of each where there is no such."""
    whole = board(viewer, phase, page=page)
    groupings = tuple(dict.fromkeys(choice.grouping for choice in whole.choices))
    grouping = by if by in groupings else next(iter(groupings), "")
    columns = whole.table.columns
    column = next((one for one in columns if one.key == metric), next(iter(columns), None))
    choices = tuple(one for one in whole.choices if one.grouping == grouping)
    if column is None or whole.snapshot is None:
        return Subgroups(whole, groupings, grouping, choices, column, ())
    at = columns.index(column)
    view = view_of(viewer, phase)
    groups: list[Mapping[str, Row]] = [
        {row.submission: row for row in seen_table_of(view, whole.snapshot, choice).rows}
        for choice in choices
    ]
    rows = tuple(_on_groups(row, groups, at, column) for row in whole.table.rows)
    return Subgroups(whole, groupings, grouping, choices, column, rows)


def groups_of_entry(
    viewer: Viewer, phase: Phase, shown: Board, submission: str
) -> tuple[tuple[Choice, Row], ...]:
    """One entry on every group that may be shown, with its rank there."""
    if shown.snapshot is None:
        return ()
    view = view_of(viewer, phase)
    found = []
    for choice in shown.choices:
        table = seen_table_of(view, shown.snapshot, choice)
        found += [(choice, row) for row in table.rows if row.submission == submission]
    return tuple(found)


def _on_groups(row: Row, groups: Sequence[Mapping[str, Row]], at: int, column: Column) -> OnGroups:
    cells = tuple(
        group[row.submission].cells[at] if row.submission in group else None for group in groups
    )
    known = {
        place: cell.shown
        for place, cell in enumerate(cells)
        if cell is not None and cell.shown is not None
    }
    if len(known) < 2 or column.direction == "none":
        return OnGroups(row, row.cells[at], cells, None, None, None)

    def badness(place: int) -> float:
        value = known[place]
        if column.direction == "towards_zero":
            return abs(value)
        return -value if column.direction == "higher" else value

    worst, best = max(known, key=badness), min(known, key=badness)
    return OnGroups(row, row.cells[at], cells, worst, best, abs(known[worst] - known[best]))
