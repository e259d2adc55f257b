from django.db import models


class Leased(models.Model):
    """A row that one worker at a time works on.

    fence grows with every claim; whoever writes must show the number that its claim got, so a
    worker that froze and woke up late is refused. beat_at: the last heartbeat by the worker's own
    clock; that it changes is the sign of life, and no clock is compared with another. See
    ``challenges.leases``.
    """

    state = models.CharField(max_length=20)
    fence = models.PositiveIntegerField(default=0)
    leased_by = models.CharField(max_length=200, blank=True)
    beat_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
