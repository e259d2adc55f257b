"""What a challenge's folder holds: which file is which case's what, and what is left out."""

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path

from challenges.definition import (
    ChallengeDefinition,
    DefinitionRefused,
    Problem,
    read_definition,
)

ENDINGS = (".nii.gz", ".nii", ".mha")
_CASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class FolderRefused(Exception):
    """Every problem of a folder, at once; nothing of it was kept."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True)
class CaseFiles:
    """One case's row of cases.csv and its files; ``annotations`` is by reader name."""

    name: str
    patient: str
    position: int
    metadata: dict[str, str]
    pet: Path
    ct: Path | None
    annotations: dict[str, Path]


@dataclass
class Survey:
    """definition, cases in the order of cases.csv, and notices of what was left out."""

    definition: ChallengeDefinition
    cases: list[CaseFiles] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def survey_folder(folder: Path, definition_file: Path | None = None) -> Survey:
    """Find every declared file of the challenge in ``folder``; no image is opened.

    definition_file: ``challenge.yaml`` elsewhere; by default the one in the folder.
    Raises FolderRefused with every problem of the definition, the table and the folders.
    """
    if not folder.is_dir():
        raise FolderRefused([Problem(str(folder), "is not a folder")])
    problems: list[Problem] = []
    definition = None
    try:
        definition = read_definition(definition_file or folder / "challenge.yaml")
    except DefinitionRefused as refusal:
        problems += refusal.problems
    rows = _read_table(folder / "cases.csv", problems)
    if definition is None:
        raise FolderRefused(problems)
    survey = Survey(definition)
    wanted = {"PET": "pet", **({"CT": "ct"} if "CT" in definition.modalities else {})}
    for position, row in enumerate(rows):
        name = row.pop("case_id")
        found = _case_files(folder / name, name, definition, wanted, problems, survey.notices)
        if found is not None:
            pet, ct, annotations = found
            patient = row.pop("patient_id", "") or name
            survey.cases.append(CaseFiles(name, patient, position, row, pet, ct, annotations))
    known = {case.name for case in survey.cases} | {row.get("case_id") for row in rows}
    known |= {problem.place.split("/")[0] for problem in problems}
    for entry in sorted(folder.iterdir()):
        if entry.name not in known and entry.name not in ("challenge.yaml", "cases.csv"):
            kind = "folder without a row in cases.csv" if entry.is_dir() else "undeclared file"
            survey.notices.append(f"{entry.name}: {kind}, left out")
    if problems:
        raise FolderRefused(problems)
    return survey


def _read_table(path: Path, problems: list[Problem]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows = list(reader)
            columns = reader.fieldnames or []
    except FileNotFoundError:
        problems.append(Problem("cases.csv", "not found; one row for each case is expected"))
        return []
    except (csv.Error, UnicodeDecodeError) as error:
        problems.append(Problem("cases.csv", f"cannot be read as comma-separated UTF-8: {error}"))
        return []
    if "case_id" not in columns:
        problems.append(
            Problem("cases.csv", f"no column case_id (found: {', '.join(columns) or 'nothing'})")
        )
        return []
    if len(set(columns)) < len(columns):
        problems.append(Problem("cases.csv", "two columns have the same name"))
    if not rows:
        problems.append(Problem("cases.csv", "has no rows; one for each case is expected"))
    good, seen = [], set()
    for line, row in enumerate(rows, start=2):
        place, name = f"cases.csv, line {line}", (row["case_id"] or "").strip()
        if None in row or None in row.values():
            problems.append(Problem(place, f"{len(columns)} cells are expected, as in the header"))
        elif not _CASE_ID.fullmatch(name) or name in (".", ".."):
            problems.append(
                Problem(place, f"case_id “{name}” must be letters, digits, “.”, “_” or “-”")
            )
        elif name in seen:
            problems.append(Problem(place, f"case_id “{name}” stands twice"))
        else:
            good.append(
                {key: (cell or "").strip() for key, cell in row.items()} | {"case_id": name}
            )
        seen.add(name)
    return good


def _case_files(
    folder: Path,
    name: str,
    definition: ChallengeDefinition,
    modalities: dict[str, str],
    problems: list[Problem],
    notices: list[str],
) -> tuple[Path, Path | None, dict[str, Path]] | None:
    if not folder.is_dir():
        problems.append(Problem(name, "has a row in cases.csv, but no folder"))
        return None
    present = sorted(entry for entry in folder.iterdir())
    used: set[Path] = set()

    def only(stem: str, what: str) -> Path | None:
        matches = [entry for entry in present if entry.name in {stem + end for end in ENDINGS}]
        used.update(matches)
        if len(matches) == 1 and matches[0].is_file():
            return matches[0]
        found = f"found {', '.join(m.name for m in matches)}" if matches else "found none"
        problems.append(
            Problem(f"{name}/{stem}", f"one {what} as .nii.gz, .nii or .mha is expected; {found}")
        )
        return None

    images = {label: only(stem, f"{label} image") for label, stem in modalities.items()}
    masks = {r.name: only(r.file, f"mask of reader {r.name}") for r in definition.readers}
    for entry in present:
        if entry not in used:
            notices.append(f"{name}/{entry.name}: not declared in challenge.yaml, left out")
    pet = images["PET"]
    annotations = {reader: path for reader, path in masks.items() if path is not None}
    if pet is None or len(annotations) < len(masks) or None in images.values():
        return None
    return pet, images.get("CT"), annotations
