"""A folder for each case, with files of the same names in each: ``case-1/pet.nii.gz``."""

from dataclasses import dataclass, field
from pathlib import Path

from challenges.ingest.layouts.found import Choices, Found, FoundCase, Layout, Wanted
from challenges.ingest.layouts.listing import (
    ENDINGS,
    OUTSIDE,
    folders,
    images,
    leads_outside,
    stem_of,
    visible,
)
from challenges.ingest.sources import Source
from evaluation.documents import Problem

_IMAGES = {"PET": "pet", "CT": "ct"}
_EXPECTED = ("challenge.yaml", "cases.csv")


@dataclass
class CaseFolder:
    """The files of one case, told by name; what is wrong with one is added to ``problems``."""

    path: Path
    root: Path
    problems: list[Problem]
    used: set[Path] = field(default_factory=set)

    @property
    def name(self) -> str:
        return self.path.name

    def only(self, stem: str, what: str, endings: tuple[str, ...] = ENDINGS) -> Path | None:
        """The one file of that name; None, and a problem, where there is none or several."""
        entries = sorted(self.path.iterdir())
        matches = [entry for entry in entries if entry.name in {stem + end for end in endings}]
        self.used.update(matches)
        if len(matches) == 1:
            place = f"{self.name}/{matches[0].name}"
            if not matches[0].is_file():
                self.problems.append(Problem(place, "is not a file"))
            elif leads_outside(matches[0], self.root):
                self.problems.append(Problem(place, OUTSIDE))
            else:
                return matches[0]
            return None
        found = f"found {', '.join(m.name for m in matches)}" if matches else "found none"
        expected = f"one {what} as {_either(endings)} is expected"
        self.problems.append(Problem(f"{self.name}/{stem}", f"{expected}; {found}"))
        return None

    def has(self, stem: str) -> bool:
        return any((self.path / (stem + end)).exists() for end in ENDINGS)


def _either(endings: tuple[str, ...]) -> str:
    return " or ".join(filter(None, [", ".join(endings[:-1]), endings[-1]]))


def _fits(root: Path) -> bool:
    return any(CaseFolder(one, root, []).has("pet") for one in folders(root))


def _find(root: Path, wanted: Wanted, choices: Choices) -> Found:
    found = Found()
    for entry in visible(root):
        if entry.is_dir() and not entry.is_symlink():
            found.cases.append(_case(entry, root, wanted))
        elif entry.name not in _EXPECTED:
            found.notices.append(f"{entry.name}: undeclared file, left out")
    return found


def _case(path: Path, root: Path, wanted: Wanted) -> FoundCase:
    problems: list[Problem] = []
    folder = CaseFolder(path, root, problems)
    pet, ct = (
        folder.only(stem, f"{label} image") if folder.has(stem) else None
        for label, stem in _IMAGES.items()
    )
    stems = dict.fromkeys(stem_of(entry) for entry in images(path))
    masks = {
        stem: Source((mask,))
        for stem in stems
        if stem not in _IMAGES.values() and (mask := folder.only(stem, f"mask “{stem}”"))
    }
    inputs = {
        name: path / f"{name}.json" for name in wanted.inputs if (path / f"{name}.json").is_file()
    }
    return FoundCase(
        name=path.name,
        pet=Source((pet,)) if pet else None,
        ct=Source((ct,)) if ct else None,
        masks=masks,
        inputs=inputs,
        trouble=tuple(problem.text for problem in problems),
    )


LAYOUT = Layout(
    id="folders",
    title="A folder for each case",
    example="case-1/pet.nii.gz, case-1/ct.nii.gz, case-1/reference.nii.gz",
    fits=_fits,
    find=_find,
)
