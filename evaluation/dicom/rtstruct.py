"""Contours of an RTSTRUCT, drawn as a mask on the grid of an image."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from evaluation.dicom.parts import Part, chosen, rois_of
from evaluation.dicom.reading import DicomRefused, as_number, items_of, read_file, text_of, value_of
from evaluation.errors import EvaluationError
from evaluation.geometry import Geometry
from evaluation.suv import Problem
from evaluation.volumes import Volume

_ROI = "(3006,0026) ROIName"
_TYPE = "(3006,0042) ContourGeometricType"
_COUNT = "(3006,0046) NumberOfContourPoints"
_DATA = "(3006,0050) ContourData"
_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_DRAW_AGAIN = "Export the structure again, drawn on the PET series."

FLAT_FRACTION = 0.1
"""How far a contour's points may lie from its plane, of the distance between slices."""

Points = NDArray[np.float64]


@dataclass(frozen=True)
class _Contour:
    """points: ``[n, 3]``, in voxels along x, y, z of the grid."""

    points: Points

    @property
    def height(self) -> float:
        return float(np.median(self.points[:, 2]))


def read_rtstruct(path: Path, roi: str, grid: Geometry) -> Volume:
    """The ROI of that name as 1 in a uint8 mask on ``grid``.

    A voxel is inside where its centre is, by the even-odd rule over all contours of its plane: a
    contour within another is a hole. Where contours were drawn on other planes than the grid's
    slices, a slice has those of the nearest plane, at most half the distance of planes away.
    An ROI without contours is an empty mask. Raises DicomRefused with every problem at once.
    """
    try:
        dataset = read_file(path)
    except EvaluationError as error:
        found = f"{path.name} ({error.message})"
        remedy = "Name the RTSTRUCT file."
        raise DicomRefused([Problem("Files", found, "a DICOM file", remedy)]) from error
    modality = text_of(dataset, "Modality")
    if modality != "RTSTRUCT":
        found = modality or "nothing"
        remedy = "Name the RTSTRUCT file."
        raise DicomRefused([Problem("(0008,0060) Modality", found, "RTSTRUCT", remedy)])
    part = chosen(rois_of(dataset), roi, _ROI)
    problems: list[Problem] = []
    contours = [_Contour(_in_voxels(one, grid)) for one in _contours(dataset, part, problems)]
    problems += _place_problems(contours, grid)
    if problems:
        raise DicomRefused(problems)
    return Volume(_drawn(contours, grid), grid)


def _contours(dataset: Dataset, part: Part, problems: list[Problem]) -> list[Points]:
    """Every contour of the ROI in mm, ``[n, 3]``; what is wrong with one is told once by kind."""
    found: list[Points] = []
    wrong: dict[Problem, int] = {}

    def refuse(tag: str, what: str, expected: str) -> None:
        problem = Problem(tag, what, expected, _DRAW_AGAIN)
        wrong[problem] = wrong.get(problem, 0) + 1

    for structure in items_of(dataset, "ROIContourSequence"):
        if as_number(value_of(structure, "ReferencedROINumber")) != part.number:
            continue
        for item in items_of(structure, "ContourSequence"):
            kind = text_of(item, "ContourGeometricType")
            points = _points(item)
            if kind not in _CLOSED:
                refuse(_TYPE, kind or "nothing", " or ".join(_CLOSED))
            elif points is None:
                refuse(_DATA, "nothing usable", "x, y and z in mm of three points or more")
            elif as_number(value_of(item, "NumberOfContourPoints")) not in (None, len(points)):
                refuse(_COUNT, "another number of points than (3006,0050) holds", "the same")
            else:
                found.append(points)
    for problem, times in wrong.items():
        where = f"{problem.found} in {times} contour{'s' if times > 1 else ''} of “{part.name}”"
        problems.append(Problem(problem.tag, where, problem.expected, problem.remedy))
    return found


