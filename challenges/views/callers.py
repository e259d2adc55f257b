"""Who asks, and the challenge that they may ask about: for anyone else there is none."""

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from accounts.models import User
from challenges.models import Challenge
from challenges.policies import may_organise, may_see_data


def signed_in(request: HttpRequest) -> User:
    """Where ``login_required`` stands before, always someone."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def organised(request: HttpRequest, slug: str) -> Challenge:
    """For those who prepare it."""
    found = get_object_or_404(Challenge.objects.select_related("dataset"), slug=slug)
    if not may_organise(request.user, found):
        raise Http404
    return found


def trusted(request: HttpRequest, slug: str) -> Challenge:
    """For those who may see its data."""
    found = get_object_or_404(Challenge.objects.select_related("dataset"), slug=slug)
    if not may_see_data(request.user, found):
        raise Http404
    return found
