from django.db import models


class Host(models.Model):
    """A machine with workers, as it last told of itself.

    engine: the Docker engine's version, empty without one. runtimes: what can contain a program
    there ("runc", "runsc"). draining_since: its workers finish what they do, and take nothing new.
    """

    name = models.CharField(max_length=60, unique=True)
    engine = models.CharField(max_length=60, blank=True)
    runtimes = models.JSONField(default=list)
    draining_since = models.DateTimeField(null=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Worker(models.Model):
    """A worker's main process, which tells of itself while it lives; its children do the work."""

    name = models.CharField(max_length=200, unique=True)
    host = models.CharField(max_length=60)
    queue = models.CharField(max_length=60)
    processes = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