def _points(item: Dataset) -> Points | None:
    raw = value_of(item, "ContourData")
    if not isinstance(raw, Sequence) or isinstance(raw, str | bytes):
        return None
    try:
        numbers = np.array([float(one) for one in raw], np.float64)
    except (TypeError, ValueError):
        return None
    if len(numbers) < 9 or len(numbers) % 3 or not np.isfinite(numbers).all():
        return None
    return numbers.reshape(-1, 3)


def _in_voxels(points: Points, grid: Geometry) -> Points:
    turn = np.array(grid.direction).reshape(3, 3)
    # One step after another: the turn is a rotation, whose inverse is its transpose.
    along: Points = ((points - np.array(grid.origin)) @ turn) / np.array(grid.spacing)
    return along


def _place_problems(contours: Sequence[_Contour], grid: Geometry) -> list[Problem]:
    problems = []
    tilted = [one for one in contours if np.ptp(one.points[:, 2]) > 2 * FLAT_FRACTION]
    if tilted:
        found = f"{len(tilted)} of {len(contours)} contours across the slices of the PET"
        problems.append(Problem(_DATA, found, "contours in the plane of its slices", _DRAW_AGAIN))
    reach = np.array(grid.size) - 0.5
    outside = [
        one for one in contours if (one.points < -1.5).any() or (one.points > reach + 1.0).any()
    ]
    if outside:
        found = f"{len(outside)} of {len(contours)} contours reach beyond the PET"
        remedy = "Name the PET series that it was drawn on, uncropped."
        problems.append(Problem(_DATA, found, "contours within the PET", remedy))
    return problems


def _drawn(contours: Sequence[_Contour], grid: Geometry) -> NDArray[np.uint8]:
    mask = np.zeros(grid.shape, np.uint8)
    planes = _planes(contours)
    if not planes:
        return mask
    heights = np.array(list(planes))
    apart = float(np.median(np.diff(heights))) if len(heights) > 1 else 1.0
    for k in range(grid.size[2]):
        nearest = int(np.abs(heights - k).argmin())
        if abs(heights[nearest] - k) <= apart / 2:
            polygons = [one.points[:, :2] for one in planes[heights[nearest]]]
            mask[k] = inside(polygons, grid.size[0], grid.size[1])
    return mask


def _planes(contours: Sequence[_Contour]) -> dict[float, list[_Contour]]:
    """Contours by the height of their plane, in voxels, from the lowest."""
    planes: dict[float, list[_Contour]] = {}
    height = -np.inf
    for one in sorted(contours, key=lambda one: one.height):
        if one.height - height > FLAT_FRACTION:
            height = one.height
        planes.setdefault(height, []).append(one)
    return planes


def inside(polygons: Sequence[Points], columns: int, rows: int) -> NDArray[np.uint8]:
    """1 where a pixel's centre lies inside, ``[rows, columns]``, by the even-odd rule.

    polygons: of points (x, y) in pixels, whose centres are whole numbers; each is closed. A centre
    on a left or upper edge is inside, on a right or lower edge outside, so that two polygons that
    share an edge share no pixel.
    """
    starts = np.concatenate(polygons)
    ends = np.concatenate([np.roll(one, -1, axis=0) for one in polygons])
    (x0, y0), (x1, y1) = starts.T, ends.T
    # An edge crosses the rows from its upper end, included, to its lower one, excluded.
    first = np.clip(np.ceil(np.minimum(y0, y1)), 0, rows).astype(np.int64)
    last = np.clip(np.ceil(np.maximum(y0, y1)), 0, rows).astype(np.int64)
    count = last - first
    edge = np.repeat(np.arange(len(count)), count)
    row = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    along = (row - y0[edge]) / (y1 - y0)[edge]
    crossing = x0[edge] + along * (x1 - x0)[edge]
    column = np.clip(np.ceil(crossing), 0, columns).astype(np.int64)
    crossings = np.zeros((rows, columns + 1), np.int64)
    np.add.at(crossings, (row, column), 1)
    odd: NDArray[np.uint8] = (np.cumsum(crossings, axis=1)[:, :columns] % 2).astype(np.uint8)
    return odd
