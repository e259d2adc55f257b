"""Celery's side of the services: fetch what is needed, call, no more. Loaded by workers only."""

import os
import time
from pathlib import Path

import structlog
from celery import shared_task
from django.conf import settings

from submissions.sandbox.engine import Engine
from submissions.sandbox.outcome import SandboxError
from submissions.services.checking import check_next
from submissions.services.cross_scoring import cross_score_next
from submissions.services.rescoring import rescore_next
from submissions.services.running import run_next
from submissions.services.scoring import score_next
from submissions.services.similarity import compare_next
from submissions.services.telling import reconcile as tell_of_ends

log = structlog.get_logger(__name__)
# A newly added runtime is found after this long.
_KEPT_SECONDS = 60


def worker_name() -> str:
    return f"{settings.HOST_ID}:{os.getpid()}"


class EngineOfThisHost:
    """Connected when first asked for, and kept while it answers."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._since = 0.0

    def get(self) -> Engine | None:
        """None where none can be reached: uploaded containers wait then, and the page says so."""
        try:
            if self._engine is None or time.monotonic() - self._since > _KEPT_SECONDS:
                self._engine = self._connect()
            else:
                self._engine.ping()
        except SandboxError as error:
            log.warning("engine.unreachable", error=error.message)
            self._engine = None
        return self._engine

    def _connect(self) -> Engine:
        if self._engine is not None:
            self._engine.close()
        self._since = time.monotonic()
        return connect_engine()


def connect_engine(**options: int) -> Engine:
    """SandboxError where none can be reached."""
    return Engine.connect(
        installation=settings.INSTALLATION_ID,
        host=settings.HOST_ID,
        folder=Path(settings.STATE) / "engine",
        **options,
    )


_engine = EngineOfThisHost()


@shared_task(name="submissions.check_next")
def check_next_task() -> None:
    check_next(worker=worker_name())


@shared_task(name="submissions.run_next")
def run_next_task() -> None:
    run_next(worker=worker_name(), engine=_engine.get())


@shared_task(name="submissions.score_next")
def score_next_task() -> None:
    # What was submitted now goes before what is scored anew, and both before what nobody waits for.
    for step in (score_next, rescore_next, cross_score_next):
        if step(worker=worker_name()):
            return


@shared_task(name="submissions.compare")
def compare_task() -> None:
    compare_next()


@shared_task(name="submissions.tell")
def tell_task() -> None:
    tell_of_ends()
