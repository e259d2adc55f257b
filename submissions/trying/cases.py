"""Cases as a participant has them, prepared as the server prepares what an organiser imports."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from challenges.definition import ChallengeDefinition, PhaseSpec
from challenges.definition.export import as_yaml
from challenges.ingest import CaseFiles, FolderRefused, PreparedCase, prepare_case, survey_folder
from evaluation.geometry import Geometry
from submissions.judging.requests import CaseInput
from submissions.trying.refused import TrialRefused


@dataclass(frozen=True)
class Chosen:
    """cases: in the order of cases.csv. notice: what a person should know of the choice."""

    cases: tuple[CaseFiles, ...]
    notice: str = ""


@dataclass(frozen=True)
class ReadyCase:
    """targets: what is scored against, with two readers the mask of each."""

    name: str
    input: CaseInput
    targets: tuple[Path, ...]


def cases_in(
    folder: Path,
    definition: ChallengeDefinition,
    phase: PhaseSpec,
    names: Sequence[str],
    work: Path,
) -> Chosen:
    """Those of the phase, or those of ``names``; no image is opened. work: an empty folder.

    Raises TrialRefused with every problem of the folder.
    """
    if folder.is_file():
        raise TrialRefused(f"{folder} is a file; unpack it, and name the folder.")
    file = work / "challenge.yaml"
    file.write_text(as_yaml(definition.model_dump(mode="json")), "utf-8")
    try:
        survey = survey_folder(folder, file)
    except FolderRefused as refusal:
        raise TrialRefused(*refusal.problems) from None
    if survey.problems:
        raise TrialRefused(*survey.problems)
    if not survey.cases:
        raise TrialRefused(f"{folder} holds no case: cases.csv lists none.")
    known = {case.name: case for case in survey.cases}
    if unknown := [name for name in names if name not in known]:
        listed = ", ".join(list(known)[:20]) + (" …" if len(known) > 20 else "")
        raise TrialRefused(f"There is no case {', '.join(unknown)}; there are: {listed}.")
    if names:
        return Chosen(tuple(case for case in survey.cases if case.name in names))
    of_phase = tuple(case for case in survey.cases if case.split == phase.split)
    if not phase.split or len(of_phase) == len(known):
        return Chosen(tuple(survey.cases))
    if of_phase:
        return Chosen(of_phase, f"{len(of_phase)} of {len(known)} cases are of this phase.")
    return Chosen(
        tuple(survey.cases),
        f"None of these {len(known)} cases is of this phase (split “{phase.split}”); all are run, "
        "within its limits.",
    )


def prepare(files: CaseFiles, definition: ChallengeDefinition, target: Path) -> ReadyCase:
    """Write the case's images and targets into the new folder ``target``.

    Raises TrialRefused with every problem of the case, OSError.
    """
    prepared = prepare_case(files, definition, target)
    if not isinstance(prepared, PreparedCase):
        raise TrialRefused(*prepared)
    images = {"pet": target / prepared.pet.name}
    if prepared.ct is not None:
        images["ct"] = target / prepared.ct.name
    return ReadyCase(
        name=files.name,
        input=CaseInput(images, prepared.inputs, Geometry.from_json(prepared.geometry)),
        targets=tuple(target / one.file.name for one in prepared.references),
    )
