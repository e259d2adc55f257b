"""Who may submit how often, and whose turn it is to run."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from accounts.models import User
from challenges.models import Phase
from submissions.models import Submission
from submissions.sandbox.outcome import Owner
from submissions.services.lifecycle import LIVE

_UNDER_WAY = (Submission.State.QUEUED, Submission.State.RUNNING)
_NOT_THEIR_FAULT = (Owner.PLATFORM.value, Owner.ORGANISER.value)
_MINUTE = timedelta(minutes=1)


class QuotaUsedUp(Exception):
    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class Share:
    """So much of a limit is used; a limit of None is none."""

    used: int
    limit: int | None

    @property
    def left(self) -> int | None:
        return None if self.limit is None else max(0, self.limit - self.used)

    @property
    def is_used_up(self) -> bool:
        return self.left == 0


@dataclass(frozen=True)
class Allowance:
    """What one person may submit to a phase within any so many days, and has.

    submissions: scored, or on their way to a score; attempts: of any end. next_at: when enough of
    what counts will have left the period, to the next full minute; None: at once. under_way: those
    that have not ended, of which at_once run at the same time.
    """

    submissions: Share
    attempts: Share
    days: int
    at_once: int | None
    under_way: int
    next_at: datetime | None

    @property
    def is_limited(self) -> bool:
        return self.submissions.limit is not None or self.attempts.limit is not None


def allowance_of(*, phase: Phase, user: User) -> Allowance:
    """Baselines, re-runs, and ends by no fault of the submitter count as nothing."""
    period = timedelta(days=phase.quota_days)
    own = Submission.objects.filter(phase=phase, submitted_by=user, is_baseline=False)
    counted = (
        own.filter(rerun_of=None, received_at__gt=timezone.now() - period)
        .exclude(reason_owner__in=_NOT_THEIR_FAULT)
        .order_by("received_at")
        .values_list("received_at", "state")
    )
    attempts = [received for received, _ in counted]
    submissions = [
        received for received, state in counted if state in (*LIVE, Submission.State.SCORED)
    ]
    waits = [
        received[len(received) - limit] + period
        for received, limit in (
            (submissions, phase.quota_submissions),
            (attempts, phase.quota_attempts),
        )
        if limit is not None and len(received) >= limit
    ]
    return Allowance(
        submissions=Share(len(submissions), phase.quota_submissions),
        attempts=Share(len(attempts), phase.quota_attempts),
        days=phase.quota_days,
        at_once=phase.quota_at_once,
        under_way=own.filter(state__in=LIVE).count(),
        next_at=_up_to_the_minute(max(waits)) if waits else None,
    )


def require_room(*, phase: Phase, user: User) -> None:
    """Within the transaction that makes a submission; raises QuotaUsedUp."""
    # Changes nothing, and locks the row: of two uploads at once the later counts the earlier.
    User.objects.filter(pk=user.pk).update(is_active=F("is_active"))
    allowance = allowance_of(phase=phase, user=user)
    if allowance.next_at is None:
        return
    used = [
        f"{share.used} of {share.limit} {what}"
        for share, what in (
            (allowance.submissions, "submissions"),
            (allowance.attempts, "attempts"),
        )
        if share.is_used_up
    ]
    raise QuotaUsedUp(
        f"Your quota is used up: {' and '.join(used)} within {allowance.days} "
        f"day{'' if allowance.days == 1 else 's'}. The next becomes possible at "
        f"{allowance.next_at:%Y-%m-%d %H:%M} UTC."
    )


def waiting_for_their_turn() -> QuerySet[Submission]:
    """Those whose submitter has as many earlier ones under way in the phase as may be at once."""
    under_way = Submission.objects.filter(state__in=_UNDER_WAY, is_baseline=False)
    earlier = (
        under_way.filter(
            submitted_by=OuterRef("submitted_by"), phase=OuterRef("phase"), pk__lt=OuterRef("pk")
        )
        .order_by()
        .values("phase")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return under_way.annotate(earlier=Subquery(earlier)).filter(
        earlier__gte=F("phase__quota_at_once")
    )


def _up_to_the_minute(moment: datetime) -> datetime:
    whole = moment.replace(second=0, microsecond=0)
    return whole if whole == moment else whole + _MINUTE
