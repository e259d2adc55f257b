"""A phase with as many cases and entries as wanted, whose results are drawn, not computed.

For what has to be seen or timed at size; whatever is about scores themselves is tested on real ones.
"""

from pathlib import Path

import numpy as np
from django.utils import timezone

from accounts.models import User
from challenges.models import Case, Phase, Reference
from challenges.selectors import current_edition
from submissions.models import (
    Algorithm,
    AlgorithmVersion,
    Attempt,
    CaseResult,
    Run,
    Submission,
)
from tests.factories import a_challenge, a_phase, a_submission, a_user

CENTRES = ("Aachen", "Bordeaux", "Coimbra")
TRACERS = ("FDG", "PSMA-11")
SCANNERS = ("Biograph mCT", "Discovery 690", "Vereos")


def a_crowded_phase(
    folder: Path,
    *,
    cases: int,
    qualities: list[float],
    titles: list[str] | None = None,
    hidden: bool = False,
    failing: dict[int, int] | None = None,
    baselines: int = 0,
    slug: str = "crowd",
    with_results: bool = True,
    **overrides: object,
) -> Phase:
    """qualities: of each entry, on the logistic scale; the last ``baselines`` of them are baselines.
    failing: by place of the entry, how many of its first cases have no result. Every fifth case is
    free of lesions, and every second patient has two cases."""
    challenge = a_challenge(folder, slug=slug, cases=3, hidden=hidden, **overrides)
    phase = a_phase(challenge)
    known = _more_cases(phase, cases)
    random = np.random.default_rng(7)
    hardness = random.normal(0.0, 0.7, size=cases)
    pattern = a_submission(phase, user=a_user("pattern"), title="pattern")
    for place, quality in enumerate(qualities):
        title = titles[place] if titles else f"Algorithm {place + 1}"
        entry = _entry(phase, pattern, title, place >= len(qualities) - baselines)
        if not with_results:
            continue
        dice = 1 / (1 + np.exp(-(quality + hardness + random.normal(0, 0.4, cases))))
        _results(phase, entry, known, dice, (failing or {}).get(place, 0))
    pattern.delete()
    return phase


def _more_cases(phase: Phase, number: int) -> list[tuple[Case, Reference]]:
    first = phase.dataset.cases.order_by("position")[:1].get()
    reference = first.references.get()
    have = phase.dataset.cases.count()
    Case.objects.bulk_create(
        Case(
            dataset=phase.dataset,
            name=f"case-{at:04d}",
            patient=f"patient-{at}",
            position=at + 1000,
            picture=first.picture.name,
            outlined=first.outlined.name,
        )
        for at in range(have, number)
    )
    known = list(phase.dataset.cases.order_by("position"))[:number]
    for at, case in enumerate(known):
        free = at % 5 == 4
        case.patient = f"patient-{at if at % 3 else max(at - 1, 0)}"
        case.metadata = {
            "centre": CENTRES[at % 3],
            "tracer": TRACERS[at % 4 == 3],
            "scanner": SCANNERS[(at // 2) % 3],
        }
        lesions = () if free else tuple(4.0 + (at * 7) % 90 for _ in range(1 + at % 8))
        case.facts = {**case.facts, "references_ml": [list(lesions)]}
    Case.objects.bulk_update(known, ["patient", "metadata", "facts"])
    Reference.objects.bulk_create(
        Reference(
            case=case,
            version=reference.version,
            recipe=reference.recipe,
            made_by=reference.made_by,
            file=reference.file.name,
            sha256=reference.sha256,
            volume_ml=sum(case.facts["references_ml"][0]),
        )
        for case in known[have:]
    )
    references = {one.case_id: one for one in Reference.objects.filter(case__dataset=phase.dataset)}
    return [(case, references[case.pk]) for case in known]


def _entry(phase: Phase, pattern: Submission, title: str, is_baseline: bool) -> Submission:
    person = User.objects.create(username=f"{phase.challenge.slug}-dev-{User.objects.count()}")
    algorithm = Algorithm.objects.create(title=title, owner=person)
    version = pattern.version
    made = AlgorithmVersion.objects.create(
        algorithm=algorithm, number=1, program=version.program, image=version.image
    )
    return Submission.objects.create(
        phase=phase,
        version=made,
        submitted_by=person,
        is_baseline=is_baseline,
        state=Submission.State.SCORED,
        ended_at=timezone.now(),
    )


def _results(
    phase: Phase,
    entry: Submission,
    known: list[tuple[Case, Reference]],
    dice: np.ndarray,
    failing: int,
) -> None:
    edition = current_edition(phase)
    runs = Run.objects.bulk_create(
        Run(
            submission=entry,
            case=case,
            state=Run.State.DONE,
            reason_code="timed_out" if at < failing else "",
        )
        for at, (case, _) in enumerate(known)
    )
    Attempt.objects.bulk_create(
        Attempt(
            run=run,
            fence=1,
            worker="w",
            sandbox="runc",
            started_at=timezone.now(),
            seconds=20 + 40 * float(1 - value),
            peak_memory_bytes=int(2e9 + 3e9 * value),
        )
        for run, value in zip(runs, dice, strict=True)
    )
    CaseResult.objects.bulk_create(
        CaseResult(
            run=run,
            target=reference,
            edition=edition,
            reason_code=run.reason_code,
            metrics=_metrics(
                0.0 if at < failing else float(value), reference.volume_ml, at < failing
            ),
            counts={"lesion": _counts(reference.volume_ml, float(value), at < failing)},
            reference_ml={"lesion": reference.volume_ml},
            prediction_ml={
                "lesion": None if at < failing else reference.volume_ml * (0.6 + 0.5 * float(value))
            },
            seconds=0.1,
        )
        for at, (run, (_, reference), value) in enumerate(zip(runs, known, dice, strict=True))
    )


def _metrics(dice: float, volume_ml: float, failed: bool) -> dict[str, object]:
    free = volume_ml == 0
    error = 1000.0 if failed else (3.0 * (1 - dice) if free else volume_ml * (1 - dice))
    values: dict[str, tuple[float | None, float | None]] = {
        "dice": (None if free else dice, 0.0),
        "nsd": (None if free else min(1.0, dice * 1.1), 0.0),
        "hd95": (None if free else (200.0 if failed else 60 * (1 - dice)), 200.0),
        "lesion_f1": (None if free else round(dice * 8) / 8, 0.0),
        "mtv_abs_error_ml": (error, 1000.0),
        "mtv_error_ml": (None if failed else -error, None),
        "case_sensitivity": (None if free else float(dice > 0.2), 0.0),
        "case_specificity": (float(dice > 0.5) if free else None, 0.0),
    }
    return {
        name: {"lesion": {"value": value, "worst": worst}}
        for name, (value, worst) in values.items()
    }


def _counts(volume_ml: float, dice: float, failed: bool) -> dict[str, object]:
    reference = round(volume_ml / 0.1)
    return {
        "voxel_ml": 0.1,
        "reference": reference,
        "prediction": None if failed else reference,
        "common": None if failed else round(reference * dice),
    }
