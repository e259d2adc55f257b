"""Look through a folder: which layout it has, which of its cases are complete, and why others are
not. Names and headers are read, and no pixel."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from challenges.ingest.cases import CaseFiles
from challenges.ingest.layouts import autopet, bids, case_folders, dicom, nnunet
from challenges.ingest.layouts.found import Choices, Found, FoundCase, Layout, Wanted
from challenges.ingest.layouts.listing import (
    folders,
    is_case_name,
    named_as_mask,
    visible,
    without_links,
)
from challenges.ingest.layouts.survey import FoundReader, Incomplete, Survey
from challenges.ingest.sources import Source
from evaluation.case_table import read_case_table
from evaluation.documents import Problem

LAYOUTS: dict[str, Layout] = {
    module.LAYOUT.id: module.LAYOUT for module in (nnunet, autopet, bids, case_folders, dicom)
}
"""By id, the most particular first, as the first that fits is taken."""

_TABLE = "cases.csv"
_OWN = {"case_id", "patient_id", "split"}
_USUAL = 0.5
"""A mask that fewer of the cases have is no reader's, until a person says so."""


def detect(folder: Path) -> str:
    """The id of the first layout that fits; empty where none does."""
    return next((layout.id for layout in LAYOUTS.values() if layout.fits(folder)), "")


def look_through(
    folder: Path, *, layout: str = "", choices: Choices | None = None, wanted: Wanted
) -> Survey:
    """What of ``wanted`` is in ``folder``, or in the one folder that is all it holds.

    layout: an id of LAYOUTS; by default the first that fits. Raises ValueError for an unknown one.
    """
    if layout and layout not in LAYOUTS:
        raise ValueError(f"layout {layout!r} is unknown; known: {', '.join(LAYOUTS)}")
    root, fitting = _root(folder, layout)
    problems: list[Problem] = []
    without_links(root, problems)
    if not fitting:
        known = "; ".join(f"{one.title} ({one.example})" for one in LAYOUTS.values())
        text = f"none of the known layouts is recognised: {known}"
        return Survey("", "", problems=(*problems, Problem("the folder", text)))
    if problems:  # before a link is followed
        return Survey(fitting, LAYOUTS[fitting].title, problems=tuple(problems))
    found = LAYOUTS[fitting].find(root, wanted, choices or Choices())
    table = read_case_table(root / _TABLE, found.problems) if (root / _TABLE).is_file() else None
    return _survey(LAYOUTS[fitting], found, table, wanted, choices or Choices())


def _root(folder: Path, layout: str) -> tuple[Path, str]:
    """Where the data begin: archives often hold one folder, and all else in it."""
    while not (fitting := detect(folder)) or fitting == dicom.LAYOUT.id:
        inner = visible(folder)
        if len(inner) != 1 or not folders(folder):
            break
        folder = inner[0]
    return folder, layout or fitting


def _survey(
    layout: Layout,
    found: Found,
    table: Sequence[dict[str, str]] | None,
    wanted: Wanted,
    choices: Choices,
) -> Survey:
    readers = _readers(found.cases, wanted, choices, found.notices)
    rows = {row["case_id"]: row for row in table or ()}
    cases: list[CaseFiles] = []
    incomplete = [
        Incomplete(name, ("has a row in cases.csv, but no images",))
        for name in rows
        if name not in {case.name for case in found.cases}
    ]
    for case in _in_order(found.cases, list(rows)):
        reasons = _reasons(case, readers, wanted)
        if table is not None and case.name not in rows:
            reasons.append("no row in cases.csv")
        row = found.rows.get(case.name, {}) | rows.get(case.name, {})
        if reasons or case.pet is None:
            incomplete.append(Incomplete(case.name, tuple(reasons)))
        else:
            cases.append(_case_files(case, len(cases), row, readers, wanted))
    used = {column for case in cases for column in case.metadata}
    columns = [key for row in (*found.rows.values(), *rows.values()) for key in row if key in used]
    return Survey(
        layout=layout.id,
        title=layout.title,
        readers=readers,
        columns=tuple(dict.fromkeys(columns)),
        cases=tuple(cases),
        incomplete=tuple(incomplete),
        with_ct=sum(case.ct is not None for case in found.cases),
        notices=tuple(found.notices),
        problems=tuple(found.problems),
    )


