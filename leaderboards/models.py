from django.db import models

from challenges.models import Edition


class Snapshot(models.Model):
    """A leaderboard as it stood: each published state is kept.

    results_hash: of the results it was made from; document: ``leaderboards.tables.Table`` as JSON.
    """

    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="snapshots")
    results_hash = models.CharField(max_length=64)
    document = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.edition_id} {self.created_at}"
