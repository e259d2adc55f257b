"""A challenge tried before it opens."""

from django.conf import settings
from django.db import models

from challenges.models.challenge import Challenge
from challenges.models.leased import Leased


class Rehearsal(Leased):
    """What simulated participants scored before the challenge opened (``challenges.rehearsal``).

    specification_hash: of what it was made of, so that a page can say that it is out of date.
    document: the report; null until it is made. problem: why it could not be. done of total:
    progress, in scores.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"

    ENDS = (State.DONE, State.FAILED)

    state = models.CharField(max_length=20, choices=State.choices, default=State.QUEUED)
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="rehearsals")
    seed = models.PositiveBigIntegerField()
    specification_hash = models.CharField(max_length=64)
    document = models.JSONField(null=True)
    problem = models.TextField(blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    platform_faults = models.PositiveIntegerField(default=0)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    asked_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-asked_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.challenge_id} rehearsal"
