"""What a Prometheus server scrapes: read from the database at each scrape, kept nowhere else."""

from collections.abc import Iterator

from django.db.models import Count, Sum
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from accounts.selectors import mail_counts
from submissions.models import Attempt, Host, Run, Worker
from submissions.selectors.operations import failures, leases, queues, states

CONTENT_TYPE = CONTENT_TYPE_LATEST


def exposition() -> bytes:
    """Every metric in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_FromTheDatabase())
    return generate_latest(registry)


class _FromTheDatabase(Collector):
    def collect(self) -> Iterator[Metric]:
        yield from _submissions_and_runs()
        yield from _queues()
        yield from _presence()
        yield from _ends()
        yield _mails()


def _submissions_and_runs() -> Iterator[Metric]:
    submissions = GaugeMetricFamily("uptake_submissions", "Submissions by state.", labels=["state"])
    for state, count in states():
        submissions.add_metric([state], count)
    yield submissions
    runs = GaugeMetricFamily("uptake_runs", "Runs by state.", labels=["state"])
    counts = dict(Run.objects.order_by().values_list("state").annotate(Count("pk")))
    for one in Run.State:
        runs.add_metric([one.value], counts.get(one.value, 0))
    yield runs


def _queues() -> Iterator[Metric]:
    now = timezone.now()
    waiting = GaugeMetricFamily(
        "uptake_queue_waiting", "What a worker could take.", labels=["queue"]
    )
    oldest = GaugeMetricFamily(
        "uptake_queue_oldest_seconds", "Since the oldest of it was received.", labels=["queue"]
    )
    processes = GaugeMetricFamily(
        "uptake_worker_processes", "Of workers heard of within a minute.", labels=["queue"]
    )
    for queue in queues():
        waiting.add_metric([queue.name], queue.waiting)
        age = (now - queue.oldest).total_seconds() if queue.oldest else 0.0
        oldest.add_metric([queue.name], age)
        processes.add_metric([queue.name], queue.processes)
    yield from (waiting, oldest, processes)


def _presence() -> Iterator[Metric]:
    now = timezone.now()
    held = leases()
    yield GaugeMetricFamily("uptake_leases", "Rows that a worker works on.", value=len(held))
    silent = GaugeMetricFamily(
        "uptake_leases_silent", "Of them without a heartbeat for a minute.",
        value=sum(one.silent for one in held),
    )  # fmt: skip
    yield silent
    hosts = GaugeMetricFamily(
        "uptake_host_silence_seconds",
        "Since a host last told of itself.",
        labels=["host", "engine"],
    )
    draining = GaugeMetricFamily(
        "uptake_host_draining",
        "1: it finishes what it does, and takes nothing new.",
        labels=["host"],
    )
    for host in Host.objects.order_by("name"):
        hosts.add_metric([host.name, host.engine], (now - host.seen_at).total_seconds())
        draining.add_metric([host.name], float(host.draining_since is not None))
    workers = GaugeMetricFamily(
        "uptake_worker_silence_seconds", "Since a worker last told of itself.",
        labels=["worker", "queue"],
    )  # fmt: skip
    for worker in Worker.objects.order_by("name"):
        silence = (now - worker.seen_at).total_seconds()
        workers.add_metric([worker.name, worker.queue], silence)
    yield from (hosts, draining, workers)


def _ends() -> Iterator[Metric]:
    ended = Attempt.objects.exclude(ended_at=None).aggregate(
        count=Count("pk"), seconds=Sum("seconds")
    )
    yield CounterMetricFamily("uptake_attempts", "Tries at a run that ended.", value=ended["count"])
    yield CounterMetricFamily(
        "uptake_container_seconds", "Wall time of containers.", value=ended["seconds"] or 0.0
    )
    failed = CounterMetricFamily(
        "uptake_failures",
        "Attempts, checks and scores that ended with a reason.",
        labels=["code", "owner", "stage"],
    )
    for one in failures():
        failed.add_metric([one.code, one.owner, one.stage], one.count)
    yield failed


def _mails() -> Metric:
    mails = GaugeMetricFamily("uptake_mails", "Mails that have not left.", labels=["state"])
    for state, count in mail_counts().items():
        mails.add_metric([state], count)
    return mails
