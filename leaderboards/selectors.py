"""Reads of leaderboards."""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import lru_cache

from challenges.models import Phase
from challenges.policies import Viewer, may_see_cases
from challenges.selectors import shown_edition
from evaluation.standings.scores import averaged
from leaderboards.dots import Axis, axes_of, path_of
from leaderboards.models import Scores, Slice, Snapshot
from leaderboards.scores import values_of
from leaderboards.tables import Row, Table
from leaderboards.visibility import View, seen_table, view_of
from submissions.models import Submission
from submissions.selectors import in_flight, submissions_of

FIXED_COLUMNS = ("rank", "algorithm", "failed", "seconds", "memory")
ROWS_A_PAGE = 50
EVERY_CASE = ""


@dataclass(frozen=True)
class Choice:
    """A group of cases by which the leaderboard can be filtered. key: as an address names it."""

    key: str
    grouping: str
    label: str
    cases: int
    patients: int


@dataclass(frozen=True)
class Board:
    """One page of a snapshot, sorted; submissions on their way are listed for public cases only.

    table: the rows of this page; count: of all rows. choices: groups of cases to choose from;
    withheld: how many others are too small to be shown. chosen: the group that this is of; None for
    all cases. notes: sentences, of what is not shown to this viewer. own: public ids of those under
    way that the viewer may open. dots: of each row and
    column, where the viewer may see single cases.
    """

    snapshot: Snapshot | None
    table: Table
    sort: str
    descending: bool
    count: int
    page: int
    pages: int
    choices: tuple[Choice, ...]
    withheld: int
    chosen: Choice | None
    notes: tuple[str, ...]
    axes: tuple[Axis, ...]
    dots: dict[str, tuple[str, ...]]
    in_flight: tuple[Submission, ...]
    in_flight_count: int
    own: frozenset[str]


def snapshot_of(phase: Phase, *, as_of: date | None = None) -> Snapshot | None:
    """The newest; with ``as_of``, the last one of that day (UTC) or before it, of any edition. For
    the platform itself: of what is shown to people, ``seen_snapshot`` tells."""
    snapshots = Snapshot.objects.select_related("edition").defer("document")
    if as_of is None:
        return snapshots.filter(edition=shown_edition(phase)).first()
    return snapshots.filter(edition__phase=phase, created_at__lte=_end_of(as_of)).first()


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time.max, UTC)


def seen_snapshot(view: View, *, as_of: date | None = None) -> Snapshot | None:
    """``snapshot_of``, as far as the viewer may see it: of a frozen leaderboard none that is newer
    than the moment since which it is."""
    if view.shows_nothing:
        return None
    latest = view.latest()
    if latest is None:
        return snapshot_of(view.phase, as_of=as_of)
    if as_of is not None:
        latest = min(latest, _end_of(as_of))
    snapshots = Snapshot.objects.select_related("edition").defer("document")
    return snapshots.filter(edition__phase=view.phase, created_at__lte=latest).first()


def seen_table_of(view: View, snapshot: Snapshot, chosen: Choice | None = None) -> Table:
    """Of all cases, or of one group, as ``view`` shows it."""
    return seen_table(view, snapshot, table_of(snapshot, chosen), table_of(snapshot))


