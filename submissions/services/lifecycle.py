"""A submission's way from state to state: every step a conditional UPDATE, and idempotent."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from django.db import transaction
from django.db.models import F, Q, Sum
from django.utils import timezone

from accounts.models import User
from challenges import leases
from challenges.definition.limits import PhaseLimits
from submissions.judging.stopping import ends_submission, limit_reached
from submissions.models import Attempt, Run, Submission
from submissions.sandbox.outcome import Failure, Owner
from submissions.services.hints import COMPARE, REFRESH, RUN, TELL, hint_after_commit
from submissions.services.telling import tell_of_end

PLATFORM_FAULTS = 8
"""So often in turn a step is tried that fails by no fault of the algorithm: for ten minutes."""
_FIRST_DELAY_SECONDS = 5
_LONGEST_DELAY_SECONDS = 300

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
def cancel(*, submission: Submission, by: User | None = None) -> bool:
    """Stop everything; a running container notices with its next heartbeat, within a second.

    by: who is not told of it. False when the submission had already ended.
    """
    changed = Submission.objects.filter(pk=submission.pk, state__in=LIVE).update(
        state=State.CANCELLED, ended_at=timezone.now(), leased_by="", beat_at=None
    )
    if changed:
        _cancel_runs(submission)
        submission.refresh_from_db()
        tell_of_end(submission=submission, but=by)
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
        beat_at=None,
    )
    if changed:
        _cancel_runs(submission)
        hint_after_commit(TELL)
    return bool(changed)


def retry_at(faults: int) -> datetime:
    """When to try again after so many faults in turn: a full disk is not emptied in a second."""
    delay = min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2**faults)
    return timezone.now() + timedelta(seconds=delay)


def eligible() -> Q:
    """Of runs that wait: those whose time to be tried has come.

    One that lies further ahead than any delay was set before the clock was put back.
    """
    now = timezone.now()
    return Q(eligible_at__lte=now) | Q(
        eligible_at__gt=now + timedelta(seconds=_LONGEST_DELAY_SECONDS)
    )


@transaction.atomic
def try_again_or_fail(
    *,
    row: Submission | Run,
    source: str,
    target: str,
    stage: str,
    code: str,
    text: str,
) -> bool:
    """Put ``row`` back after a fault of the platform; the PLATFORM_FAULTS-th ends its submission.

    True when it is to be tried again; False when it was too often, or when the row is no longer
    ours.
    """
    fields: dict[str, Any] = {}
    if isinstance(row, Run):
        fields["eligible_at"] = retry_at(row.platform_faults)
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
        state=Run.State.CANCELLED, leased_by="", beat_at=None
    )


@transaction.atomic
def conclude_canary(*, canary: Run) -> None:
    """The first case has run: queue all others, or end the submission with its failure.

    Only the canary's failure ends a submission; another case's counts as the worst value.
    """
    submission = canary.submission
    if ends_submission(is_canary=True, code=canary.reason_code):
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
def stop_what_is_too_much(*, submission: Submission) -> bool:
    """Where a limit of the whole submission is reached, what has not run counts as worst, with that
    reason; what runs at this moment is let finish."""
    reached = _limit_reached(submission)
    if reached is None:
        return False
    not_run = submission.runs.filter(state__in=(Run.State.WAITING, Run.State.QUEUED))
    reason = {"reason_code": reached.code, "reason_text": reached.message}
    return bool(not_run.update(state=Run.State.COLLECTED, **reason))


def _limit_reached(submission: Submission) -> Failure | None:
    limits = PhaseLimits.kept(submission.phase)
    own = Attempt.objects.filter(run__submission=submission).exclude(ended_at=None)
    own = own.exclude(reason_owner=Owner.PLATFORM.value)
    used = own.aggregate(used=Sum("seconds"))["used"] or 0.0
    codes = own.order_by("-ended_at", "-pk").values_list("reason_code", flat=True)
    last = codes[: limits.failed_in_a_row or 0]
    return limit_reached(limits, seconds=used, failed_in_a_row=len(list(takewhile(bool, last))))


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
        hint_after_commit(COMPARE)
        hint_after_commit(TELL)


def _move(submission: Submission, source: Iterable[str], target: str, **fields: object) -> bool:
    return bool(
        Submission.objects.filter(pk=submission.pk, state__in=source).update(state=target, **fields)
    )
