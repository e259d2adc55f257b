"""Who calls the API: a person in a browser, a program with a token, or nobody in particular."""

import time
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.security import HttpBearer, SessionAuth
from ninja.throttling import BaseThrottle

from accounts.models import Token, User
from accounts.tokens import TokenRefused, find


@dataclass(frozen=True)
class Caller:
    """token: None for a session in a browser, which may do whatever its person may."""

    viewer: User | AnonymousUser
    token: Token | None = None

    def __str__(self) -> str:
        return f"user {self.viewer.pk}"

    @property
    def user(self) -> User:
        """401 where nobody is signed in."""
        if not isinstance(self.viewer, User):
            raise HttpError(401, "A token or a session is needed.")
        return self.viewer


class _Bearer(HttpBearer):
    """Of ``Authorization: Bearer uptake_…``."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self._scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        try:
            found = find(token)
        except TokenRefused:
            raise HttpError(
                401, "The token is unknown, expired or withdrawn. Make one at /accounts/tokens/."
            ) from None
        if self._scope not in found.scopes:
            raise HttpError(
                403,
                f"The token lacks the scope “{self._scope}”; it has: {', '.join(found.scopes)}. "
                "Make another at /accounts/tokens/.",
            )
        return Caller(found.owner, found)


class _Session(SessionAuth):
    def authenticate(self, request: HttpRequest, key: str | None) -> Caller | None:
        return Caller(request.user) if isinstance(request.user, User) else None


def _anyone(request: HttpRequest) -> Caller:
    return Caller(AnonymousUser())


READ = [_Bearer("read"), _Session()]
READ_OR_ANYONE = [*READ, _anyone]
SUBMIT = [_Bearer("submit"), _Session()]
ORGANISE = [_Bearer("organise"), _Session()]


def caller_of(request: HttpRequest) -> Caller:
    """Whom ``auth`` of the operation found."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    return caller


class PerMinute(BaseThrottle):
    """So many requests in a minute of the clock from each person, or from each address where nobody
    is signed in.

    Nothing of a request stays in this object, which all threads share.
    """

    def __init__(self, kind: str, *, person: int, address: int) -> None:
        self._kind, self.person, self.address = kind, person, address

    def allow_request(self, request: HttpRequest) -> bool:
        viewer = getattr(getattr(request, "auth", None), "viewer", None)
        if isinstance(viewer, User):
            who, most = f"user-{viewer.pk}", self.person
        else:
            who, most = f"from-{_address(request)}", self.address
        minute = int(time.time() // 60)
        key = f"requests:{self._kind}:{who}:{minute}"
        if cache.add(key, 1, timeout=120):
            return most > 0
        try:
            return cache.incr(key) <= most
        except ValueError:  # its minute ended in between
            return True

    def wait(self) -> float:
        return 60 - time.time() % 60


def _address(request: HttpRequest) -> str:
    """Behind a proxy, what that one saw: the last of the list, which alone it wrote itself."""
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", ""))
    if settings.BEHIND_PROXY and forwarded:
        return forwarded.rpartition(",")[2].strip()
    return str(request.META.get("REMOTE_ADDR", ""))
