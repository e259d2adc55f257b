"""A whole challenge as a folder: importing it gives the same definition, images and masks."""

import csv
import json
import shutil
from pathlib import Path

from challenges.definition.export import as_yaml
from challenges.ingest import FolderRefused
from challenges.models import Case, Challenge
from challenges.selectors.preparing import document_of
from evaluation.documents import Problem


def export_challenge(*, challenge: Challenge, folder: Path) -> int:
    """Write challenge.yaml, cases.csv and a folder for each case that is not excluded; returns how
    many. Raises FolderRefused where something is in the way."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderRefused([Problem(str(folder), "is not empty; name a new folder")])
    folder.mkdir(parents=True, exist_ok=True)
    document = document_of(challenge)
    (folder / "challenge.yaml").write_text(as_yaml(document), "utf-8")
    cases = list(
        challenge.dataset.cases.filter(excluded_at=None)
        .order_by("position")
        .prefetch_related("images", "annotations__reader")
    )
    files = {one["name"]: one["file"] for one in document.get("readers", [])}
    for case in cases:
        _export_case(case, folder / case.name, files)
    write_table(cases, folder / "cases.csv")
    return len(cases)


def write_table(cases: list[Case], path: Path, columns: list[str] | None = None) -> None:
    """cases.csv; columns: of the metadata, by default all."""
    if columns is None:
        columns = list(dict.fromkeys(name for case in cases for name in case.metadata))
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["case_id", "patient_id", "split", *columns])
        for case in cases:
            values = [case.metadata.get(name, "") for name in columns]
            table.writerow([case.name, case.patient, case.split, *values])


def _export_case(case: Case, home: Path, files: dict[str, str]) -> None:
    home.mkdir()
    for image in case.images.all():
        shutil.copyfile(image.file.path, home / f"{image.modality}.mha")
    for annotation in case.annotations.all():
        # A reader whom the definition no longer names has no mask that it would ask for.
        if name := files.get(annotation.reader.name):
            shutil.copyfile(annotation.file.path, home / f"{name}.mha")
    for name, value in case.inputs.items():
        (home / f"{name}.json").write_text(json.dumps(value), "utf-8")
