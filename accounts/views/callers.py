"""Who asks."""

from django.http import Http404, HttpRequest

from accounts.models import User


def signed_in(request: HttpRequest) -> User:
    """Where ``login_required`` stands before, always someone."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user