def _in_order(cases: Sequence[FoundCase], names: Sequence[str]) -> list[FoundCase]:
    """As in the table; what is not in it comes behind."""
    place = {name: number for number, name in enumerate(names)}
    return sorted(cases, key=lambda case: place.get(case.name, len(names)))


def _readers(
    cases: Sequence[FoundCase], wanted: Wanted, choices: Choices, notices: list[str]
) -> tuple[FoundReader, ...]:
    """Every reader wanted and every other mask that there is; of none wanted, those that most cases
    have are proposed."""
    counts = Counter(key for case in cases for key in case.masks)
    keys = list(dict.fromkeys(key for case in cases for key in case.masks))
    taken: list[FoundReader] = []
    if wanted.readers:
        for reader in wanted.readers:
            names = (choices.readers.get(reader.name, ""), reader.file, reader.name)
            key = next((name for name in names if name in counts), "")
            if not key and len(wanted.readers) == len(keys) == 1:
                key = keys[0]
                notices.append(f"“{key}” is taken as the mask of reader {reader.name}")
            taken.append(FoundReader(reader.name, key, counts[key], True))
    elif choices.readers:
        taken = [FoundReader(name, key, counts[key], True) for name, key in choices.readers.items()]
    else:
        most = max(counts.values(), default=0)
        usual = [key for key in keys if counts[key] >= _USUAL * most]
        taken = [FoundReader(key, key, counts[key], True) for key in usual]
    known = {reader.key for reader in taken}
    return (
        *taken,
        *(FoundReader(key, key, counts[key], False) for key in keys if key not in known),
    )


def _reasons(case: FoundCase, readers: Sequence[FoundReader], wanted: Wanted) -> list[str]:
    reasons = list(case.trouble)
    if not is_case_name(case.name):
        reasons.append("its name must be letters, digits, “.”, “_” or “-”, at most 100")
    if case.pet is None and not case.trouble:
        reasons.append("no PET")
    if "CT" in wanted.modalities and case.ct is None:
        reasons.append("no CT")
    taken = [reader for reader in readers if reader.taken]
    lacking = [reader.name for reader in taken if reader.key not in case.masks]
    if not taken or len(lacking) == len(taken):
        reasons.append(_no_reference(case))
    else:
        reasons += [f"no mask of {name}" for name in lacking]
    reasons += [f"no {name}.json" for name in wanted.inputs if name not in case.inputs]
    return reasons


def _no_reference(case: FoundCase) -> str:
    """Masks that are there are named: it may only be unknown whose they are."""
    if not case.masks:
        return "no reference"
    return f"no reference: its masks ({', '.join(case.masks)}) are of none of the readers"


def _case_files(
    case: FoundCase,
    position: int,
    row: dict[str, str],
    readers: Sequence[FoundReader],
    wanted: Wanted,
) -> CaseFiles:
    if case.pet is None:
        raise ValueError(f"{case.name} has no PET")
    metadata = {key: cell for key, cell in row.items() if key not in _OWN}
    return CaseFiles(
        name=case.name,
        patient=row.get("patient_id") or case.patient or case.name,
        position=position,
        metadata=metadata,
        pet=case.pet,
        ct=case.ct if "CT" in wanted.modalities else None,
        annotations={one.name: case.masks[one.key] for one in readers if one.taken},
        inputs={name: case.inputs[name] for name in wanted.inputs},
        split=row.get("split", ""),
        auxiliary=_auxiliary(case, readers),
    )


def _auxiliary(case: FoundCase, readers: Sequence[FoundReader]) -> dict[str, Source]:
    """Files of masks that are no reader's; of ROIs and segments each means something else."""
    taken = {reader.key for reader in readers if reader.taken}
    return {
        key: source
        for key, source in case.masks.items()
        if key not in taken and source.kind == "volume" and named_as_mask(key)
    }
