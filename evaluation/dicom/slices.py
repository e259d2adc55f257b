"""The slices of one series, and whether they make one even grid. Slices run along their normal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import (
    EnhancedCTImageStorage,
    EnhancedPETImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
)

from evaluation.dicom.reading import (
    AGAIN,
    PIXELS,
    SIZE,
    decoded,
    first_few,
    number_of,
    numbers_of,
    read_file,
    value_of,
    whole_of,
    words,
)
from evaluation.errors import EvaluationError
from evaluation.geometry import (
    DIRECTION_TOLERANCE,
    MAX_SPACING_MM,
    MIN_SPACING_MM,
    ORIGIN_TOLERANCE_MM,
    SPACING_TOLERANCE_MM,
    Geometry,
)
from evaluation.suv import Problem
from evaluation.volumes import MAX_VOXELS

UNEVEN_FRACTION = 0.05
"""How far a slice may lie from its place on an even grid, of the spacing. Whole-body series are
rounded to the bed's steps: real ones are off by 1 to 2 %."""

CLASS = "(0008,0016) SOPClassUID"
_POSITION = "(0020,0032) ImagePositionPatient"
_ORIENTATION = "(0020,0037) ImageOrientationPatient"
_PIXEL_SPACING = "(0028,0030) PixelSpacing"
_FEWER = "Name the files of one series alone."
_MULTI_FRAME = (
    EnhancedPETImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
)


@dataclass(frozen=True)
class Slice:
    name: str
    dataset: Dataset  # without its pixels
    slope: float | None
    intercept: float | None
    multi_frame: bool
    size: tuple[int, int]  # columns, rows
    position: tuple[float, ...]  # these three are empty where the header has no such numbers
    orientation: tuple[float, ...]
    pixel_spacing: tuple[float, ...]
    stored: NDArray[np.generic] | None
    unread: str


def read_slices(paths: Iterable[Path], what: str) -> tuple[list[Slice], list[Problem]]:
    """Every file that is one, and the problems of the others; ``what`` names the series."""
    slices: list[Slice] = []
    unreadable: list[str] = []
    voxels = 0
    for path in paths:
        if voxels > MAX_VOXELS:
            expected = f"at most {MAX_VOXELS:,} voxels in all"
            return slices, [Problem(SIZE, f"{voxels:,} and more", expected, _FEWER)]
        try:
            slices.append(_slice(path.name, read_file(path)))
            voxels += slices[-1].size[0] * slices[-1].size[1]
        except EvaluationError as error:
            unreadable.append(f"{path.name} ({error.message})")
    if not unreadable:
        return slices, []
    remedy = f"Name the files of the {what} series alone."
    return slices, [Problem("Files", first_few(unreadable), "DICOM files", remedy)]


def frame_problems(slices: Sequence[Slice], what: str) -> list[Problem]:
    """Files of several frames, of which nothing further is read."""
    many = [one for one in slices if one.multi_frame]
    if not many:
        return []
    found = f"several frames in {_files(many)}"
    remedy = f"Export it as classic {what} images, one slice in each file."
    return [Problem(CLASS, found, "one slice in each file", remedy)]


def pixel_problems(slices: Sequence[Slice]) -> list[Problem]:
    bad = [one for one in slices if one.unread]
    if not bad:
        return []
    found = f"{', '.join(dict.fromkeys(one.unread for one in bad))} in {_files(bad)}"
    return [Problem(PIXELS, found, "one image of numbers in each file", AGAIN)]


def in_order(slices: Sequence[Slice]) -> list[Slice]:
    axes = axes_of(slices[0])
    return sorted(slices, key=lambda one: height_of(one, axes))


def _slice(name: str, dataset: Dataset) -> Slice:
    frames = number_of(dataset, "NumberOfFrames") or 1.0
    multi_frame = value_of(dataset, "SOPClassUID") in _MULTI_FRAME or frames != 1.0
    stored, unread = (None, "") if multi_frame else _stored(dataset)
    rows, columns = whole_of(dataset, "Rows"), whole_of(dataset, "Columns")
    if "PixelData" in dataset:
        del dataset.PixelData
    return Slice(
        name=name,
        dataset=dataset,
        slope=number_of(dataset, "RescaleSlope"),
        intercept=number_of(dataset, "RescaleIntercept"),
        multi_frame=multi_frame,
        size=(columns, rows),
        position=numbers_of(dataset, "ImagePositionPatient", 3),
        orientation=numbers_of(dataset, "ImageOrientationPatient", 6),
        pixel_spacing=numbers_of(dataset, "PixelSpacing", 2),
        stored=stored,
        unread=unread,
    )


def _stored(dataset: Dataset) -> tuple[NDArray[np.generic] | None, str]:
    """The stored values, or why there are none."""
    try:
        stored = decoded(dataset)
    except EvaluationError as error:
        return None, error.message
    return (stored, "") if stored.ndim == 2 else (None, "colours or several images")


