"""Where a person registers for a challenge that asks for it, and is told how that stands."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from challenges.forms.taking_part import RegistrationForm
from challenges.models import Challenge, Phase
from challenges.selectors import definition_of
from challenges.selectors.taking_part import standing_of, team_of
from challenges.services import registering
from challenges.views.callers import signed_in


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest, slug: str) -> HttpResponse:
    challenge, person = published(slug), signed_in(request)
    standing = standing_of(person, challenge)
    form = RegistrationForm(request.POST or None, standing=standing)
    if request.method == "POST" and request.POST.get("what") == "withdraw":
        return _withdraw(request, challenge)
    if request.method == "POST" and form.is_valid():
        try:
            registering.register(
                challenge=challenge,
                user=person,
                institute=form.cleaned_data["institute"],
                answers=form.answers(),
            )
        except registering.RegistrationRefused as refusal:
            form.take(refusal)
            standing = standing_of(person, challenge)  # it may have been decided meanwhile
        else:
            return redirect("register", slug)
    context = {
        "challenge": challenge,
        "definition": definition_of(challenge),
        "standing": standing,
        "team": team_of(person, challenge),
        "form": form,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "challenges/register.html", context, status=status)


def _withdraw(request: HttpRequest, challenge: Challenge) -> HttpResponse:
    try:
        registering.withdraw(challenge=challenge, user=signed_in(request))
    except registering.RegistrationRefused as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, "Your registration is withdrawn, and your answers are deleted.")
    return redirect("register", challenge.slug)


def registration_needed(request: HttpRequest, phase: Phase) -> HttpResponse:
    """In place of a form to submit by: what to do first."""
    context = {
        "challenge": phase.challenge,
        "phase": phase,
        "definition": definition_of(phase.challenge),
        "standing": standing_of(request.user, phase.challenge),
    }
    status = 403 if request.method == "POST" else 200
    return render(request, "challenges/registration_needed.html", context, status=status)


def published(slug: str) -> Challenge:
    """For everyone; before it is published nobody takes part."""
    found = get_object_or_404(Challenge, slug=slug)
    if found.published_at is None:
        raise Http404
    return found
