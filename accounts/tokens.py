"""Personal tokens: a program shows one instead of a password, and may do what its scopes allow."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import Token, User

SCOPES = {
    "read": "See what you may see: challenges, your submissions, scores and notices",
    "submit": "Upload, submit and cancel; register, act in your team, ask, answer, settle notices",
    "organise": "Act as an organiser, where you are one: re-run, release logs, approve, announce",
}
PREFIX = "uptake_"
_USED_EVERY = timedelta(minutes=1)


class TokenRefused(Exception):
    """The token is unknown, expired or withdrawn; nothing tells which."""


def issue(
    *, owner: User, name: str, scopes: Collection[str], expires_at: datetime | None = None
) -> tuple[Token, str]:
    """A new token, and its text, which is never to be had again."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise ValueError(f"scopes {unknown or 'are missing'}; known: {', '.join(SCOPES)}")
    secret = secrets.token_urlsafe(32)
    token = Token.objects.create(
        owner=owner,
        name=name,
        scopes=[scope for scope in SCOPES if scope in scopes],
        secret_sha256=_hashed(secret),
        expires_at=expires_at,
    )
    return token, f"{PREFIX}{token.public_id}_{secret}"


def find(text: str) -> Token:
    """The token whose text this is, which is noted as used. Raises TokenRefused."""
    public_id, _, secret = text.removeprefix(PREFIX).partition("_")
    public_id = public_id if public_id.isprintable() else ""
    token = Token.objects.select_related("owner").filter(public_id=public_id).first()
    # Compared even where there is none, so that the time tells nothing.
    known = token.secret_sha256 if token else _hashed("")
    same = hmac.compare_digest(known, _hashed(secret))
    now = timezone.now()
    if token is None or not same or not text.startswith(PREFIX) or not token.owner.is_active:
        raise TokenRefused
    if token.expires_at is not None and token.expires_at <= now:
        raise TokenRefused
    if token.used_at is None or now - token.used_at > _USED_EVERY:
        Token.objects.filter(pk=token.pk).update(used_at=now)
    return token


def revoke(*, owner: User, public_id: str) -> bool:
    """False where the owner has no such token."""
    deleted, _ = Token.objects.filter(owner=owner, public_id=public_id).delete()
    return bool(deleted)


def _hashed(secret: str) -> str:
    """Of 32 random bytes: nothing to be guessed, so a plain hash is enough, and quick."""
    return hashlib.sha256(secret.encode()).hexdigest()
