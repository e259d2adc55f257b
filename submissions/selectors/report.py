"""A submission's page."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Prefetch
from django.utils import timezone

from challenges.definition import ChallengeDefinition
from challenges.models import Phase
from challenges.policies import Viewer
from challenges.selectors import definition_of, shown_edition
from challenges.visibility import sight_of
from evaluation.aggregate import Summary
from evaluation.spec import EvaluationSpec
from submissions.judging.hints import Hint, hints_of
from submissions.judging.scores import Columns, columns_of
from submissions.models import Attempt, CaseResult, Host, Prediction, Run, Submission
from submissions.policies import (
    may_cancel,
    may_release_logs,
    may_rerun,
    may_see_case_scores,
    may_see_logs,
)
from submissions.reasons import Reason, reason_of
from submissions.sandbox.process import SANDBOX_NONE
from submissions.selectors.cards import CardBrief, card_brief, missing_fields
from submissions.selectors.cases import CaseRow, row_of
from submissions.selectors.estimating import Estimate, estimate
from submissions.selectors.feedback import as_told, summarise_told, verdict_on
from submissions.selectors.standing import Standing, standing_of
from submissions.services import quotas, rerunning
from submissions.services.checking import stored_config

_SEEN_SECONDS = 120
_GVISOR = "runsc"

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
class Report:
    """A submission's page. columns are (metric, label).

    detailed is false for hidden cases, logs while those are withheld. cannot_rerun: why an
    organiser is not offered to. rerun: the attempt after this one. waits_for: "earlier" (of the
    same person), "engine" or "gvisor", where it waits for more than a free place. hints: what the
    phase lacks that the image seems to expect. card_lacks: titles of what the challenge asks for
    before the entry stands on its leaderboard. standing: None where nobody chooses what stands.
    notes: what of the scores is not shown; verdict: in place of them, whether it is better than the
    best before it.
    """

    submission: Submission
    progress: Progress
    reason: Reason | None
    detailed: bool
    logs: bool
    may_cancel: bool
    may_rerun: bool
    cannot_rerun: str
    may_release_logs: bool
    rerun: Submission | None
    sandboxed: bool
    waits_for: str
    ahead: int
    estimate: Estimate | None
    hints: tuple[Hint, ...]
    card: CardBrief
    card_lacks: tuple[str, ...]
    standing: Standing | None
    columns: Columns
    several_labels: bool
    summaries: tuple[Summary, ...]
    notes: tuple[str, ...]
    verdict: str
    rows: tuple[CaseRow, ...]

    @property
    def column_keys(self) -> tuple[str, ...]:
        """A name for each column: the metric's id, with the label where there are several."""
        return tuple(
            f"{metric.id}.{label}" if self.several_labels else metric.id
            for metric, label in self.columns
        )

    @property
    def sampled(self) -> bool:
        return any(row.sampled for row in self.rows)


def report(viewer: Viewer, submission: Submission) -> Report:
    """As scored in the edition that the leaderboard shows: a case that was excluded since has no
    values in it."""
    sight = sight_of(viewer, submission.phase)
    detailed = sight.shows_scores and may_see_case_scores(viewer, submission)
    logs = may_see_logs(viewer, submission)
    edition = shown_edition(submission.phase)
    definition = definition_of(submission.phase.challenge)
    spec = EvaluationSpec.model_validate(edition.specification)
    columns = tuple(
        (metric, label) for metric, label in columns_of(spec) if sight.shows(metric.id, label)
    )
    runs = list(
        submission.runs.select_related("case").prefetch_related(
            Prefetch("attempts", Attempt.objects.order_by("fence")),
            Prefetch("results", CaseResult.objects.filter(edition=edition).order_by("target")),
            Prefetch("prediction", Prediction.objects.defer("sketch")),
        )
    )
    rows = tuple(
        as_told(row_of(number, run, columns, detailed=detailed, logs=logs), sight)
        for number, run in enumerate(runs, start=1)
    )
    values = zip(*(row.values for row in rows), strict=True) if rows else ()
    attempts = [attempt for run in runs for attempt in run.attempts.all()]
    rerun = Submission.objects.filter(rerun_of=submission).first()
    offers_rerun = may_rerun(viewer, submission) and submission.has_ended and rerun is None
    cannot_rerun = rerunning.why_it_cannot_be_rerun(submission) if offers_rerun else ""
    return Report(
        submission=submission,
        progress=progress_of(submission, runs),
        reason=_reason(submission, logs),
        detailed=detailed,
        logs=logs,
        may_cancel=may_cancel(viewer, submission),
        may_rerun=offers_rerun and not cannot_rerun,
        cannot_rerun=cannot_rerun,
        may_release_logs=submission.has_ended
        and any(attempt.log for attempt in attempts)
        and may_release_logs(viewer, submission),
        rerun=rerun,
        sandboxed=all(attempt.sandbox != SANDBOX_NONE for attempt in attempts),
        waits_for=_waits_for(submission),
        ahead=_ahead(submission),
        estimate=estimate(submission),
        hints=_hints(submission, definition),
        card=card_brief(viewer, submission.version),
        card_lacks=() if submission.is_baseline else missing_fields(submission.version, definition),
        standing=standing_of(viewer, submission),
        columns=columns,
        several_labels=len(spec.labels) > 1,
        summaries=tuple(summarise_told(column, sight) for column in values) if detailed else (),
        notes=sight.notes_of_scores,
        verdict="" if sight.shows_scores else verdict_on(submission, edition),
        rows=rows,
    )


def _hints(submission: Submission, definition: ChallengeDefinition) -> tuple[Hint, ...]:
    """What the phase lacks that the image seems to expect."""
    version = submission.version
    if version.image is None:
        return ()
    return hints_of(stored_config(version.image), definition, version.writable)


def progress_of(submission: Submission, runs: list[Run]) -> Progress:
    return Progress(
        total=len(runs),
        executed=sum(run.state in Run.EXECUTED for run in runs),
        scored=sum(run.state == Run.State.DONE for run in runs),
        failed=sum(bool(run.reason_code) for run in runs),
        step=STEPS.index(submission.state) if submission.state in STEPS else None,
    )


def _waits_for(submission: Submission) -> str:
    if submission.state not in (Submission.State.QUEUED, Submission.State.RUNNING):
        return ""
    if quotas.waiting_for_their_turn().filter(pk=submission.pk).exists():
        return "earlier"
    if not submission.version.image:
        return ""
    since = timezone.now() - timedelta(seconds=_SEEN_SECONDS)
    hosts = Host.objects.filter(seen_at__gt=since).exclude(engine="")
    if not hosts:
        return "engine"
    needs_gvisor = submission.phase.sandbox == Phase.Sandbox.GVISOR
    return "gvisor" if needs_gvisor and not any(_GVISOR in h.runtimes for h in hosts) else ""


def _ahead(submission: Submission) -> int:
    """Submissions received earlier that have not ended."""
    if submission.has_ended:
        return 0
    earlier = Submission.objects.filter(received_at__lt=submission.received_at)
    return earlier.exclude(state__in=Submission.ENDS).count()


def _reason(submission: Submission, logs: bool) -> Reason | None:
    """A refusal of the upload shows nothing of a case, so its full text is always shown."""
    of_image = submission.state == Submission.State.REJECTED
    return reason_of(
        submission.reason_code,
        submission.reason_text,
        owner=submission.reason_owner,
        of_image=of_image,
        stage=submission.reason_stage,
        in_full=logs or of_image,
    )
