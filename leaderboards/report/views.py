"""The report of a leaderboard, as page and as PDF."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from challenges.designing.pdf import NotSet, typeset
from leaderboards.report import report_of
from leaderboards.taking import seen


@require_safe
def page(request: HttpRequest, slug: str, phase_slug: str) -> HttpResponse:
    phase = seen(request.user, slug, phase_slug)
    context = {
        "challenge": phase.challenge,
        "phase": phase,
        "document": report_of(request.user, phase, inlined=True),
    }
    return _own(render(request, "leaderboards/report.html", context))


@require_safe
def pdf(request: HttpRequest, slug: str, phase_slug: str) -> HttpResponse:
    phase = seen(request.user, slug, phase_slug)
    try:
        content = typeset(report_of(request.user, phase, inlined=False))
    except NotSet as refusal:
        messages.error(request, str(refusal))
        return redirect("report", slug, phase_slug)
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{slug}-{phase_slug}-report.pdf"'
    return _own(response)


def _own(response: HttpResponse) -> HttpResponse:
    """Who may see it is asked each time."""
    response["Cache-Control"] = "private, no-cache"
    return response
