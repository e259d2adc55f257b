"""Cases that a phase gives away: what they are, their terms, and the zip."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from challenges.models import Phase
from challenges.policies import may_organise
from challenges.selectors import dataset_facts, definition_of
from challenges.selectors.viewing import given_away
from challenges.services import access, giving
from challenges.views.callers import signed_in
from challenges.views.viewing import public_phase

DOWNLOADS_SHOWN = 200


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def data(request: HttpRequest, slug: str, phase_slug: str) -> HttpResponse:
    phase, person = _giving(slug, phase_slug), signed_in(request)
    definition = definition_of(phase.challenge)
    refused = request.method == "POST" and request.POST.get("terms") != access.terms_sha256(
        phase.challenge
    )
    if request.method == "POST" and not refused:
        access.accept_terms(challenge=phase.challenge, user=person)
        return redirect("phase_data", slug, phase_slug)
    organises = may_organise(person, phase.challenge)
    entries = giving.contents(phase)
    context = {
        "challenge": phase.challenge,
        "phase": phase,
        "definition": definition,
        "facts": dataset_facts(phase),
        "files": len(entries),
        "bytes": giving.size_of(entries),
        "accepted": _has_accepted(phase, person),
        "terms_sha256": access.terms_sha256(phase.challenge),
        "refused": refused,
        "may_organise": organises,
        "downloads": phase.downloads.select_related("user")[:DOWNLOADS_SHOWN] if organises else (),
        "downloads_in_all": phase.downloads.count() if organises else 0,
    }
    status = 422 if refused else 200
    return render(request, "challenges/phase_data.html", context, status=status)


@login_required
@require_safe
def archive(request: HttpRequest, slug: str, phase_slug: str) -> HttpResponseBase:
    phase, person = _giving(slug, phase_slug), signed_in(request)
    if not _has_accepted(phase, person):
        messages.error(request, "Nothing was downloaded: accept the terms first.")
        return redirect("phase_data", slug, phase_slug)
    entries = giving.contents(phase)
    access.record_download(phase=phase, user=person)
    response = StreamingHttpResponse(giving.stream(entries), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{slug}-{phase_slug}.zip"'
    response["Cache-Control"] = "private, no-store"
    return response


def _has_accepted(phase: Phase, person: User) -> bool:
    """Where there are no terms, there is nothing to accept."""
    terms = definition_of(phase.challenge).terms
    return not terms or access.has_accepted(challenge=phase.challenge, user=person)


def _giving(slug: str, phase_slug: str) -> Phase:
    """For everyone else's phases the answer is as if there were none."""
    phase = public_phase(slug, phase_slug)
    if not given_away(phase).exists():
        raise Http404
    return phase
