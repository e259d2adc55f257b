"""Readers scored against each other, and entries against each reader, when nothing else waits.

First the readers, which are few; then entries, in the turn of ``submissions_in_turn``. Only in the
newest edition of a phase: what still waits in an earlier one is dropped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog
from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, QuerySet

from challenges import leases
from challenges.models import Annotation, Edition, Leased, Phase
from challenges.selectors import current_edition
from challenges.services.working import LeaseLost
from evaluation.errors import EvaluationError
from evaluation.isolated import IsolatedProcessStopped
from submissions.models import (
    AgainstReader,
    CaseResult,
    CrossScoring,
    ReaderResult,
    Rescore,
    Run,
    Submission,
)
from submissions.selectors.readers import masks_to_score, runs_to_score, submissions_in_turn
from submissions.services import hosts, lifecycle
from submissions.services.cross_scores import NoScores, against_readers, reader_results
from submissions.services.hints import SCORE, hint

log = structlog.get_logger(__name__)
State = CrossScoring.State
_AT_ONCE = 20


@dataclass
class Seen:
    """What there was when all phases were last looked through to the end.

    To look through them takes a query over every run: not every few seconds for nothing.
    """

    signs: tuple[object, ...] = ()


def reconcile(watch: leases.Watch, seen: Seen | None = None) -> None:
    """Find what is to be scored so in the newest editions. watch and seen: kept from round to
    round; without ``seen`` every phase is looked through."""
    for row in watch.silent(CrossScoring.objects.filter(state=State.SCORING)):
        CrossScoring.objects.filter(pk=row.pk, fence=row.fence, state=State.SCORING).update(
            state=State.WAITING, leased_by="", beat_at=None
        )
    seen = seen or Seen()
    signs = _signs()  # before the look, so that what comes meanwhile is new in the next round
    if signs != seen.signs:
        phases = Phase.objects.filter(editions__isnull=False, dataset__readers__isnull=False)
        with_boards = phases.exclude(kind=Phase.Kind.TRAINING)
        for phase in with_boards.select_related("challenge", "dataset").distinct():
            _queue(phase, current_edition(phase))
        seen.signs = signs
    _hint_again()


def _signs() -> tuple[object, ...]:
    """Differ from an earlier time's where there is anything new.

    Results may be committed in another order than that of their keys, so what ends with them, a
    submission that is scored and an edition that is ready, is counted too.
    """
    return (
        *(_newest(model) for model in (CaseResult, Edition, Annotation)),
        Edition.objects.filter(ready_at=None).count(),
        Submission.objects.filter(state=Submission.State.SCORED).count(),
    )


def cross_score_next(*, worker: str) -> bool:
    """Score the first that waits for it; False when there is none."""
    if hosts.takes_nothing_new(worker):
        return False
    for row in _waiting():
        if leases.claim(row, source=State.WAITING, target=State.SCORING, worker=worker):
            _score(row)
            hint(SCORE)
            return True
    return False


def _waiting() -> Iterator[CrossScoring]:
    waiting = CrossScoring.objects.filter(lifecycle.eligible(), state=State.WAITING)
    masks = waiting.exclude(annotation=None).select_related(
        "edition__phase__challenge", "annotation__case", "annotation__reader"
    )
    yield from masks.order_by("pk")[:_AT_ONCE]
    runs = waiting.select_related("edition__phase__challenge", "run__case")
    for submission in submissions_in_turn(waiting)[:_AT_ONCE]:
        own = runs.filter(run__submission=submission)
        yield from own.order_by("run__case__position")[:_AT_ONCE]


def _queue(phase: Phase, edition: Edition) -> None:
    of_earlier = CrossScoring.objects.filter(edition__phase=phase, state=State.WAITING)
    of_earlier.exclude(edition=edition).delete()
    known = CrossScoring.objects.filter(edition=edition)
    masks = masks_to_score(edition).filter(~Exists(known.filter(annotation=OuterRef("pk"))))
    runs = runs_to_score(edition).filter(~Exists(known.filter(run=OuterRef("pk"))))
    new = [
        *(CrossScoring(edition=edition, annotation=mask) for mask in masks.order_by("pk")),
        *(CrossScoring(edition=edition, run=run) for run in runs.order_by("pk")),
    ]
    CrossScoring.objects.bulk_create(new, ignore_conflicts=True, batch_size=500)


def _newest(model: type[CaseResult | Edition | Annotation]) -> int | None:
    newest: int | None = model._default_manager.aggregate(newest=Max("pk"))["newest"]
    return newest


def _hint_again() -> None:
    """One for each idle process; each worker hints again while there is more."""
    waiting = CrossScoring.objects.filter(lifecycle.eligible(), state=State.WAITING).count()
    working = sum(map(_scoring, (Run, Rescore, CrossScoring)))
    idle = max(0, hosts.processes_of("scoring") - working)
    # The heartbeat of a worker that has just started may be to come.
    for _ in range(min(waiting, idle or int(not working))):
        hint(SCORE)


def _scoring(model: type[Leased]) -> int:
    rows: QuerySet[Leased] = model._default_manager.filter(state=State.SCORING)
    return rows.count()


def _score(row: CrossScoring) -> None:
    heart = leases.Heart(row, state=State.SCORING)
    found: Sequence[ReaderResult] | Sequence[AgainstReader] = ()
    refused = ""
    try:
        if row.annotation is not None:
            found = reader_results(row, row.annotation, heart.stopped)
        elif row.run is not None:
            found = against_readers(row.edition, row.run, heart.stopped)
    except NoScores as reason:
        refused = str(reason)
    except (IsolatedProcessStopped, LeaseLost):
        log.info("cross_score.stopped", row=str(row), fence=row.fence)
        return
    except (EvaluationError, OSError) as error:
        log.error("cross_score.failed", row=str(row), error=str(error))  # noqa: TRY400
        leases.leave(
            row,
            source=State.SCORING,
            target=State.WAITING,
            platform_faults=F("platform_faults") + 1,
            eligible_at=lifecycle.retry_at(row.platform_faults),
        )
        return
    _keep(row, found, refused)


@transaction.atomic
def _keep(
    row: CrossScoring, found: Sequence[ReaderResult] | Sequence[AgainstReader], refused: str
) -> None:
    """Nothing of an edition that has a successor by now: its readers and their recipe were read
    from the definition in force, which may be the successor's."""
    if not leases.leave(row, source=State.SCORING, target=State.DONE, refused=refused):
        return
    if current_edition(row.edition.phase) != row.edition:
        row.delete()
        return
    for one in found:
        one.save()
