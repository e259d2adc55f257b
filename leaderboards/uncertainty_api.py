"""How sure ranks are, as data."""

from datetime import date, datetime

from django.http import HttpRequest
from django.urls import reverse
from ninja import Router, Schema
from ninja.errors import HttpError

from accounts.callers import READ_OR_ANYONE, caller_of
from challenges.api import seen_phase
from evaluation.standings import Otherwise, Tested, Uncertainty
from leaderboards.figures.kinds import TITLES, Format, kinds_of
from leaderboards.policies import may_see_board
from leaderboards.uncertain import HowSure, how_sure

router = Router(tags=["Leaderboards"], auth=READ_OR_ANYONE)


class SureEntryOut(Schema):
    """Of the competing entries, the best first; name: unlike any other's. rank: among these."""

    submission: str
    name: str
    rank: int


class ResampledOut(Schema):
    """Lists are in the order of the entries. among: how many entries were ranked in each resample;
    ranks: of these entries among them, by all cases. shares: of resamples at rank 1, 2, …, as many
    as entries, and where more were ranked, of every rank beyond; ranges: first and last rank of the
    middle 95 %; taus: 2.5, 25, 50, 75 and 97.5 % quantiles of Kendall's τ-b of these entries, null
    where no resample has one; tau_counts: in 40 equal bins from −1 to 1."""

    number: int
    seed: int
    stratum: str
    patients: int
    among: int
    ranks: list[int]
    shares: list[list[float]]
    ranges: list[tuple[int, int]]
    medians: list[float]
    taus: list[float] | None
    tau_counts: list[int]


class TestedOut(Schema):
    """Of each ordered pair whether the row is better in the metric ``column``: p, p after Holm's
    adjustment (null on the diagonal), and the decision. against_means: pairs (better by the test,
    worse), the first of which has the worse mean; against_ranks: (better by the test, ahead by
    rank). case_ranks: of each entry, in how many cases it has rank 1, 2, …"""

    column: str
    alpha: float
    p: list[list[float | None]]
    adjusted: list[list[float | None]]
    better: list[list[bool]]
    against_means: list[tuple[str, str]]
    against_ranks: list[tuple[str, str]]
    rank_sets: list[tuple[int, int]]
    tiers: list[int]
    case_ranks: list[list[int]]


class OtherwiseOut(Schema):
    """Ranks made otherwise, in the order of the entries; none where ``refused`` says why."""

    name: str
    ranks: list[int]
    tau: float | None
    refused: str


class FigureOut(Schema):
    """files: the address of each format; one that is still being drawn answers 503."""

    kind: str
    title: str
    files: dict[str, str]


class UncertaintyOut(Schema):
    """edition, made_at: null where nothing is scored yet. pool: entries that compete, of which the
    first are covered; their ranks here, tests and ranks made otherwise are among these alone.
    refused: what could not be made, or is not for you, and why. Entries are none where fewer than
    two compete."""

    challenge: str
    phase: str
    edition: int | None
    made_at: datetime | None
    content_hash: str
    pool: int
    entries: list[SureEntryOut]
    resampled: ResampledOut | None
    tested: TestedOut | None
    schemes: list[OtherwiseOut]
    readers: list[OtherwiseOut]
    centres: list[OtherwiseOut]
    refused: dict[str, str]
    figures: list[FigureOut]


@router.get("/challenges/{slug}/phases/{phase}/uncertainty", response=UncertaintyOut)
def get_uncertainty(
    request: HttpRequest, slug: str, phase: str, as_of: date | None = None
) -> UncertaintyOut:
    """How sure the ranks of a leaderboard are: resamples, tests, and ranks made otherwise."""
    viewer = caller_of(request).viewer
    found_phase = seen_phase(viewer, slug, phase)
    if not may_see_board(viewer, found_phase):
        raise HttpError(404, "There is no such leaderboard, or it is not for you.")
    found = how_sure(viewer, found_phase, as_of=as_of)
    snapshot, of = found.snapshot, found.uncertainty
    return UncertaintyOut(
        challenge=slug,
        phase=phase,
        edition=snapshot.edition.number if snapshot else None,
        made_at=snapshot.created_at if snapshot else None,
        content_hash=snapshot.content_hash if snapshot else "",
        pool=of.pool if of else found.competing,
        entries=_entries(found),
        resampled=_resampled(of) if of and of.resampled else None,
        tested=_tested(of.tested) if of and of.tested else None,
        schemes=_otherwise(of.schemes) if of else [],
        readers=_otherwise(of.readers) if of else [],
        centres=_otherwise(of.centres) if of else [],
        refused=dict(of.refused) if of else {"all": " ".join(found.notes)} if found.notes else {},
        figures=_figures(found, slug, phase),
    )


def _entries(found: HowSure) -> list[SureEntryOut]:
    ranks = found.uncertainty.ranks if found.uncertainty else ()
    return [
        SureEntryOut(submission=name.key, name=name.whole, rank=rank)
        for name, rank in zip(found.names, ranks, strict=True)
    ]


def _resampled(of: Uncertainty) -> ResampledOut:
    """Of one that has resamples; those from before it was kept do not say how many were ranked."""
    told = {"among": of.among, "ranks": of.ranks_resampled}
    return ResampledOut.model_validate({**vars(of.resampled), **told})


def _tested(of: Tested) -> TestedOut:
    return TestedOut.model_validate(vars(of))


def _otherwise(of: tuple[Otherwise, ...]) -> list[OtherwiseOut]:
    return [OtherwiseOut.model_validate(vars(one)) for one in of]


def _figures(found: HowSure, slug: str, phase: str) -> list[FigureOut]:
    if found.snapshot is None or found.uncertainty is None:
        return []
    key = found.snapshot.pk
    return [
        FigureOut(
            kind=kind.value,
            title=TITLES[kind],
            files={
                one.value: reverse(
                    "uncertainty_figure", args=[slug, phase, key, kind.value, one.value]
                )
                for one in Format
            },
        )
        for kind in kinds_of(found.uncertainty)
    ]
