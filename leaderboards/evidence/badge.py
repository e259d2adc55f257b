"""A result in one line, as a picture of its own: for a README or a slide."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from leaderboards.evidence.result import Placed

_HEIGHT, _SIGN, _PAD = 20, 6.0, 8
_WORD = "Uptake"


def words(placed: Placed) -> str:
    """“rank 2 of 14 (1–4), Dice 0.71”, as far as the leaderboard tells it."""
    parts = [_rank(placed), _value(placed)]
    return ", ".join(part for part in parts if part)


def badge(placed: Placed) -> SafeString:
    """SVG with its text as title; it needs no style and no script, and text is escaped."""
    text = words(placed)
    left, right = _width(_WORD), _width(text)
    return format_html(
        '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'viewBox="0 0 {width} {height}" role="img" aria-label="{word}: {text}">'
        "<title>{word} | {text}</title>"
        '<clipPath id="c"><rect width="{width}" height="{height}" rx="3"/></clipPath>'
        '<g clip-path="url(#c)"><rect width="{left}" height="{height}" fill="#182126"/>'
        '<rect x="{left}" width="{right}" height="{height}" fill="#0a5c78"/></g>'
        '<g fill="#fff" font-family="system-ui,Verdana,Helvetica,sans-serif" font-size="11">'
        '<text x="{pad}" y="14" textLength="{left_text}" lengthAdjust="spacingAndGlyphs">{word}'
        '</text><text x="{start}" y="14" textLength="{right_text}" '
        'lengthAdjust="spacingAndGlyphs">{text}</text></g></svg>\n',
        width=left + right,
        height=_HEIGHT,
        word=_WORD,
        text=text,
        left=left,
        right=right,
        pad=_PAD,
        start=left + _PAD,
        left_text=left - 2 * _PAD,
        right_text=right - 2 * _PAD,
    )


def _rank(placed: Placed) -> str:
    row = placed.row
    if row.rank_shown is None:
        return "not ranked"
    if not row.competes:
        return f"placed at {row.rank_shown}, not competing"
    span = ""
    is_of_all = placed.among in (None, placed.competing)
    if row.low is not None and row.high is not None and is_of_all:
        span = f" ({row.low})" if row.low == row.high else f" ({row.low}–{row.high})"
    return f"rank {row.rank_shown} of {placed.competing}{span}"


def _value(placed: Placed) -> str:
    """Of the first column that ranks."""
    told = zip(placed.columns, placed.row.cells, strict=True)
    column, cell = next(((column, cell) for column, cell in told if column.ranked), (None, None))
    if column is None or cell is None or cell.shown is None:
        return ""
    decimals = min(column.decimals, 2)
    unit = f" {column.unit}" if column.unit else ""
    return f"{column.short} {cell.shown:.{decimals}f}{unit}"


def _width(text: str) -> int:
    """So that a text set in any font fills it: its length is given to who draws it."""
    return round(len(text) * _SIGN) + 2 * _PAD
