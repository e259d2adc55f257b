"""Take a leaderboard away: its results, itself, its figures, and the definition that it is of."""

import io
import zipfile

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from challenges.definition.export import as_yaml
from challenges.models import Phase
from challenges.policies import Viewer
from challenges.selectors import protocol_of
from leaderboards.exports import NotReady, board_lines, results_of
from leaderboards.figures.kinds import DRAWN, Format, Kind, kinds_of
from leaderboards.figures.numbers import numbers_of
from leaderboards.leaving_out import left_out
from leaderboards.policies import may_see_board, may_see_details
from leaderboards.selectors import board
from leaderboards.uncertain import HowSure, file_of, how_sure

SOON = 60


@require_safe
def page(request: HttpRequest, slug: str, phase_slug: str) -> HttpResponse:
    return _page(request, seen(request.user, slug, phase_slug))


@require_safe
def results(request: HttpRequest, slug: str, phase_slug: str) -> HttpResponseBase:
    phase = seen(request.user, slug, phase_slug)
    if not may_see_details(request.user, phase):
        raise Http404
    try:
        return results_file(request.user, phase)
    except NotReady as reason:
        return _page(request, phase, not_ready=str(reason))


@require_safe
def table(request: HttpRequest, slug: str, phase_slug: str) -> HttpResponseBase:
    return board_file(request.user, seen(request.user, slug, phase_slug))


@require_safe
def figures(request: HttpRequest, slug: str, phase_slug: str) -> HttpResponse:
    phase = seen(request.user, slug, phase_slug)
    found = how_sure(request.user, phase)
    if not _drawn(found):
        raise Http404
    return HttpResponse(
        _zipped(found), content_type="application/zip", headers=_headers(phase, "figures.zip")
    )


@require_safe
def definition(request: HttpRequest, slug: str, phase_slug: str) -> HttpResponse:
    """The one in force."""
    phase = seen(request.user, slug, phase_slug)
    return HttpResponse(
        as_yaml(protocol_of(phase.challenge).document),
        content_type="application/yaml; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="challenge.yaml"'},
    )


def seen(viewer: Viewer, slug: str, phase_slug: str) -> Phase:
    phases = Phase.objects.select_related("challenge", "dataset")
    found = get_object_or_404(phases, challenge__slug=slug, slug=phase_slug)
    if not may_see_board(viewer, found):
        raise Http404
    return found


def results_file(viewer: Viewer, phase: Phase) -> StreamingHttpResponse:
    """Line by line. Raises NotReady before the first."""
    lines = results_of(viewer, phase).lines()
    return StreamingHttpResponse(
        lines, content_type="text/csv; charset=utf-8", headers=_headers(phase, "results.csv")
    )


def board_file(viewer: Viewer, phase: Phase) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        board_lines(viewer, phase),
        content_type="text/csv; charset=utf-8",
        headers=_headers(phase, "leaderboard.csv"),
    )


def _page(request: HttpRequest, phase: Phase, *, not_ready: str = "") -> HttpResponse:
    shown = board(request.user, phase, rows_a_page=1)
    context = {
        "challenge": phase.challenge,
        "phase": phase,
        "shown": shown,
        "details": may_see_details(request.user, phase),
        "drawn": _drawn(how_sure(request.user, phase)),
        "left_out": left_out(request.user, phase),
        "not_ready": not_ready,
    }
    response = render(request, "leaderboards/take_away.html", context)
    if not_ready:
        response.status_code = 503
        response["Retry-After"] = str(SOON)
    return response


def _drawn(found: HowSure) -> tuple[Kind, ...]:
    """Kinds of figures that are there for this viewer."""
    if found.uncertainty is None:
        return ()
    kinds = kinds_of(found.uncertainty)
    return tuple(kind for kind in kinds if file_of(found, kind, Format.SVG) is not None)


def _zipped(found: HowSure) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for kind in _drawn(found):
            for as_ in DRAWN:
                if (content := file_of(found, kind, as_)) is not None:
                    archive.writestr(f"{kind.value}.{as_.value}", content)
            if found.uncertainty is not None:
                numbers = numbers_of(kind, found.uncertainty, found.names).csv()
                archive.writestr(f"{kind.value}.{Format.CSV.value}", numbers)
    return file.getvalue()


def _headers(phase: Phase, name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{phase.challenge.slug}-{phase.slug}-{name}"',
        # Who may see it is asked each time.
        "Cache-Control": "private, no-cache",
    }
