"""Judge an upload before any engine sees it, and lay out the runs of its submission."""

import shutil
from dataclasses import asdict
from pathlib import Path

import structlog
from django.db import transaction

from challenges import leases
from challenges.selectors import cases_of
from challenges.storage import untrusted
from submissions.judging.images import STAGE, ImageRefused, inspect_image
from submissions.models import ContainerImage, Kind, Run, Submission
from submissions.sandbox.archive import ImageConfig, InspectedImage
from submissions.sandbox.outcome import Owner
from submissions.services import hosts, lifecycle, predictions
from submissions.services.arriving import UploadRefused, require_promise
from submissions.services.hints import RUN, hint_after_commit

log = structlog.get_logger(__name__)
State = Submission.State


class _LeaseLost(Exception):
    """Cancelled, or taken over by another worker: what was done here counts for nothing."""


def check_next(*, worker: str) -> bool:
    """Check the oldest upload that waits; False when there is none."""
    if hosts.takes_nothing_new(worker):
        return False
    waiting = Submission.objects.filter(state=State.RECEIVED).order_by("received_at", "pk")
    for submission in waiting.select_related("version__upload")[:20]:
        if leases.claim(submission, source=State.RECEIVED, target=State.CHECKING, worker=worker):
            _check(submission)
            return True
    return False


def _check(submission: Submission) -> None:
    upload = submission.version.upload
    if upload is None or submission.version.image_id:  # our own program, or checked before
        _lay_out_runs(submission)
        return
    heart = leases.Heart(submission, state=State.CHECKING)

    def beat(done_bytes: int) -> None:
        if heart.stopped():
            raise _LeaseLost

    work = Path(untrusted().path(f"work/check-{submission.public_id}-{submission.fence}"))
    work.mkdir(parents=True)
    try:
        require_promise(upload, beat)
        if upload.kind == Kind.PREDICTIONS:
            predictions.take_apart(submission, work, beat)
            if not _lay_out_runs(submission):
                raise _LeaseLost
            return
        inspected = inspect_image(
            Path(upload.file.path), work / "image.tar", work=work, progress=beat
        )
        with transaction.atomic():
            submission.version.image = _keep(inspected, work / "image.tar")
            submission.version.save(update_fields=["image"])
            if not _lay_out_runs(submission):
                raise _LeaseLost
    except UploadRefused as refusal:
        _reject(submission, refusal.code, refusal.message, Owner.PLATFORM)
    except (ImageRefused, predictions.PredictionsRefused) as refusal:
        _reject(submission, refusal.code, refusal.message)
    except _LeaseLost:
        log.info("check.lease_lost", submission=submission.public_id)
    except OSError as error:
        log.exception("check.disk_fault", submission=submission.public_id)
        lifecycle.try_again_or_fail(
            row=submission,
            source=State.CHECKING,
            target=State.RECEIVED,
            stage=STAGE,
            code="disk_fault",
            text=f"The platform could not read or write a file ({error.strerror}).",
        )
    finally:
        shutil.rmtree(work, ignore_errors=True)  # gone, where the lease was lost


def _reject(submission: Submission, code: str, text: str, owner: Owner = Owner.PARTICIPANT) -> None:
    lifecycle.fail(
        submission=submission, stage=STAGE, code=code, text=text, owner=owner, state=State.REJECTED
    )


def _keep(inspected: InspectedImage, archive: Path) -> ContainerImage:
    digest = inspected.digest.removeprefix("sha256:")
    image = ContainerImage.objects.filter(digest=digest).first()
    if image is not None:
        return image
    target = Path(untrusted().path(f"images/{digest}.tar"))
    target.parent.mkdir(parents=True, exist_ok=True)
    archive.replace(target)
    return ContainerImage.objects.create(
        digest=digest,
        file=f"images/{digest}.tar",
        archive_bytes=inspected.archive_bytes,
        unpacked_bytes=inspected.unpacked_bytes,
        config=asdict(inspected.config),
        weights=[asdict(file) for file in inspected.weights],
    )


@transaction.atomic
def _lay_out_runs(submission: Submission) -> bool:
    """One run a case; the first is the canary, and the others wait for it.

    Masks that were made elsewhere need no canary: nothing is started.
    """
    tried_first = submission.version.kind == Kind.CONTAINER
    if not leases.leave(submission, source=State.CHECKING, target=State.QUEUED):
        return False
    for number, case in enumerate(cases_of(submission.phase).order_by("position")):
        Run.objects.get_or_create(
            submission=submission,
            case=case,
            variant="original",
            repeat=0,
            defaults={
                "is_canary": tried_first and number == 0,
                "state": Run.State.WAITING if tried_first and number else Run.State.QUEUED,
            },
        )
    hint_after_commit(RUN)
    return True


def stored_config(image: ContainerImage) -> ImageConfig:
    config = image.config
    return ImageConfig(
        entrypoint=tuple(config["entrypoint"]),
        command=tuple(config["command"]),
        environment=tuple(config["environment"]),
        working_directory=config["working_directory"],
        user=config["user"],
        volumes=tuple(config["volumes"]),
    )
