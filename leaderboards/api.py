"""Leaderboards as data."""

from datetime import datetime

from django.http import HttpRequest
from ninja import Router, Schema

from accounts.callers import READ_OR_ANYONE, caller_of
from challenges.api import seen_phase
from evaluation.aggregate import Summary
from leaderboards.selectors import board
from leaderboards.tables import Column, Row

router = Router(tags=["Leaderboards"], auth=READ_OR_ANYONE)


MOST_ENTRIES = 10_000


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
    """Over ``count`` cases. value: the aggregate that ranks, which is the mean where nothing else
    is declared. low, high: of its 95 % interval, where it has one. withheld: of too few patients of
    a hidden phase to be told; all else is null then."""

    count: int | None
    value: float | None
    mean: float | None
    deviation: float | None
    median: float | None
    low: float | None
    high: float | None
    withheld: bool


class EntryOut(Schema):
    """cells: by the key of their column. competes: false for what is placed for comparison.
    rank: null for the side that organises. kind: container, or predictions for masks that were
    made elsewhere. rank_low, rank_high: first and last rank of the middle 95 % of resamples;
    rank_set: first and last of the simultaneous rank set; tier; null where they are not known."""

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
    mean_rank: float | None
    rank_low: int | None
    rank_high: int | None
    rank_set: tuple[int, int] | None
    tier: int | None
    cases: int
    failed: int
    seconds_per_case: float | None
    peak_memory_bytes: int | None
    cells: dict[str, CellOut]


class LeaderboardOut(Schema):
    """edition: of the scores; made_at: null where nothing is scored yet. notes: sentences, of what
    is not shown to you; of an entry of 0 cases it is not told on how many it stands."""

    challenge: str
    phase: str
    edition: int | None
    made_at: datetime | None
    notes: list[str]
    columns: list[ColumnOut]
    entries: list[EntryOut]


@router.get("/challenges/{slug}/phases/{phase}/leaderboard", response=LeaderboardOut)
def get_leaderboard(request: HttpRequest, slug: str, phase: str) -> LeaderboardOut:
    """The leaderboard as its page shows it, in the order of rank."""
    viewer = caller_of(request).viewer
    found = seen_phase(viewer, slug, phase)
    shown = board(viewer, found, rows_a_page=MOST_ENTRIES)
    columns = shown.table.columns
    return LeaderboardOut(
        challenge=slug,
        phase=phase,
        edition=shown.snapshot.edition.number if shown.snapshot else None,
        made_at=shown.snapshot.created_at if shown.snapshot else None,
        notes=list(shown.notes),
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
        rank_low=row.low,
        rank_high=row.high,
        rank_set=None
        if row.set_low is None or row.set_high is None
        else (row.set_low, row.set_high),
        tier=row.tier,
        cases=row.cases,
        failed=row.failed,
        seconds_per_case=row.seconds_per_case,
        peak_memory_bytes=row.peak_memory_bytes,
        cells={column.key: _cell(cell) for column, cell in zip(columns, row.cells, strict=True)},
    )


def _cell(cell: Summary | None) -> CellOut:
    return CellOut(
        count=cell.count if cell else None,
        value=cell.shown if cell else None,
        mean=cell.mean if cell else None,
        deviation=cell.deviation if cell else None,
        median=cell.median if cell else None,
        low=cell.low if cell else None,
        high=cell.high if cell else None,
        withheld=cell is None,
    )
