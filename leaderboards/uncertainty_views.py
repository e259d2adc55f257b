"""The page of how sure ranks are, and its figures as files."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from challenges.models import Phase
from challenges.selectors import definition_of
from evaluation.ranking.words import recipe_in_words
from leaderboards.drawings import ask
from leaderboards.figures.kinds import CONTENT_TYPES, Format, Kind, kinds_of
from leaderboards.figures.numbers import numbers_of
from leaderboards.policies import may_see_board
from leaderboards.uncertain import HowSure, file_of, how_sure, is_coming, parts_of
from leaderboards.views import day_of

_SOON = 3


@require_safe
def uncertainty(request: HttpRequest, slug: str, phase_slug: str) -> HttpResponse:
    phase = _phase(request, slug, phase_slug)
    as_of, unread = day_of(request.GET.get("as_of", ""))
    found = how_sure(request.user, phase, as_of=as_of)
    if found.snapshot is not None and found.uncertainty is not None:
        ask(found.snapshot)
    parts = parts_of(found)
    definition = definition_of(phase.challenge)
    context = {
        "challenge": phase.challenge,
        "phase": phase,
        "found": found,
        "uncertainty": found.uncertainty,
        "parts": parts,
        "waiting": [part for part in parts if part.waiting],
        "recipe": recipe_in_words(definition.evaluation),
        "disagreements": _disagreements(found),
        "as_of": as_of,
        "unread_day": unread,
    }
    return render(request, "leaderboards/uncertainty.html", context)


@require_safe
def figure(
    request: HttpRequest, slug: str, phase_slug: str, snapshot: int, kind: str, suffix: str
) -> HttpResponse:
    phase = _phase(request, slug, phase_slug)
    found = how_sure(request.user, phase, snapshot=snapshot)
    if kind not in {one.value for one in Kind} or suffix not in {one.value for one in Format}:
        raise Http404
    wanted, as_ = Kind(kind), Format(suffix)
    of = found.uncertainty
    if found.snapshot is None or of is None or wanted not in kinds_of(of):
        raise Http404
    if as_ is Format.CSV:
        return _file(numbers_of(wanted, of, found.names).csv().encode(), phase, wanted, as_)
    content = file_of(found, wanted, as_)
    if content is not None:
        return _file(content, phase, wanted, as_)
    if not is_coming(found, wanted):
        raise Http404
    ask(found.snapshot)
    page = reverse("uncertainty", args=[slug, phase_slug])
    return HttpResponse(
        f"This figure is being drawn; ask again in some seconds. {page} shows when it is there.\n",
        content_type="text/plain; charset=utf-8",
        status=503,
        headers={"Retry-After": str(_SOON)},
    )


def _file(content: bytes, phase: Phase, kind: Kind, as_: Format) -> HttpResponse:
    name = f"{phase.challenge.slug}-{phase.slug}-{kind.value}.{as_.value}"
    return HttpResponse(
        content,
        content_type=CONTENT_TYPES[as_],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            # Who may see it is asked each time.
            "Cache-Control": "private, no-cache",
        },
    )


def _phase(request: HttpRequest, slug: str, phase_slug: str) -> Phase:
    phases = Phase.objects.select_related("challenge")
    found = get_object_or_404(phases, challenge__slug=slug, slug=phase_slug)
    if not may_see_board(request.user, found):
        raise Http404
    return found


def _disagreements(found: HowSure) -> list[str]:
    """Where the order by tests is not that by means, or by ranks."""
    if found.uncertainty is None or found.uncertainty.tested is None:
        return []
    tested = found.uncertainty.tested
    called = {name.key: name.whole for name in found.names}
    return [
        *(
            f"{called[better]} is significantly better than {called[worse]} by the test of "
            f"{found.metric}, yet its mean is the worse one."
            for better, worse in tested.against_means
        ),
        *(
            f"{called[better]} is significantly better than {called[ahead]} in {found.metric}, "
            "yet stands behind it."
            for better, ahead in tested.against_ranks
        ),
    ]
