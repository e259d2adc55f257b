from django.conf import settings
from django.db import models

from submissions.models.submission import Submission


class Chosen(models.Model):
    """That somebody let a submission stand on its leaderboard. The newest of a team, or of a person
    alone, counts; earlier ones stay as the record of who chose what, and when."""

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="chosen")
    chosen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    chosen_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.submission_id} by {self.chosen_by_id}"
