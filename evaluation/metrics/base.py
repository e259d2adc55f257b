"""What a metric is, and what a pair of masks offers to it (each computed once, shared by all)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from evaluation.empties import Family
from evaluation.geometry import Geometry

Mask = NDArray[np.bool_]


class Direction(StrEnum):
    HIGHER = "higher"
    LOWER = "lower"
    TOWARDS_ZERO = "towards_zero"
    NONE = "none"

    @property
    def words(self) -> str:
        return {
            Direction.HIGHER: "higher is better",
            Direction.LOWER: "lower is better",
            Direction.TOWARDS_ZERO: "towards 0 is better; shown, not ranked",
            Direction.NONE: "descriptive",
        }[self]


class Pair:
    """A reference and a predicted mask of one label, boolean ``[z, y, x]`` on the reference's grid.

    Geometry and voxel volume are the reference's, never the submission's.
    """

    def __init__(self, reference: Mask, prediction: Mask, geometry: Geometry) -> None:
        self.geometry = geometry
        self.reference_voxels = int(np.count_nonzero(reference))
        self.prediction_voxels = int(np.count_nonzero(prediction))
        self._reference, self._prediction = reference, prediction

    @cached_property
    def _crop(self) -> tuple[slice, ...]:
        """The bounding box of both masks, padded by one voxel where the array allows it.

        The padding keeps borders right: beyond the crop lies background, as beyond the array.
        """
        union = self._reference | self._prediction
        box = []
        for axis in range(3):
            others = tuple(other for other in range(3) if other != axis)
            hit = np.flatnonzero(union.any(axis=others))
            box.append(slice(max(0, int(hit[0]) - 1), int(hit[-1]) + 2))
        return tuple(box)

    @cached_property
    def intersection_voxels(self) -> int:
        return int(np.count_nonzero(self._reference & self._prediction))

    @property
    def reference_ml(self) -> float:
        return self.reference_voxels * self.geometry.voxel_volume_ml

    @property
    def prediction_ml(self) -> float:
        return self.prediction_voxels * self.geometry.voxel_volume_ml

    @cached_property
    def reference_border(self) -> NDArray[np.int64]:
        return border(self._reference[self._crop])

    @cached_property
    def prediction_border(self) -> NDArray[np.int64]:
        return border(self._prediction[self._crop])

    @cached_property
    def reference_to_prediction_mm(self) -> NDArray[np.float64]:
        """D_RP: from each border voxel of R to the nearest border voxel of P, mm."""
        return _nearest(self.reference_border, self.prediction_border, self.geometry)

    @cached_property
    def prediction_to_reference_mm(self) -> NDArray[np.float64]:
        """D_PR: from each border voxel of P to the nearest border voxel of R, mm."""
        return _nearest(self.prediction_border, self.reference_border, self.geometry)


@dataclass(frozen=True)
class Metric:
    """One definition. ``measure`` is called only in situations where the policy table says so.

    short: the title for the head of a table, where several metrics stand side by side.
    """

    id: str
    title: str
    short: str
    unit: str
    direction: Direction
    family: Family
    definition: str
    measure: Callable[[Pair], float | None]
    decimals: int = 3

    @property
    def rankable(self) -> bool:
        return self.direction in (Direction.HIGHER, Direction.LOWER)


def border(mask: Mask) -> NDArray[np.int64]:
    """Indices ``[n, (z, y, x)]`` of the voxels of ``mask`` with a face neighbour outside it.

    Everything outside the array counts as background.
    """
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1, 1:-1].copy()
    for axis in range(3):
        for start in (0, 2):
            window = [slice(1, -1)] * 3
            window[axis] = slice(start, start + mask.shape[axis])
            inside &= padded[tuple(window)]
    return np.argwhere(mask & ~inside)


def _nearest(
    start: NDArray[np.int64], target: NDArray[np.int64], geometry: Geometry
) -> NDArray[np.float64]:
    """mm from each of ``start`` to the nearest of ``target``.

    The tree only names the neighbour; the distance is computed from integer voxel offsets, so that
    it is the same to the last bit whichever engine found the neighbour.
    """
    spacing = np.array(geometry.spacing[::-1])
    _, nearest = cKDTree(target * spacing, leafsize=32, balanced_tree=False).query(start * spacing)
    offsets = (start - target[nearest]) * spacing
    distances: NDArray[np.float64] = np.sqrt((offsets**2).sum(axis=1))
    return distances
