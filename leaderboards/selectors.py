"""Reads of leaderboards."""

from dataclasses import dataclass

from challenges.models import Phase
from challenges.policies import Viewer, may_see_cases
from challenges.selectors import shown_edition
from leaderboards.models import Snapshot
from leaderboards.tables import Row, Table
from submissions.models import Submission
from submissions.selectors import in_flight, submissions_of

FIXED_COLUMNS = ("rank", "algorithm", "failed", "seconds")


@dataclass(frozen=True)
class Board:
    """The newest snapshot, sorted; submissions on their way are listed for public cases only.

    own: public ids of those under way that the viewer may open.
    """

    snapshot: Snapshot | None
    table: Table
    sort: str
    descending: bool
    in_flight: tuple[Submission, ...]
    in_flight_count: int
    own: frozenset[str]


def board(viewer: Viewer, phase: Phase, *, sort: str = "rank", order: str = "") -> Board:
    """sort: one of FIXED_COLUMNS or a column's key; order: asc or desc, by default best first.

    Anything else is read as the rank.
    """
    snapshot = Snapshot.objects.filter(edition=shown_edition(phase)).first()
    table = Table.from_json(snapshot.document) if snapshot else Table((), ())
    keys = {column.key for column in table.columns}
    if sort not in keys | set(FIXED_COLUMNS):
        sort = "rank"
    higher_first = any(c.key == sort and c.direction == "higher" for c in table.columns)
    descending = order == "desc" if order in ("asc", "desc") else higher_first
    running = tuple(in_flight(phase))
    own = submissions_of(viewer).filter(phase=phase).exclude(state__in=Submission.ENDS)
    return Board(
        snapshot=snapshot,
        table=Table(table.columns, _sorted(table, sort, descending)),
        sort=sort,
        descending=descending,
        in_flight=running if may_see_cases(viewer, phase) else (),
        in_flight_count=len(running),
        own=frozenset(own.values_list("public_id", flat=True)),
    )


def _sorted(table: Table, sort: str, descending: bool) -> tuple[Row, ...]:
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
        return row.cells[keys.index(sort)].mean

    known = [(found, row) for row in table.rows if (found := value(row)) is not None]
    unknown = [row for row in table.rows if value(row) is None]
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return (*(row for _, row in known), *unknown)
