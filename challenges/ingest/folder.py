"""What a challenge's folder holds, for the command line: every case of the table, or a refusal."""

from dataclasses import dataclass, field
from pathlib import Path

from challenges.definition import ChallengeDefinition, read_definition
from challenges.ingest.cases import CaseFiles
from challenges.ingest.layouts import Wanted, detect, look_through
from challenges.ingest.layouts.case_folders import LAYOUT as CASE_FOLDERS
from challenges.ingest.layouts.case_folders import CaseFolder
from challenges.ingest.layouts.listing import OUTSIDE, is_mask, leads_outside, stem_of
from challenges.ingest.sources import Source
from evaluation.case_table import read_case_table
from evaluation.documents import DocumentRefused, Problem
from evaluation.errors import EvaluationError

__all__ = ["CaseFiles", "FolderRefused", "Survey", "survey_folder"]


_Sources = tuple[
    Source, Source | None, dict[str, Source], dict[str, Path], dict[str, Source]
]  # PET, CT, annotations, inputs, auxiliary masks


class FolderRefused(Exception):
    """Every problem of a folder, at once; nothing of it was kept."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


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

    definition_file: ``challenge.yaml`` elsewhere; by default the one in the folder. A folder for
    each case is held to its cases.csv; of the other layouts a case that is not complete is a
    problem too, as nobody is asked.
    Raises FolderRefused where nothing further can be checked: no folder, or no definition (then
    with the table's problems too). Every other problem stands in the survey.
    """
    if not folder.is_dir():
        raise FolderRefused([Problem(str(folder), "is not a folder")])
    problems: list[Problem] = []
    definition = None
    try:
        if definition_file is None and leads_outside(folder / "challenge.yaml", folder):
            problems.append(Problem("challenge.yaml", OUTSIDE))
        else:
            definition = read_definition(definition_file or folder / "challenge.yaml")
    except DocumentRefused as refusal:
        problems += refusal.problems
    layout = detect(folder)
    by_table = layout in ("", CASE_FOLDERS.id)
    rows = _read_table(folder, problems) if by_table else []
    if definition is None:
        raise FolderRefused(problems)
    survey = Survey(definition, problems=problems)
    if by_table:
        _by_table(folder, rows, survey)
    else:
        _by_layout(folder, layout, survey)
    for case in survey.cases:
        found_wrong = _outcome_problems(case.name, case.metadata, definition)
        survey.problems += [one for one in found_wrong if one not in survey.problems]
    return survey


def _by_layout(folder: Path, layout: str, survey: Survey) -> None:
    seen = look_through(folder, layout=layout, wanted=Wanted.of(survey.definition))
    survey.cases += seen.cases
    survey.notices += seen.notices
    survey.problems += seen.problems
    survey.problems += [Problem(one.name, "; ".join(one.reasons)) for one in seen.incomplete]
    if not seen.found and not seen.problems:
        survey.problems.append(Problem(seen.title, "no case is there"))


def _by_table(folder: Path, rows: list[dict[str, str]], survey: Survey) -> None:
    known = {row["case_id"] for row in rows}
    for position, row in enumerate(rows):
        name = row.pop("case_id")
        found = _case_files(folder, name, survey)
        if found is not None:
            pet, ct, masks, inputs, auxiliary = found
            patient, split = row.pop("patient_id", "") or name, row.pop("split", "")
            case = CaseFiles(name, patient, position, row, pet, ct, masks, inputs, split, auxiliary)
            survey.cases.append(case)
    for entry in sorted(folder.iterdir()):
        if entry.name not in known and entry.name not in ("challenge.yaml", "cases.csv"):
            kind = "folder without a row in cases.csv" if entry.is_dir() else "undeclared file"
            survey.notices.append(f"{entry.name}: {kind}, left out")


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


def _read_table(folder: Path, problems: list[Problem]) -> list[dict[str, str]]:
    path = folder / "cases.csv"
    if leads_outside(path, folder):
        problems.append(Problem("cases.csv", OUTSIDE))
        return []
    return read_case_table(path, problems)


def _case_files(root: Path, name: str, survey: Survey) -> _Sources | None:
    problems, definition = survey.problems, survey.definition
    path = root / name
    if not path.is_dir():
        problems.append(Problem(name, "has a row in cases.csv, but no folder"))
        return None
    if leads_outside(path, root):
        problems.append(Problem(name, OUTSIDE))
        return None
    before = len(problems)
    folder = CaseFolder(path, root, problems)
    try:
        pet = folder.only("pet", "PET image")
        ct = folder.only("ct", "CT image") if "CT" in definition.modalities else None
        masks = {
            one.name: folder.only(one.file, f"mask of reader {one.name}")
            for one in definition.readers
        }
        inputs = {
            one.name: folder.only(one.name, one.title, (".json",)) for one in definition.inputs
        }
        unused = [entry for entry in sorted(path.iterdir()) if entry not in folder.used]
    except OSError as error:
        problems.append(Problem(name, f"cannot be read: {error.strerror}"))
        return None
    auxiliary = {stem_of(one): Source((one,)) for one in unused if is_mask(one, root)}
    survey.notices += [f"{name}/{one.name}: {_left_out(one, auxiliary)}" for one in unused]
    if pet is None or len(problems) > before:
        return None
    return (
        Source((pet,)),
        None if ct is None else Source((ct,)),
        {reader: Source((mask,)) for reader, mask in masks.items() if mask is not None},
        {one: document for one, document in inputs.items() if document is not None},
        auxiliary,
    )


def _left_out(path: Path, auxiliary: dict[str, Source]) -> str:
    what = "compared and not kept" if stem_of(path) in auxiliary else "left out"
    return f"not declared in challenge.yaml, {what}"
