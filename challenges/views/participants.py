"""Who takes part in a challenge: registrations to decide about, and teams. For organisers."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from challenges.models import Challenge
from challenges.policies import may_decide
from challenges.selectors.taking_part import registrations_to, teams_of
from challenges.services import registering, teams
from challenges.views.callers import organised, signed_in
from challenges.views.numbers import whole_number
from challenges.views.preparing import prepared


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def participants(request: HttpRequest, slug: str) -> HttpResponse:
    challenge = organised(request, slug)
    refused, at, note = "", None, ""
    if request.method == "POST":
        if "team" in request.POST:
            return _flag(request, challenge)
        at, note = whole_number(request.POST.get("registration", "")), request.POST.get("note", "")
        try:
            _decide(request, challenge, at, note)
        except registering.RegistrationRefused as refusal:
            refused = refusal.message
        else:
            return redirect("prepare_participants", slug)
    context = {
        **prepared(request, challenge),
        "registrations": registrations_to(request.user, challenge),
        "teams": teams_of(request.user, challenge),
        "refused": refused,
        "refused_at": at,
        "note": note,
    }
    status = 422 if refused else 200
    return render(request, "challenges/preparing/participants.html", context, status=status)


def _decide(request: HttpRequest, challenge: Challenge, at: int | None, note: str) -> None:
    rows = challenge.registrations.select_related("user")
    found = None if at is None else rows.filter(pk=at).first()
    if found is None:
        raise registering.RegistrationRefused(
            "Nothing was decided: this registration has been withdrawn."
        )
    decided = registering.decide(
        registration=found,
        approve=request.POST.get("decision") == "approve",
        note=note,
        seen=request.POST.get("seen", ""),
        by=signed_in(request),
    )
    who = decided.user.get_username()
    messages.success(request, f"{who}: {decided.get_state_display()}.")


def _flag(request: HttpRequest, challenge: Challenge) -> HttpResponse:
    """Ranks follow from it, so an organiser alone decides."""
    if not may_decide(request.user, challenge):
        raise Http404
    found = get_object_or_404(challenge.teams, public_id=request.POST["team"])
    unranked = request.POST.get("flag") == "unranked"
    teams.decide_flag(team=found, of_organisers=unranked, by=signed_in(request))
    shown = "without a rank" if unranked else "with a rank"
    messages.success(request, f"{found.name} is shown {shown} from now on.")
    return redirect("prepare_participants", challenge.slug)
