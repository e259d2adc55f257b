"""Score what was collected, in a process of its own, and keep one result a run and target."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from django.db import transaction

from challenges import leases
from challenges.models import Case, Edition, Image, Reference
from challenges.selectors import current_edition, targets_of
from evaluation.geometry import Geometry
from evaluation.isolated import IsolatedProcessFailed, IsolatedProcessStopped
from evaluation.spec import EvaluationSpec
from submissions.judging.requests import CaseInput
from submissions.judging.scores import NOTHING_STATED, Stated, score_against
from submissions.models import CaseResult, Prediction, Run
from submissions.sandbox.outcome import Failure
from submissions.services import hosts, lifecycle
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
    edition = current_edition(run.submission.phase)
    prediction = getattr(run, "prediction", None)
    heart = leases.Heart(run, state=State.SCORING)
    try:
        scores, failure = scores_of(run, edition, prediction, heart.stopped)
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
    if failure is not None:
        prediction, run.reason_code, run.reason_text = None, failure.code, failure.message
    reason = {"reason_code": run.reason_code, "reason_text": run.reason_text}
    with transaction.atomic():
        if leases.leave(run, source=State.SCORING, target=State.DONE, **reason):
            keep(run, edition, prediction, scores)
    lifecycle.advance(submission=run.submission)


@dataclass(frozen=True)
class Score:
    """Against one target; values are the fields of a CaseResult."""

    target: Reference
    values: dict[str, Any]
    seconds: float


def scores_of(
    run: Run, edition: Edition, prediction: Prediction | None, stopped: Callable[[], bool]
) -> tuple[list[Score], Failure | None]:
    """Against each target of the edition, by the edition's own rules, whatever was amended since;
    and why the prediction counts as no result, where it does.

    Raises what ``judging.scores.score_against`` raises.
    """
    targets = list(
        targets_of(run.submission.phase, edition.reference_version).filter(case=run.case)
    )
    scored = score_against(
        [Path(target.file.path) for target in targets],
        Path(prediction.file.path) if prediction else None,
        input_of(run.case),
        EvaluationSpec.model_validate(edition.specification),
        stopped,
        stated=stated_of(prediction),
    )
    pairs = zip(targets, scored.targets, strict=True)
    return [Score(target, one.values, one.seconds) for target, one in pairs], scored.failure


def stated_of(prediction: Prediction | None) -> Stated:
    if prediction is None:
        return NOTHING_STATED
    probability = Path(prediction.probability.path) if prediction.probability else None
    return Stated(probability, prediction.stated)


def input_of(case: Case) -> CaseInput:
    """As the store has it."""
    images = {image.modality: image for image in case.images.all()}
    return CaseInput(
        images={modality: Path(image.file.path) for modality, image in images.items()},
        documents=case.inputs,
        grid=Geometry.from_json(images[Image.Modality.PET].geometry),
    )


def keep(run: Run, edition: Edition, prediction: Prediction | None, scores: list[Score]) -> None:
    for score in scores:
        CaseResult.objects.update_or_create(
            run=run,
            target=score.target,
            edition=edition,
            defaults={
                "prediction": prediction,
                "reason_code": run.reason_code,
                "seconds": score.seconds,
                **score.values,
            },
        )


def _platform_fault(run: Run, code: str) -> None:
    lifecycle.try_again_or_fail(
        row=run,
        source=State.SCORING,
        target=State.COLLECTED,
        stage="scoring",
        code=code,
        text="The scorer could not do its work; the operator finds the details in its log.",
    )
