"""Score what was collected, in a process of its own, and keep one result a run and target."""

import time
from pathlib import Path
from typing import Any

import structlog
from django.db import transaction

from challenges.models import Image
from challenges.selectors import current_edition, definition_of, targets_of
from evaluation.errors import MaskRefused
from evaluation.geometry import Geometry
from evaluation.isolated import IsolatedProcessFailed, IsolatedProcessStopped, score_files
from submissions.models import CaseResult, Run
from submissions.services import hosts, leases, lifecycle
from submissions.services.hints import SCORE, hint

log = structlog.get_logger(__name__)
State = Run.State


def score_next(*, worker: str) -> bool:
    """Score the first collected run; False when there is none."""
    if hosts.takes_nothing_new(worker):
        return False
    collected = (
        Run.objects.filter(lifecycle.eligible(), state=State.COLLECTED)
        .select_related("submission__phase__challenge", "case")
        .order_by("submission__received_at", "submission_id", "case__position")
    )
    for run in collected[:20]:
        if leases.claim(run, source=State.COLLECTED, target=State.SCORING, worker=worker):
            _score(run)
            hint(SCORE)
            return True
    return False


def _score(run: Run) -> None:
    phase = run.submission.phase
    edition = current_edition(phase)
    targets = list(targets_of(phase.dataset, edition.reference_version).filter(case=run.case))
    prediction = getattr(run, "prediction", None)
    clock, heart = time.monotonic(), leases.Heart(run, state=State.SCORING)
    spec = definition_of(phase.challenge).evaluation
    pet = run.case.images.get(modality=Image.Modality.PET)

    def score_it(file: Path | None) -> list[dict[str, Any]]:
        """Against each target."""
        return [
            score_files(
                Path(target.file.path),
                file,
                Geometry.from_json(pet.geometry).voxels,
                spec,
                heart.stopped,
                pet=Path(pet.file.path),
            )
            for target in targets
        ]

    try:
        try:
            scores = score_it(Path(prediction.file.path) if prediction else None)
        except MaskRefused as refusal:
            # A mask that no scorer of this size can measure counts as no result.
            prediction, run.reason_code, run.reason_text = None, refusal.code, refusal.message
            scores = score_it(None)
    except IsolatedProcessStopped:
        log.info("score.stopped", run=run.public_id, fence=run.fence)
        return
    except IsolatedProcessFailed as error:
        log.error("score.failed", run=run.public_id, error=error.message)  # noqa: TRY400
        _platform_fault(run, error.code)
        return
    except OSError:
        log.exception("score.disk_fault", run=run.public_id)
        _platform_fault(run, "disk_fault")
        return
    reason = {"reason_code": run.reason_code, "reason_text": run.reason_text}
    with transaction.atomic():
        if leases.leave(run, source=State.SCORING, target=State.DONE, **reason):
            for target, score in zip(targets, scores, strict=True):
                CaseResult.objects.update_or_create(
                    run=run,
                    target=target,
                    edition=edition,
                    defaults={
                        "prediction": prediction,
                        "reason_code": run.reason_code,
                        "seconds": (time.monotonic() - clock) / len(targets),
                        **score,
                    },
                )
    lifecycle.advance(submission=run.submission)


def _platform_fault(run: Run, code: str) -> None:
    lifecycle.try_again_or_fail(
        row=run,
        source=State.SCORING,
        target=State.COLLECTED,
        stage="scoring",
        code=code,
        text="The scorer could not do its work; the operator finds the details in its log.",
    )
