"""Remove from this host's engine and work folder what no live lease owns."""

import shutil
import time
from pathlib import Path

import structlog
from django.db.models import Q

from challenges.storage import untrusted
from submissions.models import Run, Submission
from submissions.sandbox.engine import Engine

log = structlog.get_logger(__name__)
_WORK_SECONDS = 3600


def clean_up(engine: Engine | None, *, everything: bool = False) -> int:
    """Remove left-over containers and volumes; returns how many.

    The database is asked after the engine was: a run that was claimed in between is not ours to
    touch, as its containers are not in the list. everything: the workers of this host are gone.
    """
    removed = 0
    if engine is not None:
        left_overs = sorted(engine.left_overs(), key=lambda one: one.is_volume)
        owned = set() if everything else _owned([one.run for one in left_overs])
        for one in left_overs:
            if (one.run, one.attempt) not in owned:
                engine.remove(one)
                log.info("left_over.removed", name=one.name)
                removed += 1
    _remove_old_work(everything)
    return removed


def _owned(runs: list[str]) -> set[tuple[str, int]]:
    running = Run.objects.filter(public_id__in=runs, state=Run.State.RUNNING)
    return set(running.values_list("public_id", "fence"))


def _remove_old_work(everything: bool) -> None:
    """Folders of runs and checks whose process was killed."""
    folder = Path(untrusted().path("work"))
    if not folder.is_dir():
        return
    live = {
        f"run-{public_id}-{fence}"
        for public_id, fence in Run.objects.filter(state=Run.State.RUNNING).values_list(
            "public_id", "fence"
        )
    } | {
        f"check-{public_id}-{fence}"
        for public_id, fence in Submission.objects.filter(
            Q(state=Submission.State.CHECKING)
        ).values_list("public_id", "fence")
    }
    for work in folder.iterdir():
        old = everything or time.time() - work.stat().st_mtime > _WORK_SECONDS
        if work.name not in live and old:
            shutil.rmtree(work, ignore_errors=True)
