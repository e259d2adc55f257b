"""A person's team in a challenge, and the link by which others join it."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.models import User
from challenges.forms.taking_part import TeamForm
from challenges.models import Challenge
from challenges.selectors import definition_of
from challenges.selectors.taking_part import standing_of, team_invited_to, team_of
from challenges.services import teams
from challenges.views.callers import signed_in
from challenges.views.registration import published


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def team(request: HttpRequest, slug: str) -> HttpResponse:
    """The one that the person is in; else how to be in one."""
    challenge, person = published(slug), signed_in(request)
    found = team_of(person, challenge)
    form = TeamForm.of(found)
    if request.method == "POST":
        what = request.POST.get("what", "")
        if what in _PLAIN:
            return _do(request, challenge, *_PLAIN[what])
        form = TeamForm(request.POST)
        if what not in _BY_FORM or not form.is_valid():
            raise Http404
        act, said = _BY_FORM[what]
        try:
            act(challenge=challenge, user=person, **form.cleaned_data)
        except teams.TeamRefused as refusal:
            form.take(refusal)
        else:
            messages.success(request, said)
            return redirect("team", slug)
    link = reverse("join_team", args=[slug, found.invitation]) if found and found.invitation else ""
    context = {
        "challenge": challenge,
        "definition": definition_of(challenge),
        "standing": standing_of(person, challenge),
        "team": found,
        "form": form,
        "link": request.build_absolute_uri(link) if link else "",
    }
    status = 422 if form.errors else 200
    return render(request, "challenges/team.html", context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, slug: str, invitation: str) -> HttpResponse:
    """What a link leads to: who is in the team, and whether to join.

    One that leads to none looks like one that there never was.
    """
    challenge, person = published(slug), signed_in(request)
    found = team_invited_to(person, challenge, invitation)
    if found is None:
        raise Http404
    if request.method == "POST":
        try:
            teams.join_team(challenge=challenge, user=person, invitation=invitation)
        except teams.TeamRefused as refusal:
            messages.error(request, refusal.message)
            return redirect("join_team", slug, invitation)
        messages.success(request, f"You are in the team {found.name}.")
        return redirect("team", slug)
    own = team_of(person, challenge)
    context = {
        "challenge": challenge,
        "definition": definition_of(challenge),
        "standing": standing_of(person, challenge),
        "team": found,
        "own": own,
        "is_own": own is not None and own.public_id == found.public_id,
    }
    return render(request, "challenges/join_team.html", context)


def _do(
    request: HttpRequest, challenge: Challenge, act: Callable[..., object], said: str
) -> HttpResponse:
    person: User = signed_in(request)
    try:
        act(challenge=challenge, user=person)
    except teams.TeamRefused as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, said)
    return redirect("team", challenge.slug)


_BY_FORM: dict[str, tuple[Callable[..., object], str]] = {
    "create": (teams.create_team, "The team is made. Invite others by its link."),
    "change": (teams.change_team, "Saved."),
}
_PLAIN: dict[str, tuple[Callable[..., object], str]] = {
    "leave": (teams.leave_team, "You have left the team. What you submitted stays the team’s."),
    "renew": (teams.renew_invitation, "There is a new link; the earlier one leads nowhere."),
    "switch off": (teams.switch_off_invitation, "Nobody can join until there is a new link."),
}
