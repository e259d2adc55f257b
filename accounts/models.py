"""Who: people, and the tokens by which their programs speak for them."""

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models

from accounts.identifiers import new_public_id


class User(AbstractUser):
    """The project's own, so that it can grow; roles are memberships of a challenge."""


class Token(models.Model):
    """A secret that lets a program act for its owner, within scopes (``accounts.tokens.SCOPES``).

    Only the secret's SHA-256 is kept. public_id stands in the token's text too, so that it can be
    found. expires_at: null for never.
    """

    public_id = models.CharField(max_length=12, unique=True, default=new_public_id)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens"
    )
    name = models.CharField(max_length=100)
    scopes = models.JSONField()
    secret_sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.name} of {self.owner_id}"
