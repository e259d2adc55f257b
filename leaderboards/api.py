"""Leaderboards as data."""

from datetime import datetime

from django.http import HttpRequest
from ninja import Router, Schema

from accounts.callers import READ_OR_ANYONE, caller_of
from challenges.api import seen_phase
from leaderboards.selectors import board
from leaderboards.tables import Column, Row

router = Router(tags=["Leaderboards"], auth=READ_OR_ANYONE)


class ColumnOut(Schema):
    """A metric, for one label. direction: which values are better. ranked: it counts."""

    key: str
    metric: str
    label: str
    title: str
    unit: str
    direction: str
    ranked: bool


class CellOut(Schema):
    """Over ``count`` cases; low and high: of the interval that the metric has, where it has one."""

    count: int
    mean: float | None
    deviation: float | None
    low: float | None
    high: float | None


class EntryOut(Schema):
    """cells: by the key of their column. competes: false for what is placed for comparison.
    rank: null for the side that organises. kind: container, or predictions for masks that were
    made elsewhere."""

    submission: str
    algorithm: str
    algorithm_id: str
    version: int
    owner: str
    team: str
    of_organisers: bool
    kind: str
    is_baseline: bool
    competes: bool
    rank: int | None
    mean_rank: float
    cases: int
    failed: int
    seconds_per_case: float | None
    cells: dict[str, CellOut]


class LeaderboardOut(Schema):
    """edition: of the scores; made_at: null where nothing is scored yet."""

    challenge: str
    phase: str
    edition: int | None
    made_at: datetime | None
    columns: list[ColumnOut]
    entries: list[EntryOut]


@router.get("/challenges/{slug}/phases/{phase}/leaderboard", response=LeaderboardOut)
def get_leaderboard(request: HttpRequest, slug: str, phase: str) -> LeaderboardOut:
    """The leaderboard as its page shows it, in the order of rank."""
    viewer = caller_of(request).viewer
    found = seen_phase(viewer, slug, phase)
    shown = board(viewer, found)
    columns = shown.table.columns
    return LeaderboardOut(
        challenge=slug,
        phase=phase,
        edition=shown.snapshot.edition.number if shown.snapshot else None,
        made_at=shown.snapshot.created_at if shown.snapshot else None,
        columns=[_column(column) for column in columns],
        entries=[_entry(row, columns) for row in shown.table.rows],
    )


def _column(column: Column) -> ColumnOut:
    return ColumnOut(
        key=column.key,
        metric=column.metric,
        label=column.label,
        title=column.title,
        unit=column.unit,
        direction=column.direction,
        ranked=column.ranked,
    )


def _entry(row: Row, columns: tuple[Column, ...]) -> EntryOut:
    return EntryOut(
        submission=row.submission,
        algorithm=row.algorithm,
        algorithm_id=row.algorithm_id,
        version=row.version,
        owner=row.owner,
        team=row.team,
        of_organisers=row.of_organisers,
        kind=row.kind,
        is_baseline=row.is_baseline,
        competes=row.competes,
        rank=row.rank_shown,
        mean_rank=row.mean_rank,
        cases=row.cases,
        failed=row.failed,
        seconds_per_case=row.seconds_per_case,
        cells={
            column.key: CellOut(
                count=cell.count,
                mean=cell.mean,
                deviation=cell.deviation,
                low=cell.low,
                high=cell.high,
            )
            for column, cell in zip(columns, row.cells, strict=True)
        },
    )
