"""A leaderboard's rows as its page writes them: every figure as text, with what it stands on."""

from dataclasses import dataclass

from django.utils.html import format_html

from challenges.templatetags.figures import HOLD, duration, figure
from evaluation.aggregate import Summary
from evaluation.standings import LEAST_PATIENTS
from leaderboards.selectors import Board
from leaderboards.tables import Column, Row

_GIB = 1 << 30
FEW = f"fewer than {LEAST_PATIENTS} patients"


@dataclass(frozen=True)
class Shown:
    """One cell. sub: what the value stands on, as HTML; dots: a path."""

    ranked: bool
    value: str
    sub: str
    dots: str = ""


@dataclass(frozen=True)
class Line:
    """One row. opens_tier: the first of its tier, where rows stand in the order of rank."""

    row: Row
    rank: str
    range: str
    score: str
    rank_set: str
    tier: str
    opens_tier: bool
    failed: str
    seconds: str
    memory: str
    ranked: tuple[Shown, ...]
    others: tuple[Shown, ...]
    link: bool


def lines_of(board: Board) -> tuple[Line, ...]:
    in_order = board.sort == "rank" and not board.descending and board.chosen is None
    lines: list[Line] = []
    tier: int | None = None
    for row in board.table.rows:
        opens = in_order and tier is not None and row.tier is not None and row.tier != tier
        tier = row.tier if row.tier is not None else tier
        lines.append(_line(row, board, opens_tier=opens))
    return tuple(lines)


def _line(row: Row, board: Board, *, opens_tier: bool) -> Line:
    dots = board.dots.get(row.submission, ("",) * len(row.cells))
    # Where nothing is told, a note above the table says why.
    why = FEW if any(row.cells) else ""
    cells = tuple(
        cell_of(cell, column, path, why=why)
        for cell, column, path in zip(row.cells, board.table.columns, dots, strict=True)
    )
    return Line(
        row=row,
        rank="" if row.rank_shown is None else str(row.rank_shown),
        range=_range(row.low, row.high) if row.rank_shown is not None else "",
        score=figure(row.mean_rank, 2),
        rank_set=_range(row.set_low, row.set_high),
        tier="" if row.tier is None else str(row.tier),
        opens_tier=opens_tier,
        failed=str(row.failed) if row.cases else "–",
        seconds=duration(row.seconds_per_case),
        memory=_memory(row.peak_memory_bytes),
        ranked=tuple(cell for cell in cells if cell.ranked),
        others=tuple(cell for cell in cells if not cell.ranked),
        link=bool(row.algorithm_id) and not row.is_baseline,
    )


def cell_of(cell: Summary | None, column: Column, dots: str = "", *, why: str = FEW) -> Shown:
    """why: said under what is withheld."""
    if cell is None:
        return Shown(column.ranked, "withheld", why)
    spread = interval = ""
    if cell.deviation is not None:
        spread = f"±{HOLD}{figure(cell.deviation, column.decimals)}"
    if cell.low is not None and cell.high is not None:
        low, high = figure(cell.low, column.decimals), figure(cell.high, column.decimals)
        interval = f"{low} to {high}"
    # Put together here: a page has hundreds of these.
    sub = format_html(
        '<span class="hold" title="{}">{}</span> <span class="hold"{}>n{}={}{}</span>',
        column.interval or "95 % bootstrap interval over patients" if interval else "",
        interval or spread,
        format_html(' title="{} between cases"', spread) if spread else "",
        HOLD,
        HOLD,
        cell.count,
    )
    return Shown(column.ranked, figure(cell.shown, column.decimals), sub, dots)


def _range(low: int | None, high: int | None) -> str:
    if low is None or high is None:
        return ""
    return str(low) if low == high else f"{low}–{high}"


def _memory(peak: int | None) -> str:
    if peak is None:
        return "–"
    size = peak / _GIB
    return f"{figure(size, 2 if size < 1 else 1 if size < 10 else 0)}{HOLD}GiB"
