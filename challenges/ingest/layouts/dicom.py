"""DICOM files in any folders, under any names: series by UID, masks as RTSTRUCT or SEG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from challenges.ingest.layouts.found import Choices, Found, FoundCase, Layout, Wanted
from challenges.ingest.layouts.listing import all_files, case_name, counted, inputs_beside
from challenges.ingest.sources import Kind, Source
from evaluation.documents import Problem
from evaluation.errors import EvaluationError

if TYPE_CHECKING:  # pydicom takes a while to load
    from evaluation.dicom import FileHeader

_TRIED = 200
"""Files that are looked into to tell whether a folder holds DICOM."""

_MASKS: dict[str, Kind] = {"RTSTRUCT": "rtstruct", "SEG": "seg"}
_EXPECTED = {"challenge.yaml", "cases.csv", "DICOMDIR"}


@dataclass(frozen=True)
class _Series:
    """Its files, of which ``first`` speaks for all."""

    first: FileHeader
    headers: tuple[FileHeader, ...]

    def source(self, kind: Kind) -> Source:
        return Source(tuple(sorted(one.path for one in self.headers)), kind)


@dataclass(frozen=True)
class _Study:
    """The PET series that may be meant, the CT, and the files that masks are in."""

    name: str
    patient: str
    pets: tuple[_Series, ...]
    cts: tuple[_Series, ...]
    drawn: tuple[FileHeader, ...]


def _fits(root: Path) -> bool:
    from evaluation.dicom import is_dicom

    return any(is_dicom(path) for path in islice(all_files(root), _TRIED))


def _find(root: Path, wanted: Wanted, choices: Choices) -> Found:
    found = Found()
    headers = _headers(root, found)
    studies = _studies(headers, choices, found)
    twice = _ambiguous(studies)
    for study in studies:
        found.cases.append(_case(study, root, wanted, twice, found))
    if not studies:
        text = "no PET series (Modality PT) is among the DICOM files"
        found.problems.append(Problem(root.name, text))
    return found


def _headers(root: Path, found: Found) -> list[FileHeader]:
    from evaluation.dicom import is_dicom, read_header

    headers, others = [], []
    for path in all_files(root):
        place = str(path.relative_to(root))
        try:
            if is_dicom(path):
                headers.append(read_header(path))
            elif path.name not in _EXPECTED and path.parts[-3] != "inputs":
                others.append(place)
        except EvaluationError as error:
            found.problems.append(Problem(place, error.message))
        except OSError as error:
            found.problems.append(Problem(place, f"cannot be read: {error.strerror}"))
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        found.notices.append(f"{others[0]}{more}: not DICOM, left out")
    instances = {one.instance: one for one in headers if one.instance}
    if doubled := len([one for one in headers if one.instance]) - len(instances):
        found.notices.append(f"{doubled} files are there twice (SOPInstanceUID), one of each taken")
    return [*instances.values(), *(one for one in headers if not one.instance)]


def _studies(headers: list[FileHeader], choices: Choices, found: Found) -> list[_Study]:
    """One for each study of each patient that holds a PET series, by patient and then by UID."""
    by_study: dict[tuple[str, str], list[_Series]] = {}
    for one in _grouped(headers):
        by_study.setdefault((one.first.patient, one.first.study), []).append(one)
    masks = [one for one in headers if one.modality in _MASKS]
    with_pet = {
        key: group
        for key, group in by_study.items()
        if any(one.first.modality == "PT" for one in group)
    }
    names = _names(list(with_pet))
    studies: list[_Study] = []
    taken: set[Path] = set()
    for key, group in with_pet.items():
        drawn = _drawn_on(group, masks)
        taken |= {one.path for one in drawn}
        pets = _meant([one for one in group if one.first.modality == "PT"], drawn, choices)
        cts = [one for one in group if one.first.modality == "CT"]
        studies.append(_Study(names[key], key[0], tuple(pets), tuple(cts), tuple(drawn)))
    if lost := [one for one in masks if one.path not in taken]:
        names_lost = ", ".join(one.path.name for one in lost[:3])
        text = f"{names_lost}: drawn on no PET that is there, {len(lost)} files left out"
        found.notices.append(text)
    return sorted(studies, key=lambda one: counted(one.name))


def _drawn_on(series: list[_Series], masks: list[FileHeader]) -> list[FileHeader]:
    """The masks that refer to one of the study's series, or lie in its frame of reference."""
    first = series[0].first
    own = {one.first.series for one in series}
    frames = {one.first.frame for one in series if one.first.frame}
    return [
        one
        for one in masks
        if one.patient == first.patient
        and (one.refers_to & own or (one.frame in frames and one.study == first.study))
    ]


