"""What an operator reads: the queue, the hosts and workers, who works on what, what failed."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Max, Min, QuerySet, Sum, Value
from django.utils import timezone

from accounts.selectors import Mails, mails
from challenges.models import DataImport, Rehearsal
from submissions.models import Attempt, Host, Run, Submission, Worker
from submissions.reasons import meaning
from submissions.services import lifecycle

SILENT_AFTER = timedelta(seconds=60)
"""Who has not been heard of for so long is told to be silent."""
FAILURES_OF = timedelta(hours=24)
CHECK = "image check"
_WITHOUT_ATTEMPTS = (CHECK, "scoring")


@dataclass(frozen=True)
class Queue:
    """waiting: rows that a worker could take; processes: of the workers that were heard of."""

    name: str
    what: str
    waiting: int
    oldest: datetime | None
    working: int
    processes: int


@dataclass(frozen=True)
class HostState:
    """heard: when it last told of itself. in_hand: leases that its workers hold."""

    name: str
    engine: str
    heard: datetime
    silent: bool
    draining_since: datetime | None
    in_hand: int


@dataclass(frozen=True)
class WorkerState:
    """A worker's main process; heard: when it last told of itself."""

    name: str
    queue: str
    processes: int
    heard: datetime
    silent: bool


@dataclass(frozen=True)
class Lease:
    what: str
    submission: str
    case: str
    held_by: str
    beat: datetime | None
    silent: bool
    attempt: int


@dataclass(frozen=True)
class FailureCount:
    """Of attempts, checks and scores that ended with a reason."""

    code: str
    title: str
    owner: str
    stage: str
    count: int
    last: datetime


@dataclass(frozen=True)
class Operations:
    queues: tuple[Queue, ...]
    hosts: tuple[HostState, ...]
    workers: tuple[WorkerState, ...]
    leases: tuple[Lease, ...]
    failures: tuple[FailureCount, ...]
    states: tuple[tuple[str, int], ...]
    mails: Mails


def operations() -> Operations:
    """For operators only: the caller has asked ``policies.may_operate``."""
    held = leases()
    return Operations(
        queues=queues(),
        hosts=_hosts(held),
        workers=_workers(),
        leases=held,
        failures=failures(since=timezone.now() - FAILURES_OF),
        states=states(),
        mails=mails(),
    )


def queues() -> tuple[Queue, ...]:
    runs = Run.objects.filter(submission__state__in=lifecycle.LIVE)
    received = Submission.objects.filter(state=Submission.State.RECEIVED)
    queued = runs.filter(state=Run.State.QUEUED)
    collected = runs.filter(state=Run.State.COLLECTED)
    counts = {
        "default": (received, "received_at", _count(Submission, Submission.State.CHECKING)),
        "sandbox": (queued, "submission__received_at", _count(Run, Run.State.RUNNING)),
        "scoring": (collected, "submission__received_at", _count(Run, Run.State.SCORING)),
        "data": (
            DataImport.objects.filter(state__in=DataImport.WAITING),
            "created_at",
            DataImport.objects.filter(state__in=DataImport.WORKING).count()
            + Rehearsal.objects.filter(state=Rehearsal.State.RUNNING).count(),
        ),
    }
    words = {
        "default": "image checks",
        "sandbox": "runs",
        "scoring": "scores",
        "data": "imports and rehearsals",
    }
    alive = Worker.objects.filter(seen_at__gt=timezone.now() - SILENT_AFTER)
    processes = dict(alive.values_list("queue").annotate(Sum("processes")))
    found = []
    for name, (waiting, since, working) in counts.items():
        told = waiting.aggregate(count=Count("pk"), oldest=Min(since))
        found.append(
            Queue(name, words[name], told["count"], told["oldest"], working, processes.get(name, 0))
        )
    return tuple(found)


def leases() -> tuple[Lease, ...]:
    now = timezone.now()
    checks = Submission.objects.filter(state=Submission.State.CHECKING)
    runs = Run.objects.filter(state__in=(Run.State.RUNNING, Run.State.SCORING))
    found = [
        Lease(
            what="image check",
            submission=one.public_id,
            case="",
            held_by=one.leased_by,
            beat=one.beat_at,
            silent=_is_silent(one.beat_at, now),
            attempt=one.fence,
        )
        for one in checks.order_by("pk")
    ]
    for run in runs.select_related("submission", "case").order_by("pk"):
        found.append(
            Lease(
                what="run" if run.state == Run.State.RUNNING else "scoring",
                submission=run.submission.public_id,
                case=run.case.name,
                held_by=run.leased_by,
                beat=run.beat_at,
                silent=_is_silent(run.beat_at, now),
                attempt=run.fence,
            )
        )
    return tuple(found)


def failures(since: datetime | None = None) -> tuple[FailureCount, ...]:
    """By code, owner and stage, the platform's own first; ``since``: None for all there ever were.

    Of runs each attempt counts. A check or a score has none: it counts when its submission ends.
    """
    attempts = Attempt.objects.exclude(reason_code="").exclude(ended_at=None)
    ended = Submission.objects.filter(reason_stage__in=_WITHOUT_ATTEMPTS).exclude(ended_at=None)
    if since is not None:
        attempts, ended = attempts.filter(ended_at__gt=since), ended.filter(ended_at__gt=since)
    groups = [
        *_grouped(attempts.annotate(stage=Value("run"))),
        *_grouped(ended.annotate(stage=F("reason_stage"))),
    ]
    found = [
        FailureCount(code, meaning(code, of_image=stage == CHECK).title, owner, stage, count, last)
        for code, owner, stage, count, last in groups
    ]
    return tuple(sorted(found, key=lambda one: (one.owner != "platform", -one.count, one.code)))


def _grouped(rows: QuerySet[Any]) -> Iterable[tuple[str, str, str, int, datetime]]:
    named = rows.order_by().values_list("reason_code", "reason_owner", "stage")
    found: QuerySet[Any, tuple[str, str, str, int, datetime]] = named.annotate(
        Count("pk"), Max("ended_at")
    )
    return found


def states() -> tuple[tuple[str, int], ...]:
    """How many submissions are in each state."""
    counts = dict(Submission.objects.order_by().values_list("state").annotate(Count("pk")))
    return tuple((state.value, counts.get(state.value, 0)) for state in Submission.State)


def _count(model: type[Run] | type[Submission], state: str) -> int:
    return model._default_manager.filter(state=state).count()


def _hosts(held: tuple[Lease, ...]) -> tuple[HostState, ...]:
    now = timezone.now()
    in_hand = Counter(lease.held_by.partition(":")[0] for lease in held)
    return tuple(
        HostState(
            name=host.name,
            engine=_engine_words(host),
            heard=host.seen_at,
            silent=_is_silent(host.seen_at, now),
            draining_since=host.draining_since,
            in_hand=in_hand[host.name],
        )
        for host in Host.objects.order_by("name")
    )


def _engine_words(host: Host) -> str:
    if not host.engine:
        return "no Docker engine"
    gvisor = "with gVisor" if "runsc" in host.runtimes else "without gVisor"
    return f"Docker {host.engine}, {gvisor}"


def _workers() -> tuple[WorkerState, ...]:
    now = timezone.now()
    return tuple(
        WorkerState(
            name=worker.name,
            queue=worker.queue,
            processes=worker.processes,
            heard=worker.seen_at,
            silent=_is_silent(worker.seen_at, now),
        )
        for worker in Worker.objects.order_by("queue", "name")
    )


def _is_silent(moment: datetime | None, now: datetime) -> bool:
    return moment is None or now - moment > SILENT_AFTER
