"""Reads of what is answered. Each takes the viewer, and leaves out what that one may not see."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Prefetch, Q, QuerySet
from django.utils import timezone

from challenges.models import Challenge, Phase
from challenges.policies import Viewer, may_organise
from challenges.selectors import definition_of
from evaluation.aggregate import Summary, summarise
from evaluation.metrics import Metric
from evaluation.readers import average_over_readers
from submissions import reasons
from submissions.models import Attempt, CaseResult, Host, Run, Submission
from submissions.policies import may_cancel, may_see_case_scores, may_see_submission
from submissions.sandbox.process import SANDBOX_NONE

_SEEN_SECONDS = 120
_LOG_SHOWN = 8 * 1024

STEPS = ("received", "checking", "queued", "running", "scoring", "scored")


@dataclass(frozen=True)
class Progress:
    """executed and scored count runs; step is the index in STEPS, or None after another end."""

    total: int
    executed: int
    scored: int
    failed: int
    step: int | None


@dataclass(frozen=True)
class Reason:
    title: str
    text: str
    stage: str = ""
    owner: str = ""


@dataclass(frozen=True)
class CaseRow:
    """One run, as this viewer may see it; values are in the order of the report's columns."""

    number: int
    case: str
    state: str
    reason: Reason | None
    values: tuple[float | None, ...]
    reference_ml: float | None
    prediction_ml: float | None
    seconds: float | None
    memory_mib: float | None
    attempts: int
    log: str


@dataclass(frozen=True)
class Report:
    """A submission's page. columns are (metric, label); detailed is false for hidden cases."""

    submission: Submission
    progress: Progress
    reason: Reason | None
    detailed: bool
    may_cancel: bool
    sandboxed: bool
    waits_for_engine: bool
    ahead: int
    columns: tuple[tuple[Metric, str], ...]
    several_labels: bool
    summaries: tuple[Summary, ...]
    rows: tuple[CaseRow, ...]


def submissions_of(viewer: Viewer) -> QuerySet[Submission]:
    """The viewer's own, newest first."""
    if not viewer.is_authenticated:
        return Submission.objects.none()
    return _for_list(Submission.objects.filter(submitted_by=viewer.pk))


def submissions_to(viewer: Viewer, challenge: Challenge) -> QuerySet[Submission]:
    """Every submission of the challenge, for its organisers; for others none."""
    if not may_organise(viewer, challenge):
        return Submission.objects.none()
    return _for_list(Submission.objects.filter(phase__challenge=challenge))


def in_flight(phase: Phase) -> QuerySet[Submission]:
    return (
        _for_list(Submission.objects.filter(phase=phase))
        .exclude(state__in=Submission.ENDS)
        .order_by("received_at", "pk")
    )


def _for_list(submissions: QuerySet[Submission]) -> QuerySet[Submission]:
    return (
        submissions.select_related("version__algorithm", "phase__challenge", "submitted_by")
        .annotate(
            total_runs=Count("runs"),
            executed_runs=Count("runs", filter=Q(runs__state__in=Run.EXECUTED)),
        )
        .order_by("-received_at", "-pk")
    )  # an annotation drops the model's own order


def find_submission(viewer: Viewer, public_id: str) -> Submission | None:
    """None both where there is none and where the viewer may not know of it."""
    submission = (
        Submission.objects.select_related(
            "version__algorithm", "version__image", "version__upload", "phase__challenge"
        )
        .filter(public_id=public_id)
        .first()
    )
    if submission is None or not may_see_submission(viewer, submission):
        return None
    return submission


