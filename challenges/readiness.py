"""What keeps a challenge from being published: everything at once, each with what to do."""

from dataclasses import dataclass

from challenges.definition import ChallengeDefinition, Design
from challenges.models import Challenge, Finding, Image
from challenges.rankable import ranking_problems
from evaluation.documents import Problem


@dataclass(frozen=True)
class Readiness:
    """problems keep it from being published; notices do not."""

    problems: tuple[Problem, ...]
    notices: tuple[str, ...]


def readiness(challenge: Challenge, definition: ChallengeDefinition) -> Readiness:
    tolerances, notices = _tolerances(challenge, definition)
    ranking, further = ranking_problems(challenge, definition)
    return Readiness(
        problems=(
            *design_problems(definition.design, has_source=definition.source is not None),
            *_cases(challenge, definition),
            *_splits(challenge, definition),
            *_findings(challenge),
            *tolerances,
            *ranking,
        ),
        notices=(*notices, *further),
    )


def design_problems(design: Design, *, has_source: bool) -> list[Problem]:
    missing = [
        Problem(f"design.{key}", f"“{title}” is empty; the design of a challenge has to say it")
        for key, title in design.missing()
    ]
    if not has_source:
        missing.append(
            Problem("source", "is missing: say where the data come from, and their licence")
        )
    return missing


def _cases(challenge: Challenge, definition: ChallengeDefinition) -> list[Problem]:
    cases = list(
        challenge.dataset.cases.filter(excluded_at=None).prefetch_related(
            "images", "annotations__reader"
        )
    )
    if not cases:
        return [Problem("cases", "there are none; bring data first")]
    readers = {reader.name for reader in definition.readers}
    problems = []
    for case in cases:
        drawn = {annotation.reader.name for annotation in case.annotations.all()}
        if lacking := sorted(readers - drawn):
            problems.append(Problem(case.name, f"has no mask of {', '.join(lacking)}"))
        modalities = {image.modality for image in case.images.all()}
        wanted = {modality.lower() for modality in definition.modalities}
        if lacking := sorted(wanted - modalities):
            problems.append(Problem(case.name, f"has no {', '.join(lacking).upper()}"))
    return problems


def _splits(challenge: Challenge, definition: ChallengeDefinition) -> list[Problem]:
    rows = challenge.dataset.cases.filter(excluded_at=None).values_list("patient", "split")
    splits: dict[str, set[str]] = {}
    for patient, split in rows:
        splits.setdefault(patient, set()).add(split)
    problems = [
        Problem(f"patient {patient}", f"has cases in {_words(found)}; a patient belongs to one")
        for patient, found in sorted(splits.items())
        if len(found) > 1
    ]
    there = set().union(*splits.values()) if splits else set()
    return problems + [
        Problem(
            f"phase {phase.slug}",
            f"its split “{phase.split}” has no case (found: {_words(there)}); give it one, or "
            "another split",
        )
        for phase in definition.phases
        if phase.split and phase.split not in there
    ]


def _words(splits: set[str]) -> str:
    return ", ".join(f"“{split}”" if split else "no split" for split in sorted(splits)) or "none"


def _findings(challenge: Challenge) -> list[Problem]:
    waiting = Finding.objects.filter(
        case__dataset=challenge.dataset,
        case__excluded_at=None,
        severity=Finding.Severity.BLOCKING,
        state=Finding.State.OPEN,
    ).select_related("case")
    return [Problem(f"{one.case.name}: {one.check_id}", one.text) for one in waiting]


def _tolerances(
    challenge: Challenge, definition: ChallengeDefinition
) -> tuple[list[Problem], list[str]]:
    """A tolerance below the voxels' size counts as wrong what no reader could draw better."""
    pets = Image.objects.filter(
        case__dataset=challenge.dataset, case__excluded_at=None, modality=Image.Modality.PET
    ).values_list("geometry", "case__name")
    edge, name = max(((max(one["spacing"]), case) for one, case in pets), default=(0.0, ""))
    problems, notices = [], []
    for metric in definition.evaluation.shown:
        tolerance = metric.settings.get("tolerance_mm")
        if tolerance is None or edge <= float(tolerance):
            continue
        found = (
            f"{metric.id} has tolerance_mm {tolerance:g}, and the largest voxel edge is "
            f"{edge:.4g} mm (case {name})"
        )
        if metric.settings["below_voxel"]:
            notices.append(f"{found}; below_voxel says that this is meant")
        else:
            remedy = "choose at least that, or say below_voxel: true"
            problems.append(Problem("evaluation.metrics", f"{found}; {remedy}"))
    return problems, notices
