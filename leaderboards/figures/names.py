"""What entries are called in figures and in the tables behind them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from leaderboards.tables import Row

LONGEST = 34
_LONGEST_ADDED = 14


@dataclass(frozen=True)
class Name:
    """key: of the entry. whole: unlike any other's; short: the same, cut where it is long."""

    key: str
    whole: str
    short: str


def names_of(entries: Sequence[str], rows: Sequence[Row]) -> tuple[Name, ...]:
    """In the order of ``entries``; KeyError where one has no row.

    Those of one title are told apart by who entered them, else by version, else by their keys.
    """
    by_key = {row.submission: row for row in rows}
    found = [by_key[key] for key in entries]
    titles = [_printable(row.algorithm) for row in found]
    added = [""] * len(found)
    for tell in (_who, _version, _key):
        same = Counter(zip(titles, added, strict=True))
        added = [
            f"{more} · {tell(row)}" if same[title, more] > 1 else more
            for title, more, row in zip(titles, added, found, strict=True)
        ]
    return tuple(
        Name(row.submission, title + more, _short(title, more))
        for row, title, more in zip(found, titles, added, strict=True)
    )


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _short(title: str, more: str) -> str:
    end = cut(more, _LONGEST_ADDED)
    return cut(title, LONGEST - len(end)) + end


def _printable(text: str) -> str:
    """What no figure can hold, as a space."""
    return "".join(one if one.isprintable() else " " for one in text).strip() or "–"


def _who(row: Row) -> str:
    return _printable(row.team or row.owner)


def _version(row: Row) -> str:
    return f"version {row.version}"


def _key(row: Row) -> str:
    return row.submission
