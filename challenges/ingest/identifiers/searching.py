"""Search what a case brings: its files' names and headers, its name, patient and metadata."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from challenges.ingest.cases import CaseFiles
from challenges.ingest.identifiers.found import Identifier, masked
from challenges.ingest.identifiers.headers import texts_of
from challenges.ingest.identifiers.texts import NUMBER, search_text
from challenges.ingest.layouts.listing import ENDINGS
from challenges.ingest.sources import Source


def identifiers_in(case: CaseFiles, root: Path) -> tuple[Identifier, ...]:
    """Everything found in one case, each kind in each place once; names are told below ``root``.

    A file that is damaged gives what can be read of it: that it is damaged is told when its pixels
    are read. Raises OSError.
    """
    sources = [case.pet, *([case.ct] if case.ct else []), *case.annotations.values()]
    found = [*_in_names(sources, root), *_in_headers(sources)]
    for place, text in (("case_id", case.name), ("patient_id", case.patient)):
        found += _in_text(f"cases.csv, {place}", text)
    for column, cell in case.metadata.items():
        found += [
            one
            for one in _in_text(f"cases.csv, {column}", cell)
            if one.what != NUMBER or column.lower().endswith(("id", "number", "no"))
        ]
    return tuple(dict.fromkeys(found))


def search_name(name: str) -> tuple[Identifier, ...]:
    """In the name of a file or folder, or a path below the data's own folder."""
    stem = name
    for ending in (*ENDINGS, ".dcm", ".json"):
        stem = stem.removesuffix(ending)
    return tuple(_in_text(f"the name {masked(name)}", stem))


def search_file(path: Path) -> tuple[Identifier, ...]:
    """In the header of an image file of any format. Raises OSError."""
    return tuple(dict.fromkeys(_in_file(path)))


def _in_names(sources: Iterable[Source], root: Path) -> Iterator[Identifier]:
    paths = {path for source in sources for path in source.paths}
    parts = {part for path in paths for part in path.relative_to(root).parts}
    for part in sorted(parts):
        yield from search_name(part)


def _in_headers(sources: Iterable[Source]) -> Iterator[Identifier]:
    """Of a series each kind in each tag once, as its slices say the same."""
    seen = set()
    for path in dict.fromkeys(path for source in sources for path in source.paths):
        for one in _in_file(path):
            tag = one.place.partition(": ")[2]
            if (tag, one.what, one.example_masked) not in seen:
                seen.add((tag, one.what, one.example_masked))
                yield one


def _in_file(path: Path) -> Iterator[Identifier]:
    from evaluation.dicom import is_dicom

    if is_dicom(path):
        from challenges.ingest.identifiers.dicom import search_dicom

        yield from search_dicom(path)
        return
    for key, text in texts_of(path):
        yield from _in_text(f"{path.name}: {key}", text)


def _in_text(place: str, text: str) -> Iterator[Identifier]:
    for what, part in search_text(text):
        yield Identifier(place, what, masked(part))
