"""The ROIs of an RTSTRUCT and the segments of a SEG, by names that tell each from the others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from evaluation.dicom.reading import DicomRefused, items_of, number_of, text_of
from evaluation.suv import Problem


@dataclass(frozen=True)
class Part:
    """name: as the file has it, with its number behind where two have the same."""

    name: str
    number: float


def rois_of(dataset: Dataset) -> tuple[Part, ...]:
    return _parts(dataset, "StructureSetROISequence", "ROIName", "ROINumber")


def segments_of(dataset: Dataset) -> tuple[Part, ...]:
    return _parts(dataset, "SegmentSequence", "SegmentLabel", "SegmentNumber")


def chosen(parts: Sequence[Part], name: str, tag: str) -> Part:
    """The part of that name. Raises DicomRefused, which lists those that are there."""
    for part in parts:
        if part.name == name:
            return part
    found = ", ".join(part.name for part in parts) or "none"
    raise DicomRefused([Problem(tag, found, f"“{name}”", "Choose one of those that are there.")])


def _parts(dataset: Dataset, sequence: str, label: str, numbered: str) -> tuple[Part, ...]:
    items = [
        (text_of(item, label) or "unnamed", number)
        for item in items_of(dataset, sequence)
        if (number := number_of(item, numbered)) is not None
    ]
    times = Counter(name for name, _ in items)
    return tuple(
        Part(f"{name} #{number:g}" if times[name] > 1 else name, number) for name, number in items
    )
