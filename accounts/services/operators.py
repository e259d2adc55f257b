"""Who runs the server, as far as pages are concerned."""

from accounts.models import User


def set_operator(*, username: str, operator: bool) -> bool:
    """Let someone see the page of operations and drain hosts, or no longer; False: no such user."""
    return User.objects.filter(username=username).update(is_staff=operator) == 1