def _grouped(headers: Iterable[FileHeader]) -> list[_Series]:
    groups: dict[tuple[str, ...], list[FileHeader]] = {}
    for one in headers:
        groups.setdefault((one.patient, one.study, one.series, one.modality), []).append(one)
    return [_Series(group[0], tuple(group)) for group in groups.values()]


def _names(keys: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """A case for each study: the patient's id, with a number where there are several studies."""
    names: dict[tuple[str, str], str] = {}
    ids = {key: case_name(key[0]) or "patient" for key in keys}
    times, seen = Counter(ids.values()), Counter[str]()
    for key in sorted(keys):
        seen[ids[key]] += 1
        several = times[ids[key]] > 1
        names[key] = f"{ids[key]}-{seen[ids[key]]}" if several else ids[key]
    return names


def _meant(pets: list[_Series], drawn: list[FileHeader], choices: Choices) -> list[_Series]:
    """Of several PET series: those chosen; else those corrected for attenuation, which SUV need;
    else those that masks were drawn on."""
    rules: tuple[Callable[[_Series], bool], ...] = (
        lambda one: one.first.series in choices.series,
        lambda one: "ATTN" in one.first.corrected,
        lambda one: any(one.first.series in mask.refers_to for mask in drawn),
    )
    for rule in rules:
        if len(pets) > 1:
            pets = [one for one in pets if rule(one)] or pets
    return pets


def _ambiguous(studies: list[_Study]) -> set[str]:
    """Names of ROIs and segments that two files of one case have."""
    twice: set[str] = set()
    for study in studies:
        times = Counter(part for file in study.drawn for part in file.parts)
        twice |= {part for part, count in times.items() if count > 1}
    return twice


def _case(study: _Study, root: Path, wanted: Wanted, twice: set[str], found: Found) -> FoundCase:
    trouble = []
    if len(study.pets) > 1:
        listed = "; ".join(_described(one) for one in study.pets)
        trouble.append(f"{len(study.pets)} PET series, choose one: {listed}")
    pet = study.pets[0]
    masks = {}
    for file in study.drawn:
        for part in file.parts:
            who = f"{part} of {file.description or file.path.stem}" if part in twice else part
            if who in masks:
                who = f"{part} of {file.path.stem}"
            masks[who] = Source((file.path,), _MASKS[file.modality], part)
        if pet.first.series not in file.refers_to:
            text = f"{study.name}: {file.path.name} was drawn on another series in the PET's frame"
            found.notices.append(f"{text} of reference, and is taken")
    return FoundCase(
        name=study.name,
        patient=study.patient,
        pet=pet.source("dicom_pet") if len(study.pets) == 1 else None,
        ct=_ct(study, pet, found),
        masks=masks,
        inputs=inputs_beside(root, study.name, wanted),
        trouble=tuple(trouble),
    )


def _ct(study: _Study, pet: _Series, found: Found) -> Source | None:
    """The CT in the PET's frame of reference; of several the one with the most slices."""
    cts = [one for one in study.cts if one.first.frame == pet.first.frame and len(one.headers) > 1]
    if not cts:
        return None
    longest = max(cts, key=lambda one: (len(one.headers), one.first.series))
    if len(cts) > 1:
        listed = "; ".join(_described(one) for one in cts)
        taken = f"of {len(cts)} CT series the longest is taken ({listed})"
        found.notices.append(f"{study.name}: {taken}")
    return longest.source("dicom_ct")


def _described(series: _Series) -> str:
    what = series.first.description or "without a description"
    return f"{what}, {len(series.headers)} files, {series.first.series}"


LAYOUT = Layout(
    id="dicom",
    title="DICOM",
    example="folders of PET and CT series, with RTSTRUCT or SEG",
    fits=_fits,
    find=_find,
)
