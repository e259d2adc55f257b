"""nnU-Net's raw data: ``imagesTr/case_0000.nii.gz``, ``labelsTr/case.nii.gz``, ``dataset.json``."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from challenges.ingest.layouts.found import Choices, Found, FoundCase, Layout, Wanted
from challenges.ingest.layouts.listing import folders, images, inputs_beside, stem_of
from challenges.ingest.sources import Source
from evaluation.documents import Problem

REFERENCE = "reference"
"""Who drew ``labelsTr``, as nnU-Net has no name for it; ``labelsTr_<reader>`` has one."""

_IMAGE = re.compile(r"(.+)_(\d{4})")
_MOST_BYTES = 16 * 1024 * 1024
_WORDS = {"PET": {"pet", "pt", "suv"}, "CT": {"ct", "ctres"}}


def _fits(root: Path) -> bool:
    return (root / "imagesTr").is_dir()


def _find(root: Path, wanted: Wanted, choices: Choices) -> Found:
    found = Found()
    by_channel = {part: _images(root / f"images{part}", found) for part in ("Tr", "Ts")}
    everything = [one for cases in by_channel.values() for one in cases.values()]
    channels = {channel for one in everything for channel in one}
    modality = _modalities(root, channels, choices, found.problems)
    for part, cases in by_channel.items():
        masks = _masks(root, part)
        if part == "Ts" and not masks:
            if cases:
                found.notices.append(f"imagesTs: {len(cases)} cases without labelsTs, left out")
            continue
        for name, paths in cases.items():
            if any(case.name == name for case in found.cases):
                text = f"{name} is in imagesTr too; give it another name"
                found.problems.append(Problem("imagesTs", text))
                continue
            found.cases.append(
                FoundCase(
                    name=name,
                    pet=_source(paths, modality.get("PET")),
                    ct=_source(paths, modality.get("CT")),
                    masks={who: Source((of[name],)) for who, of in masks.items() if name in of},
                    inputs=inputs_beside(root, name, wanted),
                )
            )
        for who, of in masks.items():
            if lost := [name for name in of if name not in cases]:
                found.notices.append(f"{who}: {len(lost)} masks without images, left out")
    return found


def _images(folder: Path, found: Found) -> dict[str, dict[str, Path]]:
    """Case → channel → file."""
    cases: dict[str, dict[str, Path]] = {}
    for path in images(folder):
        match = _IMAGE.fullmatch(stem_of(path))
        if match is None:
            expected = "a name as case_0000 is expected"
            found.notices.append(f"{folder.name}/{path.name}: {expected}, left out")
            continue
        name, channel = match.groups()
        if channel in cases.setdefault(name, {}):
            place = f"{folder.name}/{path.name}"
            found.problems.append(Problem(place, f"a second file of {name}, channel {channel}"))
        cases[name][channel] = path
    return cases


def _masks(root: Path, part: str) -> dict[str, dict[str, Path]]:
    """Reader → case → file."""
    start = f"labels{part}"
    return {
        folder.name.removeprefix(start).removeprefix("_") or REFERENCE: {
            stem_of(path): path for path in images(folder)
        }
        for folder in folders(root)
        if folder.name == start or folder.name.startswith(f"{start}_")
    }


def _source(paths: Mapping[str, Path], channel: str | None) -> Source | None:
    return Source((paths[channel],)) if channel and channel in paths else None


def _modalities(
    root: Path, channels: set[str], choices: Choices, problems: list[Problem]
) -> dict[str, str]:
    """Modality → channel, as a person chose, or as dataset.json says."""
    names = dict(choices.channels) or _channel_names(root, problems)
    if not names and channels == {"0000"}:
        return {"PET": "0000"}
    modality: dict[str, str] = {}
    for channel, name in sorted(names.items()):
        said = set(re.split(r"[^a-z]+", name.lower()))
        for label, words in _WORDS.items():
            if said & words and modality.setdefault(label, channel) != channel:
                text = f"channels {modality[label]} and {channel} are both {label}; choose one"
                problems.append(Problem("dataset.json", text))
    if "PET" not in modality and channels:
        listed = ", ".join(f"{channel} {name}" for channel, name in sorted(names.items()))
        text = f"no channel is PET (found: {listed or 'no names'}); say which one is"
        problems.append(Problem("dataset.json", text))
    return modality


def _channel_names(root: Path, problems: list[Problem]) -> dict[str, str]:
    path = root / "dataset.json"
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES:,} bytes")
        document = json.loads(path.read_text("utf-8"))
        names = document.get("channel_names") or document.get("modality") or {}
        return {f"{int(number):04}": str(name) for number, name in names.items()}
    except (ValueError, AttributeError, RecursionError) as error:
        problems.append(Problem("dataset.json", f"cannot be read: {error}"))
    except OSError as error:
        problems.append(Problem("dataset.json", f"cannot be read: {error.strerror}"))
    return {}


LAYOUT = Layout(
    id="nnunet",
    title="nnU-Net raw data",
    example="imagesTr/case_0000.nii.gz, labelsTr/case.nii.gz, dataset.json",
    fits=_fits,
    find=_find,
)
