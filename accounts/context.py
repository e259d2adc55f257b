"""What every page knows of whoever looks at it."""

from collections.abc import Callable

from django.http import HttpRequest

from accounts.models import User
from accounts.selectors import unread


def notices(request: HttpRequest) -> dict[str, Callable[[], int]]:
    """Asked for by a page's head alone, and of the database for who is signed in alone."""
    return {"unread_notices": lambda: unread(request.user) if isinstance(request.user, User) else 0}
