"""What was found in a folder, for a person to look at before anything is stored."""

from dataclasses import dataclass
from typing import Any

from challenges.ingest.cases import CaseFiles
from challenges.ingest.sources import Source
from evaluation.documents import Problem


@dataclass(frozen=True)
class FoundReader:
    """name: as the case is to have it. key: the layout's own name for it (a file's stem, a folder,
    an ROI); empty where no such masks were found. cases: how many have such a mask. taken: whether
    cases are to have it; one that is not may be chosen."""

    name: str
    key: str
    cases: int
    taken: bool


@dataclass(frozen=True)
class Incomplete:
    """A case that cannot be imported as it is, and every reason."""

    name: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Survey:
    """cases: complete ones, in the order of the table, else of their names. columns: of the
    metadata. with_ct: of all cases, complete or not. problems: where there is one, nothing is to be
    kept; incomplete cases are left out instead."""

    layout: str
    title: str
    readers: tuple[FoundReader, ...] = ()
    columns: tuple[str, ...] = ()
    cases: tuple[CaseFiles, ...] = ()
    incomplete: tuple[Incomplete, ...] = ()
    with_ct: int = 0
    notices: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def found(self) -> int:
        return len(self.cases) + len(self.incomplete)

    def to_json(self) -> dict[str, Any]:
        """For a page; names of files and cases, and no path on this machine."""
        return {
            "layout": self.layout,
            "title": self.title,
            "found": self.found,
            "complete": len(self.cases),
            "with_ct": self.with_ct,
            "patients": len({case.patient for case in self.cases}),
            "splits": sorted({case.split for case in self.cases if case.split}),
            "columns": list(self.columns),
            "readers": [
                {"name": one.name, "key": one.key, "cases": one.cases, "taken": one.taken}
                for one in self.readers
            ],
            "cases": [_case(case) for case in self.cases],
            "incomplete": [
                {"name": one.name, "reasons": list(one.reasons)} for one in self.incomplete
            ],
            "notices": list(self.notices),
            "problems": [{"place": one.place, "text": one.text} for one in self.problems],
        }


def _case(case: CaseFiles) -> dict[str, Any]:
    def named(source: Source | None) -> str:
        return "" if source is None else source.name

    return {
        "name": case.name,
        "patient": case.patient,
        "split": case.split,
        "pet": named(case.pet),
        "ct": named(case.ct),
        "annotations": {reader: source.name for reader, source in case.annotations.items()},
    }
