"""What an address names, and how what is refused is said. What a caller may not see looks like what
does not exist."""

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Schema, Status

from accounts.callers import caller_of
from challenges.models import Challenge, Phase
from challenges.policies import Viewer, may_organise, may_see
from challenges.services.refusals import Refused

CONFLICT, UNPROCESSABLE, TOO_MANY = 409, 422, 429


class Refusal(Schema):
    """detail: what was found, what was expected, what to do. problems: by what was given."""

    detail: str
    code: str = ""
    problems: dict[str, str] = {}


def seen_challenge(viewer: Viewer, slug: str) -> Challenge:
    """The same answer for what does not exist and what this viewer may not see."""
    challenge = get_object_or_404(Challenge, slug=slug)
    if not may_see(viewer, challenge):
        raise Http404
    return challenge


def seen_phase(viewer: Viewer, slug: str, phase: str) -> Phase:
    challenge = seen_challenge(viewer, slug)
    return get_object_or_404(
        Phase.objects.select_related("challenge", "dataset"), challenge=challenge, slug=phase
    )


def open_challenge(request: HttpRequest, slug: str) -> Challenge:
    """A published one: nobody takes part in another."""
    return get_object_or_404(Challenge.objects.exclude(published_at=None), slug=slug)


def organised_challenge(request: HttpRequest, slug: str) -> Challenge:
    challenge = get_object_or_404(Challenge, slug=slug)
    if not may_organise(caller_of(request).viewer, challenge):
        raise Http404
    return challenge


def refused(refusal: Refused) -> Status[Refusal]:
    """422 where something that was given is wrong, 409 where nothing is, and the time is not."""
    status = UNPROCESSABLE if refusal.problems else CONFLICT
    return Status(status, Refusal(detail=refusal.message, problems=refusal.problems))
