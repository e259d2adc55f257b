"""How long a submission is likely to take yet: from how long cases took before, or not at all."""

from dataclasses import dataclass
from datetime import timedelta
from statistics import quantiles

from django.db.models import Count, Q
from django.utils import timezone

from challenges.selectors import cases_of
from submissions.models import Attempt, Run, Submission, Worker
from submissions.services.lifecycle import LIVE

_HEARD = timedelta(seconds=120)
_LATEST = 200
# Two processes of a worker make one slot: one stages while the other runs.
_PROCESSES_A_SLOT = 2


@dataclass(frozen=True)
class Estimate:
    """Until the last case has run. low and high: were each case as quick as the quickest quarter of
    those before it, or as slow as the slowest. basis: whose cases: "its own", "the algorithm's" or
    "the phase's".
    """

    low_seconds: float
    high_seconds: float
    basis: str


@dataclass(frozen=True)
class _Pace:
    low: float
    high: float
    basis: str


def estimate(submission: Submission) -> Estimate | None:
    """None where it has ended, nothing runs, or nothing is known of it or of what is before it."""
    places = _places(submission)
    if submission.state not in LIVE or not places:
        return None
    before = Q(received_at__lt=submission.received_at, state__in=LIVE)
    waiting = (
        Submission.objects.filter(before | Q(pk=submission.pk))
        .select_related("version", "phase__dataset")
        .annotate(
            laid_out=Count("runs"),
            executed=Count("runs", filter=Q(runs__state__in=Run.EXECUTED)),
        )
    )
    low = high = 0.0
    basis = ""
    for one in waiting:
        pace = _pace(one)
        if pace is None:
            return None
        cases = one.laid_out or _cases(one)
        low += pace.low * (cases - one.executed)
        high += pace.high * (cases - one.executed)
        if one.pk == submission.pk:
            basis = pace.basis
    return Estimate(low / places, high / places, basis)


def _cases(submission: Submission) -> int:
    return cases_of(submission.phase).count()


def _pace(submission: Submission) -> _Pace | None:
    """Seconds a case, of what is nearest to this submission and has run."""
    ended = Attempt.objects.filter(seconds__isnull=False).order_by("-pk")
    same_phase = Q(run__submission__phase=submission.phase)
    for basis, which in (
        ("its own", Q(run__submission=submission)),
        (
            "the algorithm's",
            same_phase & Q(run__submission__version__algorithm=submission.version.algorithm_id),
        ),
        ("the phase's", same_phase),
    ):
        latest = ended.filter(which).values_list("seconds", flat=True)[:_LATEST]
        seconds = [one for one in latest if one is not None]
        if len(seconds) > 1:
            quarters = quantiles(seconds, n=4, method="inclusive")
            return _Pace(quarters[0], quarters[2], basis)
        if seconds:
            return _Pace(seconds[0], seconds[0], basis)
    return None


def _places(submission: Submission) -> int:
    """Cases of its phase that can run at once on the hosts that were heard of and take work."""
    heard = Worker.objects.filter(queue="sandbox", seen_at__gt=timezone.now() - _HEARD)
    processes = heard.values_list("processes", flat=True)
    cpus = submission.phase.cpus
    return sum(max(1, number // _PROCESSES_A_SLOT // cpus) for number in processes)
