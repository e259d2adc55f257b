"""Celery's side of the services: fetch what is needed, call, no more. Loaded by workers only."""

import os
from pathlib import Path

import structlog
from celery import shared_task
from django.conf import settings

from submissions.sandbox.engine import Engine
from submissions.sandbox.outcome import SandboxError
from submissions.services.checking import check_next
from submissions.services.running import run_next
from submissions.services.scoring import score_next

log = structlog.get_logger(__name__)


def worker_name() -> str:
    return f"{settings.HOST_ID}:{os.getpid()}"


def engine_of_this_host() -> Engine | None:
    """None where none can be reached: uploaded containers wait then, and the page says so."""
    try:
        return Engine.connect(
            installation=settings.INSTALLATION_ID,
            host=settings.HOST_ID,
            folder=Path(settings.STATE) / "engine",
        )
    except SandboxError as error:
        log.warning("engine.unreachable", error=error.message)
        return None


@shared_task(name="submissions.check_next")
def check_next_task() -> None:
    check_next(worker=worker_name())


@shared_task(name="submissions.run_next")
def run_next_task() -> None:
    run_next(worker=worker_name(), engine=engine_of_this_host())


@shared_task(name="submissions.score_next")
def score_next_task() -> None:
    score_next(worker=worker_name())
