"""What a challenge's folder holds: which file is which case's what, and what is left out."""

from dataclasses import dataclass, field
from pathlib import Path

from challenges.definition import ChallengeDefinition, read_definition
from challenges.ingest.sources import Source
from evaluation.case_table import read_case_table
from evaluation.documents import DocumentRefused, Problem
from evaluation.errors import EvaluationError

ENDINGS = (".nii.gz", ".nii", ".mha", ".nrrd")


class FolderRefused(Exception):
    """Every problem of a folder, at once; nothing of it was kept."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True)
class CaseFiles:
    """One case's row of cases.csv and where its images are read from; ``annotations`` is by reader
    name, ``inputs`` by the name of the further input. split: the column of that name. auxiliary: by
    file name, masks that nobody declared, which are compared in place and not kept."""

    name: str
    patient: str
    position: int
    metadata: dict[str, str]
    pet: Source
    ct: Source | None
    annotations: dict[str, Source]
    inputs: dict[str, Path]
    split: str = ""
    auxiliary: dict[str, Source] = field(default_factory=dict)


@dataclass
class Survey:
    """definition, complete cases in the order of cases.csv, notices of what was left out, and
    problems: where there is one, nothing is to be kept."""

    definition: ChallengeDefinition
    cases: list[CaseFiles] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def survey_folder(folder: Path, definition_file: Path | None = None) -> Survey:
    """Find every declared file of the challenge in ``folder``; no image is opened.

    definition_file: ``challenge.yaml`` elsewhere; by default the one in the folder.
    Raises FolderRefused where nothing further can be checked: no folder, or no definition (then
    with the table's problems too). Every other problem stands in the survey.
    """
    if not folder.is_dir():
        raise FolderRefused([Problem(str(folder), "is not a folder")])
    problems: list[Problem] = []
    definition = None
    try:
        if definition_file is None and _leads_outside(folder / "challenge.yaml", folder):
            problems.append(Problem("challenge.yaml", _OUTSIDE))
        else:
            definition = read_definition(definition_file or folder / "challenge.yaml")
    except DocumentRefused as refusal:
        problems += refusal.problems
    rows = _read_table(folder, problems)
    if definition is None:
        raise FolderRefused(problems)
    survey = Survey(definition, problems=problems)
    known = {row["case_id"] for row in rows}
    wanted = {"PET": "pet", **({"CT": "ct"} if "CT" in definition.modalities else {})}
    for position, row in enumerate(rows):
        name = row.pop("case_id")
        found = _case_files(folder, name, wanted, survey)
        if found is not None:
            pet, ct, annotations, inputs = found
            patient, split = row.pop("patient_id", "") or name, row.pop("split", "")
            found_wrong = _outcome_problems(name, row, definition)
            survey.problems += [one for one in found_wrong if one not in survey.problems]
            auxiliary = _auxiliary(folder, name, definition)
            survey.cases.append(
                CaseFiles(
                    name, patient, position, row, pet, ct, annotations, inputs, split, auxiliary
                )
            )
    for entry in sorted(folder.iterdir()):
        if entry.name not in known and entry.name not in ("challenge.yaml", "cases.csv"):
            kind = "folder without a row in cases.csv" if entry.is_dir() else "undeclared file"
            survey.notices.append(f"{entry.name}: {kind}, left out")
    return survey


def _auxiliary(root: Path, name: str, definition: ChallengeDefinition) -> dict[str, Source]:
    """``ct_mask.*``, where no reader drew it: it is looked at, and not kept."""
    if "ct_mask" in {reader.file for reader in definition.readers}:
        return {}
    paths = [root / name / f"ct_mask{ending}" for ending in ENDINGS]
    return {
        path.name: Source((path,))
        for path in paths
        if path.is_file() and not _leads_outside(path, root)
    }


def _either(endings: tuple[str, ...]) -> str:
    return " or ".join(filter(None, [", ".join(endings[:-1]), endings[-1]]))


def _outcome_problems(
    name: str, row: dict[str, str], definition: ChallengeDefinition
) -> list[Problem]:
    """What a metric of patients' outcomes could not read of this row."""
    problems = []
    for metric in definition.evaluation.cohort:
        columns = [str(metric.settings[one.id]) for one in metric.parameters if one.default is None]
        missing = [column for column in columns if column not in row]
        if missing:
            found = f"no column {', '.join(missing)}, which {metric.id} asks for"
            problems.append(Problem("cases.csv", found))
            continue
        try:
            metric.check(row)
        except EvaluationError as error:
            problems.append(Problem(f"cases.csv, case {name}", f"{metric.id}: {error.message}"))
    return problems


_OUTSIDE = "is a link that leads out of the challenge's folder; put the file itself there"


def _leads_outside(path: Path, folder: Path) -> bool:
    """Whether importing ``path`` would publish a file that was never put into ``folder``."""
    return path.exists() and not path.resolve().is_relative_to(folder.resolve())


def _read_table(folder: Path, problems: list[Problem]) -> list[dict[str, str]]:
    path = folder / "cases.csv"
    if _leads_outside(path, folder):
        problems.append(Problem("cases.csv", _OUTSIDE))
        return []
    return read_case_table(path, problems)


def _case_files(
    root: Path, name: str, modalities: dict[str, str], survey: Survey
) -> tuple[Source, Source | None, dict[str, Source], dict[str, Path]] | None:
    problems, readers = survey.problems, survey.definition.readers
    folder = root / name
    if not folder.is_dir():
        problems.append(Problem(name, "has a row in cases.csv, but no folder"))
        return None
    if _leads_outside(folder, root):
        problems.append(Problem(name, _OUTSIDE))
        return None
    try:
        present = sorted(folder.iterdir())
    except OSError as error:
        problems.append(Problem(name, f"cannot be read: {error.strerror}"))
        return None
    used: set[Path] = set()

    def only(stem: str, what: str, endings: tuple[str, ...] = ENDINGS) -> Path | None:
        matches = [entry for entry in present if entry.name in {stem + end for end in endings}]
        used.update(matches)
        if len(matches) == 1:
            if not matches[0].is_file():
                problems.append(Problem(f"{name}/{matches[0].name}", "is not a file"))
            elif _leads_outside(matches[0], root):
                problems.append(Problem(f"{name}/{matches[0].name}", _OUTSIDE))
            else:
                return matches[0]
            return None
        found = f"found {', '.join(m.name for m in matches)}" if matches else "found none"
        expected = f"one {what} as {_either(endings)} is expected"
        problems.append(Problem(f"{name}/{stem}", f"{expected}; {found}"))
        return None

    images = {label: only(stem, f"{label} image") for label, stem in modalities.items()}
    masks = {r.name: only(r.file, f"mask of reader {r.name}") for r in readers}
    inputs = {one.name: only(one.name, one.title, (".json",)) for one in survey.definition.inputs}
    for entry in present:
        if entry not in used:
            survey.notices.append(f"{name}/{entry.name}: not declared in challenge.yaml, left out")
    pet = images["PET"]
    ct = images.get("CT")
    annotations = {reader: Source((path,)) for reader, path in masks.items() if path is not None}
    documents = {one: path for one, path in inputs.items() if path is not None}
    complete = len(annotations) == len(masks) and len(documents) == len(inputs)
    if pet is None or not complete or None in images.values():
        return None
    return Source((pet,)), None if ct is None else Source((ct,)), annotations, documents
