"""What the page of a case shows beside its scores: outlines, colours, neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from challenges.models import Case, Phase
from challenges.policies import Viewer, may_see_data
from challenges.selectors.viewing import image_of, outlines_of, suv_max_of
from challenges.views.viewing import MaskAddress
from challenges.views.viewing import Viewer as ViewerParts
from evaluation.marked import FALSE, MISSED
from leaderboards.cases import POSITION, EntryOnCase, Measure, Standing, Target
from leaderboards.policies import may_see_mask, may_see_references

ENTRY_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2")
"""Of the same six as ``ingest.pictures.COLOURS``, begun from the other end: readers take theirs
first, and entries what is left. Where all are taken, the dash tells an entry from a reader."""
DASHES = ("", "7 3", "2 3")
MISSED_COLOUR, FALSE_COLOUR = "#C8102E", "#8E44AD"
"""Of no line; beside colour, lines and dots tell them apart."""


@dataclass(frozen=True)
class Order:
    """In which cases follow each other. by and of: None for the order of position."""

    by: Measure | None = None
    of: Standing | None = None

    @property
    def words(self) -> str:
        if self.by is None or self.of is None:
            return "by position"
        return f"worst {self.by.short} of {self.of.title} first"


@dataclass(frozen=True)
class Place:
    """Where a case stands in the order, from 1."""

    number: int
    total: int
    first: Case
    before: Case | None
    after: Case | None


def place_of(case: Case, cases: Sequence[Case]) -> Place:
    at = [one.pk for one in cases].index(case.pk)
    return Place(
        number=at + 1,
        total=len(cases),
        first=cases[0],
        before=cases[at - 1] if at else None,
        after=cases[at + 1] if at + 1 < len(cases) else None,
    )


def query_of(entries: Sequence[Standing], order: Order) -> str:
    """Of the page's address, with its question mark; empty where nothing is chosen."""
    asked = {"entries": ",".join(one.public_id for one in entries)} if entries else {}
    if order.by is not None and order.of is not None:
        asked |= {"by": order.by.key, "of": order.of.public_id}
    elif entries:
        asked |= {"by": POSITION}
    return f"?{urlencode(asked, safe=',')}" if asked else ""


def parts_of(
    viewer: Viewer,
    phase: Phase,
    case: Case,
    entries: Sequence[EntryOnCase],
    against: Target | None,
) -> ViewerParts:
    """Images, and the outlines that this viewer may see. against: what missed and false lesions of
    the first entry are told by."""
    base = _base(viewer, phase, case)
    masks = _of_readers(case, base) if may_see_references(viewer, phase) else []
    taken = {mask.colour for mask in masks}
    masks += _of_entries(viewer, phase, case, entries, taken)
    if against is not None and entries and may_see_references(viewer, phase):
        masks += _lesions(viewer, phase, case, entries[0], against)
    has_ct = image_of(case, "ct") is not None
    return ViewerParts(
        pet=f"{base}images/pet.mha",
        ct=f"{base}images/ct.mha" if has_ct else "",
        masks=tuple(masks),
        suv_max=suv_max_of(phase.challenge),
    )


def withheld(viewer: Viewer, entries: Sequence[EntryOnCase]) -> tuple[EntryOnCase, ...]:
    """Entries whose masks of the case are there, and not for this viewer."""
    return tuple(
        one
        for one in entries
        if one.prediction is not None and not may_see_mask(viewer, one.entry.submission)
    )


def _base(viewer: Viewer, phase: Phase, case: Case) -> str:
    """The address under which this viewer gets images and references of the case."""
    if may_see_data(viewer, phase.challenge):
        return reverse("prepare_case", args=[phase.challenge.slug, case.public_id])
    return reverse("public_case", args=[phase.challenge.slug, phase.slug, case.public_id])


def _of_readers(case: Case, base: str) -> list[MaskAddress]:
    outlines = outlines_of(case)
    alone = len(outlines) == 1
    return [
        MaskAddress(
            f"Reference: {one.title}" if alone else one.title,
            one.colour,
            f"{base}masks/{one.number}.mha",
        )
        for one in outlines
    ]


def _of_entries(
    viewer: Viewer, phase: Phase, case: Case, entries: Sequence[EntryOnCase], taken: set[str]
) -> list[MaskAddress]:
    free = [one for one in ENTRY_COLOURS if one not in taken]
    colours = [*free, *(one for one in ENTRY_COLOURS if one in taken)]
    return [
        MaskAddress(
            f"{one.letter}: {one.entry.title}",
            colours[number],
            _address("entry_mask", phase, case, one.entry),
            dash=DASHES[number],
        )
        for number, one in enumerate(entries)
        if one.prediction is not None and may_see_mask(viewer, one.entry.submission)
    ]


def _lesions(
    viewer: Viewer, phase: Phase, case: Case, first: EntryOnCase, against: Target
) -> list[MaskAddress]:
    if not first.scored or not may_see_mask(viewer, first.entry.submission):
        return []
    url = _address("entry_lesions", phase, case, first.entry, against.number)
    words = f" (against {against.reader})" if against.reader else ""
    return [
        MaskAddress(
            f"missed by {first.letter}{words}", MISSED_COLOUR, url, bit=MISSED, hatch="lines"
        ),
        MaskAddress(f"false of {first.letter}{words}", FALSE_COLOUR, url, bit=FALSE, hatch="dots"),
    ]


def _address(name: str, phase: Phase, case: Case, entry: Standing, *more: int) -> str:
    where = (phase.challenge.slug, phase.slug, case.public_id, entry.public_id, *more)
    return reverse(name, args=where)
