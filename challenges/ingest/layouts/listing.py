"""Files and folders by name: sorted as people count, without what systems leave lying about."""

import re
from collections.abc import Iterator
from pathlib import Path

from challenges.ingest.layouts.found import Wanted
from evaluation.documents import Problem

ENDINGS = (".nii.gz", ".nii", ".mha", ".nrrd")
OUTSIDE = "is a link that leads out of the challenge's folder; put the file itself there"
_LEFT_LYING = {"__MACOSX", "Thumbs.db", "desktop.ini"}
_MASK = re.compile(r"(?i)(?<![a-z])(mask|seg|segmentation|labels?|contours?|roi|gtv)(?![a-z])")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def leads_outside(path: Path, root: Path) -> bool:
    """Whether importing ``path`` would publish a file that was never put into ``root``."""
    return path.exists() and not path.resolve().is_relative_to(root.resolve())


def visible(folder: Path) -> list[Path]:
    """What is in a folder, in the order of numbers within names; nothing where there is none."""
    if not folder.is_dir():
        return []
    entries = [
        entry
        for entry in folder.iterdir()
        if not entry.name.startswith(".") and entry.name not in _LEFT_LYING
    ]
    return sorted(entries, key=lambda entry: counted(entry.name))


def folders(folder: Path) -> list[Path]:
    return [entry for entry in visible(folder) if entry.is_dir() and not entry.is_symlink()]


def images(folder: Path) -> list[Path]:
    return [entry for entry in visible(folder) if stem_of(entry) and entry.is_file()]


def stem_of(path: Path) -> str:
    """The name without an image's ending; empty for what is no image."""
    for ending in ENDINGS:
        if path.name.lower().endswith(ending):
            return path.name[: -len(ending)]
    return ""


def is_mask(path: Path, root: Path) -> bool:
    """Whether an image of the folder is a mask, by its name."""
    return named_as_mask(stem_of(path)) and path.is_file() and not leads_outside(path, root)


def named_as_mask(stem: str) -> bool:
    return _MASK.search(stem) is not None


def all_files(folder: Path) -> Iterator[Path]:
    """Every file in it and below, a folder at a time; links are not followed."""
    for entry in visible(folder):
        if entry.is_symlink():
            continue
        if entry.is_dir():
            yield from all_files(entry)
        elif entry.is_file():
            yield entry


def counted(name: str) -> tuple[tuple[int, int | str], ...]:
    """A key by which case2 comes before case10."""
    parts = re.split(r"(\d+)", name, flags=re.ASCII)
    return tuple(
        (0, int(part)) if part.isdigit() and part.isascii() else (1, part) for part in parts
    )


def case_name(text: str) -> str:
    """``text`` as a case may be called, letters, digits, “.”, “_” and “-”; or empty."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-._")[:100]


def is_case_name(text: str) -> bool:
    return bool(_NAME.fullmatch(text))


def inputs_beside(root: Path, case: str, wanted: Wanted) -> dict[str, Path]:
    """The further inputs of a case: ``inputs/<case>/<name>.json``, where they are there."""
    paths = {name: root / "inputs" / case / f"{name}.json" for name in wanted.inputs}
    return {name: path for name, path in paths.items() if path.is_file() and not path.is_symlink()}


def without_links(root: Path, problems: list[Problem]) -> None:
    """Tell of every link in ``root`` that leads out of it."""
    for entry in root.rglob("*"):
        if entry.is_symlink() and leads_outside(entry, root):
            problems.append(Problem(str(entry.relative_to(root)), OUTSIDE))
