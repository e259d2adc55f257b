"""How sure the ranks of a leaderboard are, as far as a viewer may know it."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date

from django.utils.safestring import SafeString, mark_safe

from challenges.models import Phase
from challenges.policies import Viewer
from evaluation.standings import LEAST_PATIENTS, Uncertainty
from evaluation.standings.reading import uncertainty_of
from leaderboards.figures.grids import Grid, grid_of
from leaderboards.figures.inline import inline
from leaderboards.figures.kinds import (
    TITLES,
    Format,
    Kind,
    about,
    alternatives_of,
    kinds_of,
    missing,
    refused,
)
from leaderboards.figures.names import Name, names_of
from leaderboards.grid_html import html_of
from leaderboards.models import Analysis, Drawing, Figure, Slice, Snapshot
from leaderboards.readers import KEY as READER
from leaderboards.selectors import seen_snapshot, seen_table_of, table_of
from leaderboards.tables import Table
from leaderboards.visibility import View, view_of

WITHHELD = (
    f"The cases are hidden, and of fewer than {LEAST_PATIENTS} patients: p-values and ranks over "
    "single cases are for the organisers."
)
WITHHELD_CENTRES = (
    "The cases are hidden, and a centre is too small, or could be told from others that are shown: "
    "ranks without one centre are for the organisers."
)
WITHHELD_READERS = (
    "The cases are hidden, and a reader drew too few patients, or all but a few: ranks with each "
    "reader as the reference are for the organisers."
)
_CLOSED = (
    "How sure the ranks are is for the organisers meanwhile, as it would tell what is not shown."
)


@dataclass(frozen=True)
class HowSure:
    """uncertainty: None where fewer than two compete, or nothing could be ranked; without what is
    withheld, of which ``refused`` says so. names: of its entries, in their order. notes: sentences,
    of what the organisers do not show."""

    snapshot: Snapshot | None
    table: Table
    uncertainty: Uncertainty | None = None
    names: tuple[Name, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def withheld(self) -> tuple[str, ...]:
        """Sentences, of what is not for this viewer."""
        told = self.uncertainty.refused.values() if self.uncertainty else ()
        return tuple(
            one
            for one in dict.fromkeys(told)
            if one in (WITHHELD, WITHHELD_CENTRES, WITHHELD_READERS)
        )

    @property
    def competing(self) -> int:
        return sum(row.competes for row in self.table.rows)

    @property
    def metric(self) -> str:
        """What is tested; empty where nothing is."""
        tested = self.uncertainty.tested if self.uncertainty else None
        return self.table.title_of(tested.column) if tested else ""


@dataclass(frozen=True)
class Part:
    """One figure on the page. why: it is not there; waiting: it will be. svg: to stand in a page.
    refused: columns that it lacks, with the reason of each."""

    kind: Kind
    title: str
    reading: str = ""
    grid: Grid | None = None
    svg: str = ""
    waiting: bool = False
    why: str = ""
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def picture(self) -> SafeString:
        return mark_safe(self.svg)  # noqa: S308 - our own drawing, in which names are escaped

    @property
    def table(self) -> SafeString:
        """Put together here: it has thousands of cells where there are many entries."""
        return html_of(self.grid) if self.grid else SafeString("")

    @property
    def formats(self) -> tuple[Format, ...]:
        """Those that can be downloaded now."""
        if self.grid is None:
            return ()
        return tuple(Format) if self.svg else (Format.CSV,)


def how_sure(
    viewer: Viewer, phase: Phase, *, as_of: date | None = None, snapshot: int | None = None
) -> HowSure:
    """Of the newest snapshot, of the last one of a day, or of that with the key ``snapshot``."""
    view = view_of(viewer, phase)
    found = seen_snapshot(view, as_of=as_of) if snapshot is None else _the(view, snapshot)
    if found is None:
        return HowSure(None, Table((), ()), notes=view.notes(None))
    if not view.shows_uncertainty or not view.shows_figures(found):
        table = seen_table_of(view, found)
        return HowSure(found, table, notes=(*view.notes(found), _CLOSED))
    table = table_of(found)
    analysis = Analysis.objects.filter(snapshot=found).first()
    if analysis is None:
        return HowSure(found, table)
    uncertainty = uncertainty_of(analysis.document)
    names = names_of(uncertainty.entries, table.rows)
    if view.protects:
        uncertainty = _for_the_public(found, table, uncertainty)
    return HowSure(found, table, uncertainty, names)


def parts_of(found: HowSure) -> tuple[Part, ...]:
    """Of every figure, also of those that are not there."""
    uncertainty = found.uncertainty
    if uncertainty is None:
        return ()
    drawing = Drawing.objects.filter(snapshot=found.snapshot).first()
    drawn = Figure.objects.filter(drawing=drawing, format=Format.SVG.value)
    svgs = {kind: bytes(content).decode() for kind, content in drawn.values_list("kind", "content")}
    can_be_made = kinds_of(uncertainty)
    return tuple(
        _part(kind, found, uncertainty, drawing, svgs.get(kind.value, ""))
        if kind in can_be_made
        else Part(kind, TITLES[kind], why=missing(kind, uncertainty))
        for kind in Kind
    )


def file_of(found: HowSure, kind: Kind, as_: Format) -> bytes | None:
    """A drawn figure; None where it is not there, or not for this viewer."""
    if found.uncertainty is None or kind not in kinds_of(found.uncertainty):
        return None
    rows = Figure.objects.filter(drawing__snapshot=found.snapshot, kind=kind.value)
    content = rows.filter(format=as_.value).values_list("content", flat=True).first()
    return None if content is None else bytes(content)


def is_coming(found: HowSure, kind: Kind) -> bool:
    drawing = Drawing.objects.filter(snapshot=found.snapshot).first()
    return drawing is None or not _failed(drawing, kind)


def _part(kind: Kind, found: HowSure, of: Uncertainty, drawing: Drawing | None, svg: str) -> Part:
    told = about(kind, of, metric=found.metric)
    failed = not svg and drawing is not None and _failed(drawing, kind)
    return Part(
        kind=kind,
        title=told.title,
        reading=told.reading,
        grid=grid_of(kind, of, found.names),
        svg=inline(svg) if svg else "",
        waiting=not svg and not failed,
        why="It could not be drawn; the operator of this server finds the reason in its log."
        if failed
        else "",
        refused=tuple((one.name, one.refused) for one in refused(alternatives_of(kind, of))),
    )


def _failed(drawing: Drawing, kind: Kind) -> bool:
    return drawing.state == Drawing.State.FAILED or kind.value in drawing.failed


def _the(view: View, key: int) -> Snapshot | None:
    snapshots = Snapshot.objects.select_related("edition").defer("document")
    found = snapshots.filter(edition__phase=view.phase, pk=key).first()
    latest = view.latest()
    if found is None or view.shows_nothing or (latest and found.created_at > latest):
        return None
    return found


def _for_the_public(snapshot: Snapshot, table: Table, of: Uncertainty) -> Uncertainty:
    """Of a hidden phase."""
    refused = dict(of.refused)
    ranked = {column.key for column in table.columns if column.ranked}
    few = _least(table, ranked) < LEAST_PATIENTS
    if of.tested and (few or _least(table, {of.tested.column}) < LEAST_PATIENTS):
        of, refused["tests"] = replace(of, tested=None), WITHHELD
    if few:
        of, refused["resamples"] = replace(of, resampled=None), WITHHELD
        of, refused["schemes"] = replace(of, schemes=()), WITHHELD
    small = Slice.objects.filter(snapshot=snapshot, withheld=True).values_list("label", flat=True)
    if few or {one.name for one in of.centres} & set(small):
        of, refused["centres"] = replace(of, centres=()), WITHHELD_CENTRES
    if few or not _may_tell_readers(table, ranked, of):
        of, refused["readers"] = replace(of, readers=()), WITHHELD_READERS
    return replace(of, refused=refused)


def _least(table: Table, keys: Collection[str], *, of: str = "") -> int:
    """Fewest patients behind a figure of the columns ``keys``, of what competes, or of one row."""
    found = [
        (cell.patients or 0) if cell is not None else 0
        for row in table.rows
        if (row.submission == of if of else row.competes)
        for column, cell in zip(table.columns, row.cells, strict=True)
        if column.key in keys
    ]
    return min(found, default=0)


def _may_tell_readers(table: Table, ranked: Collection[str], of: Uncertainty) -> bool:
    """Whether each reader read enough patients, and not all but a few."""
    read = [_least(table, ranked, of=f"{READER}{one.name}") for one in of.readers]
    everyone = _least(table, ranked)
    return all(one >= LEAST_PATIENTS and not 0 < everyone - one < LEAST_PATIENTS for one in read)
