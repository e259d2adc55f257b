"""Which file is which case's reference, prediction and PET, when folders are scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.documents import Problem

_NOT_IMAGES = (".csv", ".json", ".yaml", ".yml", ".md", ".txt")
ENDINGS = (".nii.gz", ".nii", ".mha", ".nrrd")


@dataclass(frozen=True)
class CaseFiles:
    """references: by reader, in the order of the folders given; prediction: None where missing.
    probability: the map beside the prediction, where there is one."""

    name: str
    references: dict[str, Path]
    prediction: Path | None
    pet: Path | None
    probability: Path | None = None


class FoldersRefused(Exception):
    """Every problem of the folders, at once."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def pair_up(
    references: Sequence[Path],
    predictions: Path,
    pets: Path | None,
    probabilities: Path | None = None,
) -> tuple[list[CaseFiles], list[str]]:
    """The cases of the references, by name, and notices of what was left out.

    A folder holds a file for each case, named after it (``case_1.nii.gz``), or a folder for each
    case with ``reference``, ``prediction``, ``pet`` or ``probability`` in it. One folder of
    references per reader; a reader who has no file of a case did not read it. Raises
    FoldersRefused.
    """
    problems: list[Problem] = []
    notices: list[str] = []
    for folder in references:
        if [one.resolve() for one in references].count(folder.resolve()) > 1:
            problems.append(Problem(str(folder), "is named twice; one folder for each reader"))
    readers = {
        _reader(folder, references): _files(folder, "reference", problems, notices)
        for folder in references
    }
    answers = _files(predictions, "prediction", problems, notices)
    images = _files(pets, "pet", problems, []) if pets else {}
    maps = _files(probabilities, "probability", problems, []) if probabilities else {}
    names = sorted({name for files in readers.values() for name in files})
    if not names and not problems:
        problems.append(Problem(str(references[0]), f"holds no case ({', '.join(ENDINGS)})"))
    if names and not set(names) & set(answers) and not problems:
        problems.append(
            Problem(
                str(predictions),
                f"has no prediction of any case: the references are {_some(names)}, the "
                f"predictions {_some(sorted(answers)) or 'none'}. Name both alike",
            )
        )
    if pets:
        problems += [
            Problem(str(pets), f"has no PET of “{name}”") for name in names if name not in images
        ]
    if probabilities and not problems and not set(names) & set(maps):
        problems.append(Problem(str(probabilities), "has no map of any case; name them alike"))
    if problems:
        raise FoldersRefused(list(dict.fromkeys(problems)))
    strangers = sorted(set(answers) - set(names))
    notices += [f"“{name}” is predicted, but there is no reference of it" for name in strangers]
    cases = [
        CaseFiles(
            name=name,
            references={reader: files[name] for reader, files in readers.items() if name in files},
            prediction=answers.get(name),
            pet=images.get(name),
            probability=maps.get(name),
        )
        for name in names
    ]
    return cases, notices


def _reader(folder: Path, folders: Sequence[Path]) -> str:
    """The folder's name, or its whole path where two have the same name."""
    names = [one.resolve().name for one in folders]
    name = folder.resolve().name
    return name if names.count(name) == 1 else str(folder)


def stem(path: Path) -> str | None:
    """The name without the ending of an image; None where it has another."""
    for ending in ENDINGS:
        if path.name.lower().endswith(ending) and len(path.name) > len(ending):
            return path.name[: -len(ending)]
    return None


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(f"“{name}”" for name in names[:5]) + more


def _files(folder: Path, role: str, problems: list[Problem], notices: list[str]) -> dict[str, Path]:
    try:
        entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        problems.append(Problem(str(folder), f"cannot be read: {error.strerror}"))
        return {}
    found: dict[str, Path] = {}
    for entry in entries:
        if entry.is_dir():
            inside = [path for path in sorted(entry.iterdir()) if stem(path) == role]
            name = entry.name
        else:
            inside = [entry] if stem(entry) else []
            name = stem(entry) or ""
        if not inside and entry.suffix not in _NOT_IMAGES:
            what = f"holds no {role} ({', '.join(ENDINGS)})" if entry.is_dir() else "is no image"
            notices.append(f"{entry} {what}, left out")
        for path in inside:
            if path.exists() and not path.is_file():
                problems.append(Problem(str(path), "is not a file"))
            elif name in found:
                problems.append(
                    Problem(str(path), f"“{name}” is there twice, as {found[name].name} too")
                )
            else:
                found[name] = path
    return found
