"""Find what was lost: leases of the dead, hints that never came, containers that no lease owns.

Reads the database alone, and needs no broker; each finding is mended by the same conditional
UPDATEs that the workers use, so that it may run anywhere, any number of times.
"""

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from challenges.leases import STOPPED, Watch
from submissions.models import Attempt, Run, Submission
from submissions.sandbox.outcome import Owner
from submissions.services import hosts, lifecycle
from submissions.services.hints import CHECK, RUN, SCORE, hint

log = structlog.get_logger(__name__)
LOST_LEASES = 5
_GIVEN_BACK_TO = {
    Run.State.RUNNING: (Run.State.QUEUED, "run"),
    Run.State.SCORING: (Run.State.COLLECTED, "scoring"),
}


def reconcile(watch: Watch) -> None:
    """One round. ``watch`` is kept from round to round: it knows who has been silent for long."""
    for submission in watch.silent(Submission.objects.filter(state=Submission.State.CHECKING)):
        _give_back(submission, Submission.State.RECEIVED, "image check")
    leased = Run.objects.filter(state__in=_GIVEN_BACK_TO).select_related("submission")
    for run in watch.silent(leased):
        target, stage = _GIVEN_BACK_TO[Run.State(run.state)]
        _give_back(run, target, stage)
    for submission in Submission.objects.filter(
        state__in=(Submission.State.QUEUED, Submission.State.RUNNING, Submission.State.SCORING)
    ):
        _release_after_canary(submission)
        lifecycle.advance(submission=submission)
    _hint_again()


@transaction.atomic
def _give_back(row: Submission | Run, target: str, stage: str) -> None:
    """Queue again what a dead worker held; what kills worker after worker ends as our failure.

    A worker that was stopped in good order is no fault: its leases bear the note.
    """
    orderly = row.leased_by.endswith(f":{STOPPED}")
    changed = (
        type(row)
        .objects.filter(pk=row.pk, state=row.state, fence=row.fence, beat_at=row.beat_at)
        .update(
            state=target,
            leased_by="",
            beat_at=None,
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
    """As many hints as there are idle processes, so that a queue does not grow while all are busy;
    each worker hints again while there is more."""
    runs = Run.objects.filter(lifecycle.eligible(), submission__state__in=lifecycle.LIVE)
    busy = Run.objects.filter(state=Run.State.RUNNING).count()
    scoring = Run.objects.filter(state=Run.State.SCORING).count()
    checking = Submission.objects.filter(state=Submission.State.CHECKING).count()
    received = Submission.objects.filter(state=Submission.State.RECEIVED).count()
    for task, queue, waiting, working in (
        (CHECK, "default", received, checking),
        (RUN, "sandbox", runs.filter(state=Run.State.QUEUED).count(), busy),
        (SCORE, "scoring", runs.filter(state=Run.State.COLLECTED).count(), scoring),
    ):
        # One more than idle: the heartbeat of a worker that has just started may be to come.
        for _ in range(min(waiting, max(0, hosts.processes_of(queue) - working) + 1)):
            hint(task)
