"""One segment of a DICOM SEG, read as a mask."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from evaluation.dicom.parts import Part, chosen, segments_of
from evaluation.dicom.reading import (
    AGAIN,
    PIXELS,
    SIZE,
    DicomRefused,
    decoded,
    items_of,
    number_of,
    numbers_of,
    read_file,
    text_of,
    whole_of,
)
from evaluation.errors import EvaluationError, VolumeRefused
from evaluation.geometry import Geometry
from evaluation.suv import Problem
from evaluation.volumes import MAX_VOXELS, Volume

_LABEL = "(0062,0005) SegmentLabel"
_TYPE = "(0062,0001) SegmentationType"
_FRAMES = "(5200,9230) PerFrameFunctionalGroupsSequence"
_POSITION = "(0020,0032) ImagePositionPatient"
_ORIENTATION = "(0020,0037) ImageOrientationPatient"
_SPACING = "(0028,0030) PixelSpacing"
_SEGMENT = "(0062,000B) ReferencedSegmentNumber"
_MAXIMUM = "(0062,000E) MaximumFractionalValue"

OFF_SLICE = 0.05
"""How far a frame may lie from its slice, in voxels."""


@dataclass(frozen=True)
class _Frames:
    """size: columns, rows. step: mm between slices. position: mm, and segment: 0 for a label map,
    of each frame."""

    size: tuple[int, int]
    pixel_spacing: tuple[float, ...]
    orientation: tuple[float, ...]
    step: float
    positions: NDArray[np.float64]
    segments: NDArray[np.float64]


def read_seg(path: Path, label: str, grid: Geometry | None = None) -> Volume:
    """The segment of that label as 1 in a uint8 mask.

    On ``grid`` where every frame of the file lies on one of its slices, as frames that hold nothing
    are left out of such files; else on the grid that the file's own frames span. Fractions are
    taken where they are all nothing or all of a voxel. Raises DicomRefused.
    """
    dataset = _opened(path)
    part = chosen(segments_of(dataset), label, _LABEL)
    frames = _frames(dataset)
    pixels = _pixels(dataset, len(frames.positions), part)
    own = _spanned(frames)
    onto = grid if grid is not None and _slices_of(frames, grid) is not None else own
    slices = _slices_of(frames, onto)
    if slices is None or onto.voxels > MAX_VOXELS:
        expected = f"slices every {frames.step:g} mm, of at most {MAX_VOXELS:,} voxels in all"
        raise DicomRefused([Problem(_POSITION, "frames between these", expected, AGAIN)])
    mask = np.zeros(onto.shape, np.uint8)
    for k, segment, frame in zip(slices, frames.segments, pixels, strict=True):
        if segment in (0, part.number):
            mask[k] |= frame
    return Volume(mask, onto)


def _opened(path: Path) -> Dataset:
    remedy = "Name the SEG file."
    try:
        dataset = read_file(path)
    except EvaluationError as error:
        found = f"{path.name} ({error.message})"
        raise DicomRefused([Problem("Files", found, "a DICOM file", remedy)]) from error
    modality = text_of(dataset, "Modality")
    if modality != "SEG":
        found = modality or "nothing"
        raise DicomRefused([Problem("(0008,0060) Modality", found, "SEG", remedy)])
    return dataset


def _frames(dataset: Dataset) -> _Frames:
    """Where each frame lies; raises DicomRefused with all that is missing."""
    shared = next(iter(items_of(dataset, "SharedFunctionalGroupsSequence")), Dataset())
    groups = items_of(dataset, "PerFrameFunctionalGroupsSequence")
    problems: list[Problem] = []

    def refuse(tag: str, found: str, expected: str) -> None:
        problems.append(Problem(tag, found, expected, AGAIN))

    def group(frame: Dataset, keyword: str) -> Dataset:
        """A functional group of one frame, or else of all of them."""
        return next(iter(items_of(frame, keyword) or items_of(shared, keyword)), Dataset())

    size = whole_of(dataset, "Columns"), whole_of(dataset, "Rows")
    if min(size) < 1:
        refuse(SIZE, f"{size[0]} × {size[1]}", "the size of the frames")
    declared = number_of(dataset, "NumberOfFrames")
    if not groups or declared != len(groups):
        refuse(_FRAMES, f"{len(groups)} items", f"one for each frame ({declared})")
    measures = [group(frame, "PixelMeasuresSequence") for frame in groups]
    spacings = {numbers_of(one, "PixelSpacing", 2) for one in measures}
    if len(spacings) != 1 or not min(next(iter(spacings)), default=0.0) > 0:
        refuse(_SPACING, "none, or several", "2 positive numbers, mm, the same in every frame")
    turns = {
        numbers_of(group(frame, "PlaneOrientationSequence"), "ImageOrientationPatient", 6)
        for frame in groups
    }
    if len(turns) != 1 or not _upright(next(iter(turns))):
        refuse(_ORIENTATION, "none, or several", "two unit vectors at right angles, in every frame")
    positions = [
        numbers_of(group(frame, "PlanePositionSequence"), "ImagePositionPatient", 3)
        for frame in groups
    ]
    if not all(positions):
        refuse(_POSITION, "nothing usable", "3 numbers, mm, in every frame")
    labelled = text_of(dataset, "SegmentationType") == "LABELMAP"
    segments = [
        0.0
        if labelled
        else number_of(group(frame, "SegmentIdentificationSequence"), "ReferencedSegmentNumber")
        for frame in groups
    ]
    if None in segments:
        refuse(_SEGMENT, "nothing", "the number of a segment in every frame")
    if problems:
        raise DicomRefused(problems)
    (spacing,), (turn,) = spacings, turns
    placed = np.array(positions, np.float64).reshape(-1, 3)
    return _Frames(
        size=size,
        pixel_spacing=spacing,
        orientation=turn,
        step=_step(measures, placed, turn),
        positions=placed,
        segments=np.array(segments, np.float64),
    )


def _step(
    measures: Sequence[Dataset], positions: NDArray[np.float64], turn: tuple[float, ...]
) -> float:
    """mm between slices: as declared, else the least distance of two frames, else a slice's
    thickness."""
    for measure in measures[:1]:
        declared = number_of(measure, "SpacingBetweenSlices")
        if declared is not None and np.isfinite(declared) and declared > 0:
            return declared
    gaps = np.diff(np.unique(np.round(positions @ _axes(turn)[:, 2], 3)))
    if len(gaps):
        return float(gaps.min())
    thick = number_of(measures[0], "SliceThickness") if measures else None
    if thick is not None and np.isfinite(thick) and thick > 0:
        return thick
    tag = "(0018,0088) SpacingBetweenSlices"
    raise DicomRefused([Problem(tag, "nothing", "mm between slices", AGAIN)])


def _pixels(dataset: Dataset, frames: int, part: Part) -> NDArray[np.uint8]:
    """0 or 1, ``[frame, row, column]``."""
    kind = text_of(dataset, "SegmentationType")
    expected = "BINARY, FRACTIONAL or LABELMAP"
    if kind not in ("BINARY", "FRACTIONAL", "LABELMAP"):
        raise DicomRefused([Problem(_TYPE, kind or "nothing", expected, AGAIN)])
    try:
        stored = decoded(dataset)
    except EvaluationError as error:
        raise DicomRefused([Problem(PIXELS, error.message, "frames of a mask", AGAIN)]) from error
    if stored.ndim == 2:
        stored = stored[None]
    if stored.ndim != 3 or len(stored) != frames:
        raise DicomRefused([Problem(PIXELS, f"shape {stored.shape}", f"{frames} frames", AGAIN)])
    if kind == "LABELMAP":
        labelled: NDArray[np.uint8] = np.equal(stored, part.number).astype(np.uint8)
        return labelled
    whole = 1.0 if kind == "BINARY" else number_of(dataset, "MaximumFractionalValue") or 0.0
    if not np.isin(stored, (0.0, whole)).all():
        remedy = "Save the mask as a binary SEG, with the threshold that its reader meant."
        raise DicomRefused([Problem(_MAXIMUM, "fractions", f"only 0 and {whole:g}", remedy)])
    mask: NDArray[np.uint8] = np.not_equal(stored, 0).astype(np.uint8)
    return mask


def _spanned(frames: _Frames) -> Geometry:
    """The grid from the lowest frame to the highest."""
    heights = frames.positions @ _axes(frames.orientation)[:, 2]
    lowest = frames.positions[int(heights.argmin())]
    slices = round(float(np.ptp(heights)) / frames.step) + 1
    between_rows, between_columns = frames.pixel_spacing
    axes = _axes(frames.orientation) * [between_columns, between_rows, frames.step]
    try:
        return Geometry.from_axes((*frames.size, slices), np.c_[axes, lowest])
    except VolumeRefused as error:
        raise DicomRefused([Problem(_ORIENTATION, error.message, "a grid", AGAIN)]) from error


def _slices_of(frames: _Frames, grid: Geometry) -> list[int] | None:
    """The slice of ``grid`` that each frame is; None where one is none of them."""
    own = _spanned(frames)
    alike = replace(own, size=grid.size, spacing=(*own.spacing[:2], grid.spacing[2]))
    same = not {"spacing", "direction"} & set(grid.differences(alike))
    if not same or grid.size[:2] != own.size[:2]:
        return None
    turn = np.array(grid.direction).reshape(3, 3)
    places = ((frames.positions - np.array(grid.origin)) @ turn) / np.array(grid.spacing)
    slices = np.rint(places[:, 2])
    off = np.abs(places - np.c_[np.zeros((len(places), 2)), slices]).max()
    if off > OFF_SLICE or slices.min() < 0 or slices.max() >= grid.size[2]:
        return None
    return [int(k) for k in slices]


def _axes(turn: tuple[float, ...]) -> NDArray[np.float64]:
    """Columns: the unit vectors of x (along a row), y (along a column) and z (the normal)."""
    row, column = np.array(turn[:3]), np.array(turn[3:])
    return np.stack([row, column, np.cross(row, column)], axis=1)


def _upright(turn: tuple[float, ...]) -> bool:
    if len(turn) != 6:
        return False
    pair = np.array(turn).reshape(2, 3)
    return bool(np.abs(pair @ pair.T - np.eye(2)).max() <= 1e-3)
