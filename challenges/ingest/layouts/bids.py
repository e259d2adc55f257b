"""BIDS: ``sub-01/[ses-1/]pet/sub-01_pet.nii.gz``, masks in ``derivatives/<reader>/sub-01/``."""

import csv
import json
from collections import Counter
from pathlib import Path

from challenges.ingest.layouts.found import Choices, Found, FoundCase, Layout, Wanted
from challenges.ingest.layouts.listing import (
    all_files,
    folders,
    images,
    inputs_beside,
    stem_of,
)
from challenges.ingest.sources import Source
from evaluation.documents import Problem

_SUV = {"g/ml", "suv", "suvbw"}
_MOST_BYTES = 16 * 1024 * 1024
_NOTHING = "n/a"


def _fits(root: Path) -> bool:
    return any(_with_suffix(session / "pet", "pet") for _, session in _sessions(root))


def _find(root: Path, wanted: Wanted, choices: Choices) -> Found:
    found = Found()
    masks = _masks(root)
    people = _participants(root, found.problems)
    unsaid = []
    for subject, session in _sessions(root):
        name = _case_of(subject, session)
        pets, cts = _with_suffix(session / "pet", "pet"), _cts(session)
        if not pets and not cts:
            continue
        trouble = []
        for label, paths in (("PET", pets), ("CT", cts)):
            if len(paths) > 1:
                trouble.append(f"several {label}: {', '.join(path.name for path in paths)}")
        units = _units(pets[0], trouble) if len(pets) == 1 else ""
        if units and units.lower() not in _SUV:
            trouble.append(f"its PET is in {units}; SUV (g/ml) is expected, convert it")
        if len(pets) == 1 and not units:
            unsaid.append(name)
        found.cases.append(
            FoundCase(
                name=name,
                patient=subject.name,
                pet=Source((pets[0],)) if len(pets) == 1 else None,
                ct=Source((cts[0],)) if len(cts) == 1 else None,
                masks={who: Source((of[name],)) for who, of in masks.items() if name in of},
                inputs=inputs_beside(root, name, wanted),
                trouble=tuple(trouble),
            )
        )
        if subject.name in people:
            found.rows[name] = people[subject.name]
    if unsaid:
        told = f"{unsaid[0]} and {len(unsaid) - 1} more" if len(unsaid) > 1 else unsaid[0]
        found.notices.append(f"{told}: no file beside the PET says its unit; it is taken as SUV")
    return found


def _sessions(root: Path) -> list[tuple[Path, Path]]:
    """Every subject with each of its sessions, which is the subject's own folder without any."""
    pairs = []
    for subject in folders(root):
        if subject.name.startswith("sub-"):
            sessions = [one for one in folders(subject) if one.name.startswith("ses-")]
            pairs += [(subject, session) for session in sessions or [subject]]
    return pairs


def _with_suffix(folder: Path, suffix: str) -> list[Path]:
    return [path for path in images(folder) if _suffix(path) == suffix]


def _suffix(path: Path) -> str:
    return stem_of(path).rpartition("_")[2].lower()


def _cts(session: Path) -> list[Path]:
    """BIDS names no place for a CT; it is where its own or another image's folder holds one."""
    return [path for folder in folders(session) for path in _with_suffix(folder, "ct")]


def _units(pet: Path, trouble: list[str]) -> str:
    """What the file beside the PET says; empty where there is none, or it does not say."""
    path = pet.with_name(f"{stem_of(pet)}.json")
    if not path.is_file():
        return ""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES:,} bytes")
        return str(json.loads(path.read_text("utf-8")).get("Units", ""))
    except (ValueError, AttributeError, RecursionError) as error:
        trouble.append(f"{path.name} cannot be read: {error}")
    except OSError as error:
        trouble.append(f"{path.name} cannot be read: {error.strerror}")
    return ""


def _masks(root: Path) -> dict[str, dict[str, Path]]:
    """Who drew → case → file; a folder of derivatives with several masks of a case is several."""
    masks: dict[str, dict[str, Path]] = {}
    for pipeline in folders(root / "derivatives"):
        drawn = [
            (case, path)
            for subject, session in _sessions(pipeline)
            for case in [_case_of(subject, session)]
            for path in all_files(session)
            if stem_of(path) and _suffix(path) in ("mask", "dseg", "seg")
        ]
        once = max(Counter(case for case, _ in drawn).values(), default=0) == 1
        for case, path in drawn:
            who = pipeline.name if once else f"{pipeline.name} {_rest(path)}"
            masks.setdefault(who, {})[case] = path
    return masks


def _case_of(subject: Path, session: Path) -> str:
    return subject.name if session == subject else f"{subject.name}_{session.name}"


def _rest(path: Path) -> str:
    """What tells one mask of a session from another."""
    parts = stem_of(path).split("_")
    return "_".join(part for part in parts if not part.startswith(("sub-", "ses-")))


def _participants(root: Path, problems: list[Problem]) -> dict[str, dict[str, str]]:
    path = root / "participants.tsv"
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES:,} bytes")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", strict=True))
    except (csv.Error, ValueError) as error:
        problems.append(Problem(path.name, f"cannot be read as a table with tabs: {error}"))
        return {}
    except OSError as error:
        problems.append(Problem(path.name, f"cannot be read: {error.strerror}"))
        return {}
    people = {}
    for number, row in enumerate(rows, start=2):
        who = row.pop("participant_id", None)
        if not who or None in row or None in row.values():
            text = "participant_id and a cell for each column are expected"
            problems.append(Problem(f"{path.name}, line {number}", text))
            continue
        cells = {key.strip(): cell.strip() for key, cell in row.items()}
        people[who.strip()] = {key: "" if cell == _NOTHING else cell for key, cell in cells.items()}
    return people


LAYOUT = Layout(
    id="bids",
    title="BIDS",
    example="sub-01/pet/sub-01_pet.nii.gz, derivatives/reader/sub-01/pet/sub-01_mask.nii.gz",
    fits=_fits,
    find=_find,
)
