"""Entries with kept masks and true scores, without a program that runs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from django.core.files.base import ContentFile
from django.utils import timezone
from numpy.typing import NDArray

from accounts.models import User
from challenges.models import Case, Phase
from challenges.selectors import cases_of, current_edition, targets_of
from evaluation.pair import PetRegion
from evaluation.scoring import score_case
from evaluation.spec import EvaluationSpec
from evaluation.volumes import Volume, read_volume, write_mha
from submissions.models import Attempt, CaseResult, Prediction, Run, Submission
from tests.factories import a_submission

Mask = NDArray[np.uint8]


def entered(
    phase: Phase,
    user: User,
    masks: Sequence[Mask | None],
    *,
    title: str = "Threshold",
    baseline: bool = False,
) -> Submission:
    """A scored submission with a mask for each case, by position; None where it failed."""
    submission = a_submission(phase, user=user, title=title)
    submission.is_baseline = baseline
    edition = current_edition(phase)
    spec = EvaluationSpec.model_validate(edition.specification)
    targets = targets_of(phase, edition.reference_version)
    for case, mask in zip(cases_of(phase), masks, strict=True):
        failed = mask is None
        run = Run.objects.create(
            submission=submission,
            case=case,
            state=Run.State.DONE,
            reason_code="exit_code" if failed else "",
            reason_text="The program ended with exit status 42." if failed else "",
        )
        prediction = None
        for target in targets.filter(case=case):
            held = read_volume(Path(target.file.path))
            if mask is not None and prediction is None:
                prediction = _kept(run, Volume(mask, held.geometry))
            score = score_case(
                held.voxels.astype(np.uint8), mask, held.geometry, spec, _pet(case, spec)
            )
            CaseResult.objects.create(
                run=run,
                target=target,
                edition=edition,
                prediction=prediction,
                reason_code=run.reason_code,
                seconds=0.1,
                **score.to_json(),
            )
    submission.state, submission.ended_at = Submission.State.SCORED, timezone.now()
    submission.save()
    return submission


def _pet(case: Case, spec: EvaluationSpec) -> PetRegion | None:
    if not spec.needs_pet:
        return None
    pet = read_volume(Path(case.images.get(modality="pet").file.path))
    return PetRegion.whole(pet.voxels.astype(np.float32))


def _kept(run: Run, mask: Volume) -> Prediction:
    attempt = Attempt.objects.create(run=run, fence=1, worker="h:1")
    name = f"predictions/{run.submission.public_id}/{run.public_id}-1.mha"
    content = ContentFile(write_mha(mask), name)
    return Prediction.objects.create(run=run, attempt=attempt, file=content, sha256=mask.sha256())
