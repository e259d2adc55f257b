"""Celery's side of the services."""

from celery import shared_task

from challenges.models import Phase
from leaderboards.drawings import draw_next
from leaderboards.services import refresh
from submissions.tasks import worker_name


@shared_task(name="leaderboards.refresh")
def refresh_task(phase: int) -> None:
    refresh(phase=Phase.objects.get(pk=phase))


@shared_task(name="leaderboards.draw_next")
def draw_task() -> None:
    draw_next(worker=worker_name())