def report(viewer: Viewer, submission: Submission) -> Report:
    detailed = may_see_case_scores(viewer, submission)
    spec = definition_of(submission.phase.challenge).evaluation
    columns = tuple((metric, label) for metric in spec.shown for label in spec.labels)
    runs = list(
        submission.runs.select_related("case").prefetch_related(
            Prefetch("attempts", Attempt.objects.order_by("fence")),
            Prefetch("results", CaseResult.objects.order_by("-edition", "target")),
        )
    )
    rows = tuple(_row(number, run, columns, detailed) for number, run in enumerate(runs, start=1))
    values = zip(*(row.values for row in rows), strict=True) if rows else ()
    attempts = [attempt for run in runs for attempt in run.attempts.all()]
    return Report(
        submission=submission,
        progress=progress_of(submission, runs),
        reason=_reason_of(submission, detailed),
        detailed=detailed,
        may_cancel=may_cancel(viewer, submission),
        sandboxed=all(attempt.sandbox != SANDBOX_NONE for attempt in attempts),
        waits_for_engine=bool(
            submission.state == Submission.State.QUEUED
            and submission.version.image
            and not _an_engine_is_there()
        ),
        ahead=_ahead(submission),
        columns=columns,
        several_labels=len(spec.labels) > 1,
        summaries=tuple(summarise(column) for column in values) if detailed else (),
        rows=rows,
    )


def progress_of(submission: Submission, runs: list[Run]) -> Progress:
    return Progress(
        total=len(runs),
        executed=sum(run.state in Run.EXECUTED for run in runs),
        scored=sum(run.state == Run.State.DONE for run in runs),
        failed=sum(bool(run.reason_code) for run in runs),
        step=STEPS.index(submission.state) if submission.state in STEPS else None,
    )


def _an_engine_is_there() -> bool:
    """Whether any host has lately told of one."""
    since = timezone.now() - timedelta(seconds=_SEEN_SECONDS)
    return Host.objects.filter(seen_at__gt=since).exclude(engine="").exists()


def _ahead(submission: Submission) -> int:
    """Submissions received earlier that have not ended."""
    if submission.has_ended:
        return 0
    earlier = Submission.objects.filter(received_at__lt=submission.received_at)
    return earlier.exclude(state__in=Submission.ENDS).count()


def _row(number: int, run: Run, columns: tuple[tuple[Metric, str], ...], detailed: bool) -> CaseRow:
    results, attempts = list(run.results.all()), list(run.attempts.all())
    newest = [one for one in results if one.edition_id == results[0].edition_id] if detailed else []
    last = attempts[-1] if attempts else None
    return CaseRow(
        number=number,
        case=run.case.name if detailed else f"case {number}",
        state=Run.State(run.state).label,
        reason=_case_reason(run, detailed),
        values=tuple(
            average_over_readers([one.metrics[metric.id][label]["value"] for one in newest])
            for metric, label in columns
        ),
        reference_ml=average_over_readers([_total(one.reference_ml) for one in newest]),
        prediction_ml=average_over_readers([_total(one.prediction_ml) for one in newest]),
        seconds=_seconds(last, detailed),
        memory_mib=_memory_mib(last, detailed),
        attempts=len(attempts),
        log=last.log[-_LOG_SHOWN:] if last and detailed else "",
    )


def _total(volumes: dict[str, float | None]) -> float | None:
    known = [volume for volume in volumes.values() if volume is not None]
    return sum(known) if known else None


def _case_reason(run: Run, detailed: bool) -> Reason | None:
    if not run.reason_code:
        return None
    text = run.reason_text if detailed else reasons.generic(run.reason_code)
    return Reason(reasons.title(run.reason_code), text)


def _reason_of(submission: Submission, detailed: bool) -> Reason | None:
    """A refusal of the upload shows nothing of a case, so its full text is always shown."""
    if not submission.reason_code:
        return None
    code = submission.reason_code
    in_full = detailed or submission.state == Submission.State.REJECTED
    return Reason(
        title=reasons.title(code),
        text=submission.reason_text if in_full else reasons.generic(code),
        stage=submission.reason_stage,
        owner=submission.reason_owner,
    )


def _seconds(attempt: Attempt | None, detailed: bool) -> float | None:
    """Hidden cases: whole seconds, since each digit could carry data out."""
    if attempt is None or attempt.seconds is None:
        return None
    return attempt.seconds if detailed else float(round(attempt.seconds))


def _memory_mib(attempt: Attempt | None, detailed: bool) -> float | None:
    """Hidden cases: to one digit, since each could carry data out."""
    if attempt is None or attempt.peak_memory_bytes is None:
        return None
    mib = attempt.peak_memory_bytes / 1024**2
    return mib if detailed else float(f"{mib:.1g}")
