"""Remove from this host's engine and work folder what no live lease owns."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog
from django.db.models import Q, QuerySet

from challenges.storage import untrusted
from challenges.untouched import Untouched
from submissions.models import ContainerImage, Run, Submission, Upload
from submissions.sandbox.engine import Engine
from submissions.services.arriving import give_up_untouched

log = structlog.get_logger(__name__)


def clean_up(
    engine: Engine | None, *, untouched: Untouched | None = None, everything: bool = False
) -> int:
    """Remove left-over containers and volumes; returns how many.

    The database is asked after the engine was: a run that was claimed in between is not ours to
    touch, as its containers are not in the list. everything: the workers of this host are gone.
    untouched: kept from round to round; files that nobody knows go only when it says so.
    """
    removed = 0
    if engine is not None:
        left_overs = sorted(engine.left_overs(), key=lambda one: one.is_volume)
        owned = set() if everything else _owned([one.run for one in left_overs])
        for one in left_overs:
            if (one.run, one.attempt) not in owned and engine.remove(one):
                log.info("left_over.removed", name=one.name)
                removed += 1
        running = Run.objects.filter(state=Run.State.RUNNING)
        engine.remove_groups(
            set() if everything else set(running.values_list("public_id", "fence"))
        )
    _remove_old_work(everything)
    _remove_useless_uploads()
    if untouched is not None:
        for path in untouched.among(_unknown_files()):
            path.unlink(missing_ok=True)
    return removed


def _remove_useless_uploads() -> None:
    """Files of ended or checked submissions, and what nobody went on to send."""
    give_up_untouched()
    ended = Q(version__image__isnull=False) | ~Q(
        version__submissions__state__in=(Submission.State.RECEIVED, Submission.State.CHECKING)
    )
    of_no_use = Upload.objects.exclude(file="").exclude(version=None).filter(ended)
    for upload in of_no_use.distinct():
        upload.file.delete(save=True)


def _unknown_files() -> Iterator[Path]:
    """Archives whose row was never committed, and uploads that are arriving or were given up."""
    archives = list(Path(untrusted().path("images")).glob("*.tar"))
    known = set(ContainerImage.objects.values_list("digest", flat=True))
    yield from (archive for archive in archives if archive.stem not in known)
    yield from Path(untrusted().path("incoming")).iterdir()
    uploads = list(Path(untrusted().path("uploads")).glob("*.tar"))
    wanted = set(Upload.objects.exclude(file="").values_list("file", flat=True))
    yield from (file for file in uploads if f"uploads/{file.name}" not in wanted)


def _owned(runs: list[str]) -> set[tuple[str, int]]:
    running = Run.objects.filter(public_id__in=runs, state=Run.State.RUNNING)
    return set(running.values_list("public_id", "fence"))


def _remove_old_work(everything: bool) -> None:
    """Folders of runs and checks that nobody works on any more.

    The database is asked after the folders were listed, so that a new claim's is not touched.
    """
    folder = Path(untrusted().path("work"))
    if not folder.is_dir():
        return
    found = list(folder.iterdir())
    live = {
        *_work_names("run", Run.objects.filter(state=Run.State.RUNNING)),
        *_work_names("check", Submission.objects.filter(state=Submission.State.CHECKING)),
    }
    for work in found:
        if everything or work.name not in live:
            shutil.rmtree(work, ignore_errors=True)


def _work_names(kind: str, rows: QuerySet[Any]) -> Iterator[str]:
    for public_id, fence in rows.values_list("public_id", "fence"):
        yield f"{kind}-{public_id}-{fence}"