def grid_problems(slices: Sequence[Slice]) -> list[Problem]:
    """Whatever keeps the slices from being one even grid."""
    problems: list[Problem] = []
    for tag, name, good, expected in (
        (_POSITION, "position", lambda one: len(one.position) == 3, "3 numbers, mm"),
        (_ORIENTATION, "orientation", _upright, "two unit vectors at right angles"),
        (_PIXEL_SPACING, "pixel_spacing", _spaced, "2 positive numbers, mm"),
        (SIZE, "size", lambda one: min(one.size) > 0, "the size of the image"),
    ):
        if bad := [one for one in slices if not good(one)]:
            found = f"{words(getattr(bad[0], name))} in {_files(bad)}"
            problems.append(Problem(tag, found, expected, AGAIN))
    if problems or not slices:
        return problems
    first = slices[0]
    for tag, name, tolerance in (
        (_ORIENTATION, "orientation", DIRECTION_TOLERANCE),
        (_PIXEL_SPACING, "pixel_spacing", SPACING_TOLERANCE_MM),
        (SIZE, "size", 0.0),
    ):
        ours = np.array(getattr(first, name))
        if bad := [one for one in slices if np.abs(getattr(one, name) - ours).max() > tolerance]:
            theirs = words(getattr(bad[0], name))
            found = f"{words(getattr(first, name))} in {first.name}, {theirs} in {_files(bad)}"
            remedy = "Name the files of one reconstruction alone."
            problems.append(Problem(tag, found, "the same in every slice", remedy))
    if any(problem.tag == _ORIENTATION for problem in problems):
        return problems  # without one normal there is no order of slices
    return problems + _place_problems(slices)


def _place_problems(slices: Sequence[Slice]) -> list[Problem]:
    axes = axes_of(slices[0])
    placed = sorted(slices, key=lambda one: height_of(one, axes))
    heights = np.array([height_of(one, axes) for one in placed])
    steps = np.diff(heights)
    problems = []

    def refuse(found: str, expected: str, remedy: str) -> None:
        problems.append(Problem(_POSITION, found, expected, remedy))

    def where(bad: NDArray[np.bool_]) -> str:
        places = [
            f"{heights[i]:.2f} and {heights[i + 1]:.2f} mm along the normal "
            f"({placed[i].name}, {placed[i + 1].name})"
            for i in np.flatnonzero(bad)
        ]
        return first_few(places)

    same = steps < ORIGIN_TOLERANCE_MM
    if same.any():
        remedy = "Name one time frame or reconstruction alone."
        refuse(f"two slices in one place, {where(same)}", "one slice in each place", remedy)
    if len(placed) - same.sum() < 2:
        refuse("one place alone", "at least two slices", "Name all files of the series.")
        return problems
    spacing = float(np.median(steps[~same]))
    gap, tolerance = steps > 1.5 * spacing, UNEVEN_FRACTION * spacing
    uneven = (np.abs(steps - spacing) > tolerance) & ~gap & ~same
    even = f"slices every {spacing:.3f} mm"
    if gap.any():
        refuse(f"a gap between {where(gap)}", even, "Name all files of the series.")
    if uneven.any():
        refuse(f"uneven spacing between {where(uneven)}", even, AGAIN)
    if not (same | gap | uneven).any():
        drift = np.abs(heights - np.linspace(heights[0], heights[-1], len(heights)))
        if drift.max() > tolerance:
            worst = int(drift.argmax())
            found = f"uneven spacing, {placed[worst].name} is off by {drift[worst]:.2f} mm"
            refuse(found, even, AGAIN)
    across = np.array([one.position for one in placed]) @ axes[:, :2]
    aside = np.abs(across - across[0]).max(axis=1)
    if aside.max() > UNEVEN_FRACTION * min(slices[0].pixel_spacing):
        worst = int(aside.argmax())
        found = f"{placed[worst].name} {aside[worst]:.2f} mm aside of {placed[0].name}"
        refuse(found, "slices in one line along their normal (no tilt)", AGAIN)
    return problems


def axes_of(one: Slice) -> NDArray[np.float64]:
    """Columns: the unit vectors of x (along a row), y (along a column) and z (the normal)."""
    row, column = (np.array(part) for part in (one.orientation[:3], one.orientation[3:]))
    row, column = row / np.linalg.norm(row), column / np.linalg.norm(column)
    return np.stack([row, column, np.cross(row, column)], axis=1)


def height_of(one: Slice, axes: NDArray[np.float64]) -> float:
    return float(np.dot(one.position, axes[:, 2]))


def geometry(ordered: Sequence[Slice]) -> Geometry:
    first, last = ordered[0], ordered[-1]
    axes = axes_of(first)
    between_rows, between_columns = first.pixel_spacing
    thickness = (height_of(last, axes) - height_of(first, axes)) / (len(ordered) - 1)
    x, y, z = first.position
    return Geometry(
        size=(*first.size, len(ordered)),
        spacing=(between_columns, between_rows, thickness),
        origin=(x, y, z),
        direction=tuple(float(value) + 0.0 for value in axes.ravel()),
    )


def _upright(one: Slice) -> bool:
    if len(one.orientation) != 6:
        return False
    pair = np.array(one.orientation).reshape(2, 3)
    return bool(np.abs(pair @ pair.T - np.eye(2)).max() <= 1e-3)


def _spaced(one: Slice) -> bool:
    return len(one.pixel_spacing) == 2 and all(
        MIN_SPACING_MM <= value <= MAX_SPACING_MM for value in one.pixel_spacing
    )


def _files(slices: Sequence[Slice]) -> str:
    return first_few([one.name for one in slices])
