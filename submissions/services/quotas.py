"""Who may submit how often, and whose turn it is to run."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from accounts.models import User
from challenges.models import Phase, Team, TeamMember
from challenges.services.locks import lock_person, lock_team
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
    """What one person or team may submit to a phase within any so many days, and has.

    team: the name of the one whose quota it is; empty for a person alone.
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
    team: str = ""

    @property
    def is_limited(self) -> bool:
        return self.submissions.limit is not None or self.attempts.limit is not None


def team_for(*, phase: Phase, user: User) -> Team | None:
    """The one that ``user`` submits for now; None for a person alone."""
    return Team.objects.filter(challenge=phase.challenge_id, members__user=user).first()


def allowance_of(*, phase: Phase, user: User) -> Allowance:
    """Baselines, re-runs, and ends by no fault of the submitter count as nothing.

    Of a team counts what was submitted for it, and what its present members submitted otherwise: so
    nobody renews a quota by joining. Of a person alone counts all, also for teams left since.
    """
    period = timedelta(days=phase.quota_days)
    team = team_for(phase=phase, user=user)
    whose = Q(submitted_by=user)
    if team is not None:
        members = TeamMember.objects.filter(team=team).values("user")
        whose = Q(team=team) | Q(submitted_by__in=members)
    own = Submission.objects.filter(whose, phase=phase, is_baseline=False)
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
        team=team.name if team else "",
    )


def require_room(*, phase: Phase, user: User) -> Team | None:
    """Within the transaction that makes a submission; returns the team that it is made for.

    Raises QuotaUsedUp.
    """
    # Until the transaction ends nobody of the team submits, and this person joins or leaves none.
    lock_person(user)
    team = team_for(phase=phase, user=user)
    if team is not None:
        lock_team(team)
    allowance = allowance_of(phase=phase, user=user)
    if allowance.next_at is None:
        return team
    used = [
        f"{share.used} of {share.limit} {what}"
        for share, what in (
            (allowance.submissions, "submissions"),
            (allowance.attempts, "attempts"),
        )
        if share.is_used_up
    ]
    whose = f"The team’s ({allowance.team})" if allowance.team else "Your"
    raise QuotaUsedUp(
        f"{whose} quota is used up: {' and '.join(used)} within {allowance.days} "
        f"day{'' if allowance.days == 1 else 's'}. The next becomes possible at "
        f"{allowance.next_at:%Y-%m-%d %H:%M} UTC."
    )


def waiting_for_their_turn() -> QuerySet[Submission]:
    """Those of which so many earlier ones are under way in the phase as may be at once: of the same
    submitter, and for a team's also of it and of its present members."""
    under_way = Submission.objects.filter(state__in=_UNDER_WAY, is_baseline=False)
    earlier = (
        under_way.filter(
            Q(submitted_by=OuterRef("submitted_by"))
            | Q(team=OuterRef("team"))
            | Q(submitted_by__teams__team=OuterRef("team")),
            phase=OuterRef("phase"),
            pk__lt=OuterRef("pk"),
        )
        .order_by()
        .values("phase")
        .annotate(number=Count("pk", distinct=True))  # a person may be in teams of many challenges
        .values("number")
    )
    return under_way.annotate(earlier=Subquery(earlier)).filter(
        earlier__gte=F("phase__quota_at_once")
    )


def _up_to_the_minute(moment: datetime) -> datetime:
    whole = moment.replace(second=0, microsecond=0)
    return whole if whole == moment else whole + _MINUTE
