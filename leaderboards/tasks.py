"""Celery's side of the services."""

from celery import shared_task

from challenges.models import Phase
from leaderboards.services import refresh


@shared_task(name="leaderboards.refresh")
def refresh_task(phase: int) -> None:
    refresh(phase=Phase.objects.get(pk=phase))
