"""A new edition: what was submitted before is scored in it too, without running anything again."""

import structlog
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from challenges import leases
from challenges.models import Edition, Phase
from challenges.selectors import current_edition, targets_of
from evaluation.isolated import IsolatedProcessFailed, IsolatedProcessStopped
from submissions.models import CaseResult, Rescore, Run
from submissions.selectors.rescoring import without_results
from submissions.services import hosts, lifecycle
from submissions.services.hints import REFRESH, SCORE, hint, hint_after_commit
from submissions.services.scoring import Score, keep, scores_of
from submissions.services.telling import tell_of_edition

log = structlog.get_logger(__name__)
State = Rescore.State


def reconcile(watch: leases.Watch) -> None:
    """Find what has no results in its phase's newest edition, and open an edition that has all.

    watch: kept from round to round.
    """
    for row in watch.silent(Rescore.objects.filter(state=State.SCORING)):
        Rescore.objects.filter(pk=row.pk, fence=row.fence, state=State.SCORING).update(
            state=State.WAITING, leased_by="", beat_at=None
        )
    for phase in Phase.objects.filter(editions__number__gt=1).distinct():
        edition = current_edition(phase)
        lacking = without_results(phase, edition)
        if lacking.exists():
            _queue(lacking, edition)
        elif edition.ready_at is None:
            _open(edition)


def rescore_next(*, worker: str) -> bool:
    """Score the first run that waits for it anew; False when there is none."""
    if hosts.takes_nothing_new(worker):
        return False
    waiting = Rescore.objects.filter(lifecycle.eligible(), state=State.WAITING).select_related(
        "run__submission__phase__challenge", "run__case", "edition"
    )
    for row in waiting[:20]:
        if leases.claim(row, source=State.WAITING, target=State.SCORING, worker=worker):
            _rescore(row)
            hint(SCORE)
            return True
    return False


def _queue(runs: QuerySet[Run], edition: Edition) -> None:
    known = Rescore.objects.filter(edition=edition, run=OuterRef("pk"))
    new = runs.filter(~Exists(known))
    Rescore.objects.bulk_create(
        (Rescore(run=run, edition=edition) for run in new.iterator()),
        ignore_conflicts=True,
        batch_size=500,
    )
    if Rescore.objects.filter(lifecycle.eligible(), state=State.WAITING).exists():
        hint(SCORE)


def _open(edition: Edition) -> None:
    with transaction.atomic():
        if Edition.objects.filter(pk=edition.pk, ready_at=None).update(ready_at=timezone.now()):
            tell_of_edition(edition=edition)
            hint_after_commit(REFRESH, edition.phase_id)
            log.info("edition.ready", phase=str(edition.phase), number=edition.number)


def _rescore(row: Rescore) -> None:
    run, edition = row.run, row.edition
    prediction = getattr(run, "prediction", None)
    heart = leases.Heart(row, state=State.SCORING)
    scores = _taken_over(run, edition)
    try:
        if not scores:
            scores, failure = scores_of(run, edition, prediction, heart.stopped)
            prediction = prediction if failure is None else None
    except IsolatedProcessStopped:
        log.info("rescore.stopped", run=run.public_id, fence=row.fence)
        return
    except (IsolatedProcessFailed, OSError) as error:
        log.error("rescore.failed", run=run.public_id, error=str(error))  # noqa: TRY400
        leases.leave(
            row,
            source=State.SCORING,
            target=State.WAITING,
            platform_faults=F("platform_faults") + 1,
            eligible_at=lifecycle.retry_at(row.platform_faults),
        )
        return
    with transaction.atomic():
        if leases.leave(row, source=State.SCORING, target=State.DONE):
            keep(run, edition, prediction, scores)


def _taken_over(run: Run, edition: Edition) -> list[Score]:
    """Results of an earlier edition by the same rules, where they are against the same targets."""
    targets = targets_of(run.submission.phase, edition.reference_version).filter(case=run.case)
    scores = []
    for target in targets:
        same = CaseResult.objects.filter(
            run=run,
            target__case=run.case,
            target__sha256=target.sha256,
            target__reader=target.reader,
            edition__specification_hash=edition.specification_hash,
            edition__scorer_version=edition.scorer_version,
        ).first()
        if same is None:
            return []
        fields = ("metrics", "counts", "scored_with", "reference_ml", "prediction_ml")
        values = {name: getattr(same, name) for name in fields}
        scores.append(Score(target, values, same.seconds))
    return scores
