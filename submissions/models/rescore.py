"""A run to be scored anew."""

from django.db import models
from django.utils import timezone

from challenges.models import Edition, Leased
from submissions.models.run import Run


class Rescore(Leased):
    """One run that has no results yet in a later edition than it was first scored in."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        SCORING = "scoring", "scoring"
        DONE = "done", "done"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="rescores")
    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="rescores")
    state = models.CharField(max_length=20, choices=State.choices, default=State.WAITING)
    platform_faults = models.PositiveIntegerField(default=0)
    eligible_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["state"])]
        constraints = [
            models.UniqueConstraint(fields=["run", "edition"], name="one_rescore_an_edition")
        ]

    def __str__(self) -> str:
        return f"{self.run_id} in {self.edition_id}"
