"""Find what was lost: leases of the dead, hints that never came, containers that no lease owns.

Reads the database alone, and needs no broker; each finding is mended by the same conditional
UPDATEs that the workers use, so that it may run anywhere, any number of times.
"""

from collections.abc import Iterable

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from submissions.models import Attempt, Run, Submission
from submissions.sandbox.outcome import Owner
from submissions.services import lifecycle
from submissions.services.hints import CHECK, RUN, SCORE, hint
from submissions.services.leases import STOPPED

log = structlog.get_logger(__name__)
LOST_LEASES = 5


def reconcile() -> None:
    _expired_submissions()
    _expired_runs()
    for submission in Submission.objects.filter(
        state__in=(Submission.State.QUEUED, Submission.State.RUNNING, Submission.State.SCORING)
    ):
        _release_after_canary(submission)
        lifecycle.advance(submission=submission)
    _hint_again()


def _expired_submissions() -> None:
    """A worker died while it checked an upload: another may."""
    now = timezone.now()
    for submission in Submission.objects.filter(
        state=Submission.State.CHECKING, lease_until__lt=now
    ):
        _give_back(submission, Submission.State.CHECKING, Submission.State.RECEIVED, "image check")


def _expired_runs() -> None:
    now = timezone.now()
    for source, target, stage in (
        (Run.State.RUNNING, Run.State.QUEUED, "run"),
        (Run.State.SCORING, Run.State.COLLECTED, "scoring"),
    ):
        for run in Run.objects.filter(state=source, lease_until__lt=now).select_related(
            "submission"
        ):
            _give_back(run, source, target, stage)


@transaction.atomic
def _give_back(row: Submission | Run, source: str, target: str, stage: str) -> None:
    """Queue again what a dead worker held; what kills worker after worker ends as our failure.

    A worker that was stopped in good order is no fault: its leases are expired with the note.
    """
    orderly = row.leased_by.endswith(f":{STOPPED}")
    changed = (
        type(row)
        .objects.filter(pk=row.pk, state=source, fence=row.fence, lease_until__lt=timezone.now())
        .update(
            state=target,
            leased_by="",
            lease_until=None,
            platform_faults=F("platform_faults") + (0 if orderly else 1),
        )
    )
    if not changed:
        return
    log.warning("lease.expired", row=str(row), stage=stage, worker=row.leased_by)
    if isinstance(row, Run):
        Attempt.objects.filter(run=row, fence=row.fence, ended_at=None).update(
            ended_at=timezone.now(),
            reason_code="worker_lost",
            reason_text="The worker stopped answering; the run was queued again.",
            reason_owner=Owner.PLATFORM.value,
        )
    if not orderly and row.platform_faults + 1 >= LOST_LEASES:
        lifecycle.fail(
            submission=row.submission if isinstance(row, Run) else row,
            stage=stage,
            code="worker_lost",
            text=f"{LOST_LEASES} workers in turn died while they worked on it.",
            owner=Owner.PLATFORM,
        )


def _release_after_canary(submission: Submission) -> None:
    """A worker died between storing the first case and concluding from it."""
    canary = submission.runs.filter(is_canary=True, state__in=Run.EXECUTED).first()
    if canary is not None:
        lifecycle.conclude_canary(canary=canary)


def _hint_again() -> None:
    """As many hints as could be worked on at once; each worker hints again while there is more."""
    now = timezone.now()
    runs = Run.objects.filter(Q(eligible_at__lte=now), submission__state__in=lifecycle.LIVE)
    waiting: Iterable[tuple[str, int]] = (
        (CHECK, Submission.objects.filter(state=Submission.State.RECEIVED).count()),
        (RUN, runs.filter(state=Run.State.QUEUED).count()),
        (SCORE, runs.filter(state=Run.State.COLLECTED).count()),
    )
    for task, count in waiting:
        for _ in range(min(count, settings.SANDBOX_SLOTS)):
            hint(task)
