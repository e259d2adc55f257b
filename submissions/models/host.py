from django.db import models


class Host(models.Model):
    """A machine with workers, as it last told of itself. engine: its version, empty without one."""

    name = models.CharField(max_length=60, unique=True)
    engine = models.CharField(max_length=60, blank=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
