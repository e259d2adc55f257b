"""What of a leaderboard a viewer is shown: the one place at which something is taken out of it.

Whatever reads a snapshot for somebody asks ``seen_snapshot`` and ``seen_table``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from django.utils.crypto import salted_hmac

from challenges.models import Phase
from challenges.policies import Viewer
from challenges.visibility import Sight, sight_of
from evaluation.aggregate import Summary
from evaluation.standings import LEAST_PATIENTS
from leaderboards.basis import ONLY_PLACES, Shown, shown_bases
from leaderboards.models import Snapshot
from leaderboards.policies import may_see_details
from leaderboards.tables import Row, Table
from submissions.selectors import submissions_of

ANONYMOUS = "anonymous-"
_SALT = "leaderboards.visibility"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class View:
    """What one viewer sees of one phase. details: single cases. own: public ids of what the viewer
    submitted, or the team; known where entries are anonymous."""

    phase: Phase
    sight: Sight
    details: bool
    own: frozenset[str] = frozenset()

    @property
    def protects(self) -> bool:
        """No figure stands on a few patients."""
        return self.phase.is_hidden and not self.details

    @property
    def names_nobody(self) -> bool:
        return self.sight.anonymous

    @property
    def shows_uncertainty(self) -> bool:
        """It is of names, and of metrics that may be hidden: there is all of it, or nothing."""
        return not self.sight.anonymous and self.sight.is_exact

    def latest(self) -> datetime | None:
        """Of when the newest state is that is shown; None for now."""
        return self.sight.since

    @property
    def shows_nothing(self) -> bool:
        return self.sight.frozen and self.sight.since is None

    def shows_figures(self, snapshot: Snapshot) -> bool:
        """Of a state, and not its places alone."""
        return not self.protects or snapshot.basis_id in self._bases.full

    def shows_groups(self, snapshot: Snapshot) -> bool:
        return not self.protects or snapshot.basis_id == self._bases.newest

    def notes(self, snapshot: Snapshot | None) -> tuple[str, ...]:
        """Sentences, of what of a state is not shown."""
        if snapshot is None or self.shows_figures(snapshot):
            return self.sight.notes
        return (*self.sight.notes, ONLY_PLACES)

    @cached_property
    def _bases(self) -> Shown:
        return shown_bases(self.phase, self.latest())


def view_of(viewer: Viewer, phase: Phase) -> View:
    sight = sight_of(viewer, phase)
    own: Collection[str] = ()
    if sight.anonymous:
        own = submissions_of(viewer).filter(phase=phase).values_list("public_id", flat=True)
    return View(phase, sight, may_see_details(viewer, phase), frozenset(own))


def seen_table(view: View, snapshot: Snapshot, table: Table, whole: Table) -> Table:
    """``table`` of a snapshot, or of one of its groups, as ``view`` shows it. whole: the snapshot's
    own, by which letters are given."""
    if not view.shows_figures(snapshot):
        table = replace(table, rows=tuple(_place_only(row) for row in table.rows))
    elif view.protects:
        table = protected_table(table)
    if view.sight.is_whole:
        return table
    kept = [
        at
        for at, column in enumerate(table.columns)
        if view.sight.shows(column.metric, column.label)
    ]
    # Tests are of one column, which may be one that does not rank.
    hides_ranked = len(kept) < len(table.columns)
    rows = [_row(row, kept, view.sight, hides_ranked) for row in table.rows]
    if view.names_nobody:
        letters = _letters(view, whole)
        rows = [_nameless(row, letters.get(row.submission, "")) for row in rows]
    columns = tuple(table.columns[at] for at in kept)
    table = replace(table, columns=columns, rows=tuple(rows))
    # Of equals not as their names would stand.
    return replace(table, rows=table.by_rank()) if view.names_nobody else table


def protected_table(table: Table) -> Table:
    """For the public of a hidden phase: no figure stands on fewer than ten patients."""
    return replace(table, rows=tuple(_protected_row(row, table) for row in table.rows))


def _protected_row(row: Row, table: Table) -> Row:
    cells = tuple(
        cell
        if cell is not None
        and column.key not in table.withheld
        # Of snapshots from before patients were counted nobody knows how many there are.
        and (cell.patients or 0) >= LEAST_PATIENTS
        else None
        for cell, column in zip(row.cells, table.columns, strict=True)
    )
    told = {column.key for cell, column in zip(cells, table.columns, strict=True) if cell}
    ranked = {column.key for column in table.columns if column.ranked}
    row = replace(row, cells=cells)
    if not ranked <= told:
        row = replace(row, mean_rank=None, low=None, high=None)
    # Tests of few patients tell of them too.
    if not ranked | ({table.tested} if table.tested else set()) <= told:
        row = replace(row, set_low=None, set_high=None, tier=None)
    return row


def _place_only(row: Row) -> Row:
    row = replace(row, cells=(None,) * len(row.cells), mean_rank=None, low=None, high=None)
    row = replace(row, set_low=None, set_high=None, tier=None, failed=0, cases=0)
    return replace(row, seconds_per_case=None, peak_memory_bytes=None)


def _row(row: Row, kept: Collection[int], sight: Sight, hides_ranked: bool) -> Row:
    """What a rank is of, and what tests say, are told by what is hidden, too."""
    cells = tuple(_rounded(row.cells[at], sight) for at in kept)
    row = replace(row, cells=cells, mean_rank=sight.told(row.mean_rank))
    if hides_ranked:
        row = replace(row, mean_rank=None, set_low=None, set_high=None, tier=None)
    if not sight.shows_scores:
        # Of no cases: what failed is not told either.
        return replace(_place_only(row), cells=cells)
    return row


def _rounded(cell: Summary | None, sight: Sight) -> Summary | None:
    if cell is None or sight.feedback == "full":
        return cell
    return replace(
        cell,
        mean=sight.told(cell.mean),
        deviation=sight.told(cell.deviation),
        median=sight.told(cell.median),
        lower_quartile=sight.told(cell.lower_quartile),
        upper_quartile=sight.told(cell.upper_quartile),
        value=sight.told(cell.value),
        low=sight.told(cell.low),
        high=sight.told(cell.high),
    )


def _letters(view: View, whole: Table) -> Mapping[str, str]:
    """By submission, of those that are not told: in an order that only this server can make."""
    ids = [
        row.submission
        for row in whole.rows
        if row.kind != "reader" and not row.is_baseline and row.submission not in view.own
    ]
    ids.sort(key=lambda one: salted_hmac(_SALT, f"{view.phase.pk} {one}").hexdigest())
    return {one: _letter(at) for at, one in enumerate(ids)}


def _letter(number: int) -> str:
    """A to Z, then AA, AB, …"""
    more, last = divmod(number, len(_LETTERS))
    return (_letter(more - 1) if more else "") + _LETTERS[last]


def _nameless(row: Row, letter: str) -> Row:
    """Without whatever could tell whose it is."""
    if not letter:
        return row
    return replace(
        row,
        submission=f"{ANONYMOUS}{letter}",
        algorithm=f"Entry {letter}",
        algorithm_id="",
        version=0,
        owner="",
        team="",
        members=(),
        of_organisers=False,
        kind="container",
        sandboxed=True,
        seconds_per_case=None,
        peak_memory_bytes=None,
    )
