"""What a host's workers tell of themselves, and whether they may take on anything new."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from submissions.models import Host, Worker

if TYPE_CHECKING:  # the web process drains hosts, and never loads the Docker SDK
    from submissions.sandbox.engine import Engine

log = structlog.get_logger(__name__)
_FORGOTTEN = timedelta(days=1)
_ALIVE = timedelta(seconds=60)


def tell_of_host(engine: Engine | None) -> None:
    """Let pages know whether anything here can run an uploaded container."""
    told = {
        "engine": str(engine.info["ServerVersion"])[:60] if engine is not None else "",
        "runtimes": list(engine.runtimes) if engine is not None else [],
        "seen_at": timezone.now(),
    }
    Host.objects.update_or_create(name=settings.HOST_ID, defaults=told)


def tell_of_worker(*, name: str, queue: str, processes: int) -> None:
    """A heartbeat of a worker's main process."""
    now = timezone.now()
    Worker.objects.update_or_create(
        name=name,
        defaults={"queue": queue, "processes": processes, "seen_at": now},
        create_defaults={
            "host": settings.HOST_ID,
            "queue": queue,
            "processes": processes,
            "started_at": now,
            "seen_at": now,
        },
    )


def forget_worker(*, name: str) -> None:
    """It ended in good order."""
    Worker.objects.filter(name=name).delete()


def processes_of(queue: str) -> int:
    """Of all workers of ``queue`` that were heard of lately."""
    alive = Worker.objects.filter(queue=queue, seen_at__gt=timezone.now() - _ALIVE)
    return alive.aggregate(found=Sum("processes"))["found"] or 0


def forget_silent_workers() -> None:
    Worker.objects.filter(seen_at__lt=timezone.now() - _FORGOTTEN).delete()


def drain(*, host: Host) -> None:
    """Its workers finish what they do, and take nothing new until ``resume``."""
    Host.objects.filter(pk=host.pk, draining_since=None).update(draining_since=timezone.now())
    log.info("host.draining", host=host.name)


def resume(*, host: Host) -> None:
    Host.objects.filter(pk=host.pk).update(draining_since=None)
    log.info("host.resumed", host=host.name)


def takes_nothing_new(worker: str) -> bool:
    """Whether ``worker`` (``host:process``) belongs to a host that is being drained."""
    host = worker.partition(":")[0]
    return Host.objects.filter(name=host, draining_since__isnull=False).exists()
