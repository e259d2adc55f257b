"""Celery's side of the services: no more than the call. Loaded by workers only."""

import os

from celery import shared_task
from django.conf import settings

from challenges.hints import BRING_DATA, REHEARSE
from challenges.services.imports import bring_data_next
from challenges.services.rehearsing import rehearse_next


def _worker() -> str:
    return f"{settings.HOST_ID}:{os.getpid()}"


@shared_task(name=BRING_DATA)
def bring_data_task() -> None:
    bring_data_next(worker=_worker())


@shared_task(name=REHEARSE)
def rehearse_task() -> None:
    rehearse_next(worker=_worker())
