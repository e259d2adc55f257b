"""What changed from one kept state of a leaderboard to the next."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from challenges.models import Phase
from leaderboards.models import Snapshot
from leaderboards.tables import Table
from leaderboards.visibility import View

KEY = "since"
"""Under which a snapshot's document keeps its ``Change``, so that lists read nothing else of it."""


@dataclass(frozen=True)
class Change:
    """Numbers of entries only: whose they are may not be told. new, gone: against the state before;
    moved: of another rank; leader: whether the first place is another's; edition: whether all was
    scored anew."""

    entries: int
    new: int
    gone: int
    moved: int
    leader: bool
    edition: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class State:
    """change: None for those from before it was kept."""

    made_at: datetime
    edition: int
    content_hash: str
    change: Change | None


def change(before: Table | None, after: Table, *, edition: bool) -> Change:
    """before: None for the first state of a phase."""
    old, new = (_ranks(table) for table in (before, after))
    both = old.keys() & new.keys()
    return Change(
        entries=len(new),
        new=len(new.keys() - old.keys()),
        gone=len(old.keys() - new.keys()),
        moved=sum(old[key] != new[key] for key in both),
        leader=bool(old) and _first(old) != _first(new),
        edition=edition,
    )


def states_of(phase: Phase, view: View | None = None) -> list[State]:
    """Every kept state, the newest first; with ``view``, those that may be seen."""
    kept = Snapshot.objects.filter(edition__phase=phase)
    if view is not None and view.shows_nothing:
        kept = kept.none()
    elif view is not None and view.latest() is not None:
        kept = kept.filter(created_at__lte=view.latest())
    rows = kept.values_list("created_at", "edition__number", "content_hash", f"document__{KEY}")
    return [
        State(made_at, number, hashed, Change(**told) if told else None)
        for made_at, number, hashed, told in rows
    ]


def _ranks(table: Table | None) -> Mapping[str, int | None]:
    """Of entries; a human reader is none."""
    rows = table.rows if table else ()
    return {row.submission: row.rank for row in rows if row.kind != "reader"}


def _first(ranks: Mapping[str, int | None]) -> set[str]:
    return {key for key, rank in ranks.items() if rank == 1}
