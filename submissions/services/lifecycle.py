"""A submission's way from state to state: every step a conditional UPDATE, and idempotent."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from submissions.models import Run, Submission
from submissions.sandbox.outcome import Owner
from submissions.services import leases
from submissions.services.hints import REFRESH, RUN, hint_after_commit

PLATFORM_FAULTS = 3
"""So often a step is tried that fails by no fault of the algorithm."""
RETRY_SECONDS = 5

State = Submission.State
LIVE = (State.RECEIVED, State.CHECKING, State.QUEUED, State.RUNNING, State.SCORING)
_LIVE_RUNS = (
    Run.State.WAITING,
    Run.State.QUEUED,
    Run.State.RUNNING,
    Run.State.COLLECTED,
    Run.State.SCORING,
)


@transaction.atomic
def cancel(*, submission: Submission) -> bool:
    """Stop everything; a running container notices with its next heartbeat, within a second.

    False when the submission had already ended.
    """
    changed = Submission.objects.filter(pk=submission.pk, state__in=LIVE).update(
        state=State.CANCELLED, ended_at=timezone.now(), leased_by="", lease_until=None
    )
    if changed:
        _cancel_runs(submission)
    return bool(changed)


@transaction.atomic
def fail(
    *, submission: Submission, stage: str, code: str, text: str, owner: Owner, state: str = "failed"
) -> bool:
    """End ``submission`` with a reason; False when it had already ended."""
    changed = Submission.objects.filter(pk=submission.pk, state__in=LIVE).update(
        state=state,
        reason_stage=stage,
        reason_code=code,
        reason_text=text,
        reason_owner=owner.value,
        ended_at=timezone.now(),
        leased_by="",
        lease_until=None,
    )
    if changed:
        _cancel_runs(submission)
    return bool(changed)


@transaction.atomic
def try_again_or_fail(
    *,
    row: Submission | Run,
    source: str,
    target: str,
    stage: str,
    code: str,
    text: str,
    **fields: Any,  # noqa: ANN401
) -> bool:
    """Put ``row`` back after a fault of the platform; the PLATFORM_FAULTS-th ends its submission.

    fields are set with it. True when it is to be tried again; False when it was too often, or when
    the row is no longer ours.
    """
    ours = leases.leave(
        row, source=source, target=target, platform_faults=F("platform_faults") + 1, **fields
    )
    if not ours:
        return False
    if row.platform_faults < PLATFORM_FAULTS:
        return True
    submission = row.submission if isinstance(row, Run) else row
    fail(submission=submission, stage=stage, code=code, text=text, owner=Owner.PLATFORM)
    return False


def _cancel_runs(submission: Submission) -> None:
    submission.runs.filter(state__in=_LIVE_RUNS).update(
        state=Run.State.CANCELLED, leased_by="", lease_until=None
    )


@transaction.atomic
def conclude_canary(*, canary: Run) -> None:
    """The first case has run: queue all others, or end the submission with its failure.

    Only the canary's failure ends a submission; another case's counts as the worst value.
    """
    submission = canary.submission
    if canary.reason_code:
        fail(
            submission=submission,
            stage="first case",
            code=canary.reason_code,
            text=canary.reason_text,
            owner=Owner.PARTICIPANT,
        )
        return
    released = submission.runs.filter(state=Run.State.WAITING).update(state=Run.State.QUEUED)
    for _ in range(released):
        hint_after_commit(RUN)


@transaction.atomic
def advance(*, submission: Submission) -> None:
    """Move ``submission`` on to what its runs say; called after each step and by reconcile."""
    states = list(submission.runs.values_list("state", flat=True))
    if not states:
        return
    now = timezone.now()
    if any(state not in (Run.State.WAITING, Run.State.QUEUED) for state in states):
        _move(submission, [State.QUEUED], State.RUNNING, started_at=now)
    if all(state in Run.EXECUTED for state in states):
        _move(submission, [State.RUNNING], State.SCORING)
    if all(state == Run.State.DONE for state in states) and _move(
        submission, [State.SCORING], State.SCORED, ended_at=now
    ):
        hint_after_commit(REFRESH, submission.phase_id)


def _move(submission: Submission, source: Iterable[str], target: str, **fields: object) -> bool:
    return bool(
        Submission.objects.filter(pk=submission.pk, state__in=source).update(state=target, **fields)
    )