def board(
    viewer: Viewer,
    phase: Phase,
    *,
    sort: str = "rank",
    order: str = "",
    group: str = EVERY_CASE,
    as_of: date | None = None,
    page: int = 1,
    rows_a_page: int = ROWS_A_PAGE,
    submission: str = "",
) -> Board:
    """sort: one of FIXED_COLUMNS or a column's key; order: asc or desc, by default best first.
    group: a choice's key. What is none of them is read as the rank, and as all cases. submission:
    the page on which this one stands, in place of ``page``."""
    view = view_of(viewer, phase)
    snapshot, details = seen_snapshot(view, as_of=as_of), view.details
    choices, withheld = _choices(snapshot, view)
    chosen = next((one for one in choices if one.key == group), None)
    table = Table((), ())
    if snapshot is not None:
        table = seen_table_of(view, snapshot, chosen)
    keys = {column.key for column in table.columns}
    if sort not in keys | set(FIXED_COLUMNS):
        sort = "rank"
    higher_first = any(c.key == sort and c.direction == "higher" for c in table.columns)
    descending = order == "desc" if order in ("asc", "desc") else higher_first
    rows = sorted_rows(table, sort, descending)
    pages = max(1, math.ceil(len(rows) / rows_a_page))
    if submission:
        places = [row.submission for row in rows]
        page = places.index(submission) // rows_a_page + 1 if submission in places else 1
    page = min(max(page, 1), pages)
    shown = replace(table, rows=rows[(page - 1) * rows_a_page : page * rows_a_page])
    axes = _axes(snapshot, chosen) if snapshot and details else ()
    running = tuple(in_flight(phase))
    own = submissions_of(viewer).filter(phase=phase).exclude(state__in=Submission.ENDS)
    return Board(
        snapshot=snapshot,
        table=shown,
        sort=sort,
        descending=descending,
        count=len(rows),
        page=page,
        pages=pages,
        choices=choices,
        withheld=withheld,
        chosen=chosen,
        notes=view.notes(snapshot),
        axes=axes,
        dots=_dots(snapshot, shown, axes) if details and chosen is None and snapshot else {},
        in_flight=running if may_see_cases(viewer, phase) and not view.names_nobody else (),
        in_flight_count=len(running),
        own=frozenset(own.values_list("public_id", flat=True)),
    )


def table_of(snapshot: Snapshot, chosen: Choice | None = None) -> Table:
    """Read once in each process: a snapshot never changes."""
    grouping, label = (chosen.grouping, chosen.label) if chosen else ("", "")
    # The hash, as the key of a row that is gone may be given again.
    return _read(snapshot.pk, snapshot.content_hash, grouping, label)


@lru_cache(maxsize=16)
def _read(pk: int, _: str, grouping: str, label: str) -> Table:
    if grouping:
        return Table.from_json(
            Slice.objects.get(snapshot=pk, grouping=grouping, label=label).document
        )
    return Table.from_json(Snapshot.objects.get(pk=pk).document)


def _axes(snapshot: Snapshot, chosen: Choice | None) -> tuple[Axis, ...]:
    grouping, label = (chosen.grouping, chosen.label) if chosen else ("", "")
    return _axes_of(snapshot.pk, snapshot.content_hash, grouping, label)


@lru_cache(maxsize=16)
def _axes_of(pk: int, hashed: str, grouping: str, label: str) -> tuple[Axis, ...]:
    return axes_of(_read(pk, hashed, grouping, label))


def _choices(snapshot: Snapshot | None, view: View) -> tuple[tuple[Choice, ...], int]:
    """The groups that may be shown, and how many are withheld as too small."""
    if snapshot is None or not view.shows_groups(snapshot):
        return (), 0
    found = list(snapshot.slices.defer("document"))
    shown = [one for one in found if not (view.protects and one.withheld)]
    choices = tuple(
        Choice(f"{one.grouping}:{one.label}", one.grouping, one.label, one.cases, one.patients)
        for one in shown
    )
    return choices, len(found) - len(shown)


def _dots(snapshot: Snapshot, table: Table, axes: Collection[Axis]) -> dict[str, tuple[str, ...]]:
    """By submission: the path of each column, empty for those over the cohort."""
    kept = Scores.objects.filter(
        edition=snapshot.edition_id,
        submission__public_id__in=[row.submission for row in table.rows],
    ).values_list("submission__public_id", "targets", "cases", "values")
    found = {}
    for submission, targets, cases, values in kept:
        of_cases = averaged(values_of(values, targets, len(cases))[0])
        found[submission] = tuple(
            path_of(of_cases[:, at], axis) if at < of_cases.shape[1] else ""
            for at, axis in enumerate(axes)
        )
    return found


def sorted_rows(table: Table, sort: str, descending: bool) -> tuple[Row, ...]:
    """Rows without a value come last in either order; ties keep the order of rank."""
    keys = [column.key for column in table.columns]

    def value(row: Row) -> float | str | None:
        match sort:
            case "rank":
                return row.rank
            case "algorithm":
                return row.algorithm.casefold()
            case "failed":
                return row.failed
            case "seconds":
                return row.seconds_per_case
            case "memory":
                return row.peak_memory_bytes
        cell = row.cells[keys.index(sort)]
        return None if cell is None else cell.shown

    known = [(found, row) for row in table.rows if (found := value(row)) is not None]
    unknown = [row for row in table.rows if value(row) is None]
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return (*(row for _, row in known), *unknown)
