"""Who saw what: accesses to hidden data, terms that were accepted, downloads."""

from django.conf import settings
from django.db import models

from challenges.models.challenge import Challenge, Phase


class Access(models.Model):
    """One look of one person at hidden images or references; part of the design document.

    what: "picture", "image", "mask", "scores", "quality", "download". case: its name, as it was.
    times: how often on that day.
    """

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="accesses")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="accesses"
    )
    case = models.CharField(max_length=100, blank=True)
    what = models.CharField(max_length=20)
    day = models.DateField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["first_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["challenge", "user", "case", "what", "day"], name="one_access_a_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.what} {self.case}"


class Acceptance(models.Model):
    """Terms that a person accepted, word for word by their hash."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="acceptances")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    terms_sha256 = models.CharField(max_length=64)
    accepted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["challenge", "user", "terms_sha256"], name="terms_accepted_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.terms_sha256[:8]}"


class Download(models.Model):
    """One download of a phase's cases, as it began."""

    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="downloads")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    cases = models.PositiveIntegerField()
    started_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.user_id} {self.phase_id}"
