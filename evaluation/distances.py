"""Distances in mm between voxel centres, the same to the last bit whichever engine finds them.

Three engines find the nearest voxel. *Shells* look at each offset in the order of its length: most
border voxels of two masks that agree have a neighbour within two voxels. A *tree* (k-d) finds the
rest. A distance *transform* of the whole crop is quicker where very many voxels are left. Each only
names the offset to a nearest voxel; `Lattice` turns offsets into mm.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Millimetres = NDArray[np.float64]

REACH = 3
"""Voxels of background round a frame, so that no offset of the shells leaves it."""
_SAME = 1e-12
_LARGEST_DENOMINATOR = 4096
_LARGEST_NUMERATOR = 2**19  # Sums of squares of offsets below 2**15 stay within 64 bits.
_BATCH = 32
_WORTHWHILE = 0.05
_QUERIES_A_VOXEL = 1 / 12


class Engine(StrEnum):
    """AUTO: shells, then a tree or a transform for what they leave."""

    AUTO = "auto"
    TREE = "tree"
    TRANSFORM = "transform"


class Lattice:
    """Lengths of whole-voxel offsets on a grid of ``spacing`` (z, y, x; mm).

    Two offsets of mathematically equal length get equal floats: squared lengths are summed as
    integers along axes whose spacings stand in a ratio of small whole numbers (equal ones above
    all), so an order of summation or a choice among ties cannot be seen in a result.
    """

    def __init__(self, spacing: tuple[float, float, float]) -> None:
        self.spacing = spacing
        self._groups: list[tuple[float, list[tuple[int, int]]]] = []
        left = sorted(range(3), key=lambda axis: (spacing[axis], axis))
        while left:
            base = spacing[left[0]] ** 2
            ratios = {axis: _ratio(spacing[axis] ** 2 / base) for axis in left}
            together = {axis: ratio for axis, ratio in ratios.items() if ratio is not None}
            common = math.lcm(*(ratio.denominator for ratio in together.values()))
            weights = [(axis, int(ratio * common)) for axis, ratio in together.items()]
            self._groups.append((base / common, weights))
            left = [axis for axis in left if axis not in together]

    def squared(self, offsets: Indices) -> Millimetres:
        """mm² of ``offsets`` ``[n, (z, y, x)]``."""
        total = np.zeros(len(offsets))
        for unit, weights in self._groups:
            whole = sum(weight * offsets[:, axis] ** 2 for axis, weight in weights)
            total += unit * np.asarray(whole)
        return total


def _ratio(value: float) -> Fraction | None:
    near = Fraction(value).limit_denominator(_LARGEST_DENOMINATOR)
    if not 0 < near.numerator <= _LARGEST_NUMERATOR:
        return None
    return near if abs(float(near) / value - 1) <= _SAME else None


@dataclass(frozen=True)
class Frame:
    """A box of a volume with ``REACH`` voxels of background round it; voxels are flat indices.

    start: (z, y, x) in the volume of the frame's first voxel (may be negative). shape: (z, y, x).
    """

    start: tuple[int, int, int]
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]

    @cached_property
    def strides(self) -> tuple[int, int, int]:
        return self.shape[1] * self.shape[2], self.shape[2], 1

    @property
    def voxels(self) -> int:
        return math.prod(self.shape)

    def coordinates(self, flat: Indices) -> Indices:
        """``[n, (z, y, x)]`` within the frame."""
        rows, x = np.divmod(flat, self.shape[2])
        z, y = np.divmod(rows, self.shape[1])
        return np.stack([z, y, x], axis=1)

    @cached_property
    def lattice(self) -> Lattice:
        return Lattice(self.spacing)

    @cached_property
    def shells(self) -> tuple[Indices, Millimetres]:
        """Steps of flat index to all voxels nearer than any beyond ``REACH``, nearest first, and
        the squared length of each."""
        around = np.arange(-REACH, REACH + 1)
        offsets = np.stack(np.meshgrid(around, around, around, indexing="ij"), -1).reshape(-1, 3)
        squared = self.lattice.squared(offsets)
        order = np.argsort(squared, kind="stable")
        beyond = ((REACH + 1) * min(self.spacing)) ** 2
        order = order[squared[order] < beyond * (1 - _SAME)]
        return offsets[order] @ np.array(self.strides), squared[order]


def nearest_mm(
    start: Indices,
    target: Indices,
    cells: NDArray[np.uint8],
    bit: int,
    frame: Frame,
    *,
    threads: int = 1,
    engine: Engine = Engine.AUTO,
) -> Millimetres:
    """From each voxel of ``start`` to the nearest of ``target``, which is not empty.

    cells: flat, the frame's; ``bit`` is set in those of ``target`` and in no others.
    """
    squared = np.empty(start.size)
    left = np.arange(start.size)
    if engine is Engine.AUTO:
        left = _by_shells(squared, start, cells, bit, frame)
    if left.size:
        points = frame.coordinates(start[left])
        many = left.size > frame.voxels * _QUERIES_A_VOXEL
        if engine is Engine.TRANSFORM or (engine is Engine.AUTO and many):
            nearest = _by_transform(points, cells, bit, frame)
        else:
            nearest = _by_tree(points, frame.coordinates(target), frame, threads)
        squared[left] = frame.lattice.squared(points - nearest)
    return np.sqrt(squared)


def _by_shells(
    squared: Millimetres, start: Indices, cells: NDArray[np.uint8], bit: int, frame: Frame
) -> Indices:
    """Fills ``squared`` where a target is near; returns which are left."""
    left: Indices = np.arange(start.size)
    points = start
    steps, lengths = frame.shells
    for first in range(0, steps.size, _BATCH):
        before = left.size
        for step, length in zip(
            steps[first : first + _BATCH], lengths[first : first + _BATCH], strict=True
        ):
            found = (cells[points + step] & bit) != 0
            if found.any():
                squared[left[found]] = length
                left, points = left[~found], points[~found]
            if not left.size:
                return left
        if before - left.size < before * _WORTHWHILE:
            break
    return left


def _by_tree(points: Indices, target: Indices, frame: Frame, threads: int) -> Indices:
    from scipy.spatial import cKDTree

    spacing = np.array(frame.spacing)
    tree = cKDTree(target * spacing, leafsize=32, balanced_tree=False, compact_nodes=False)
    _, nearest = tree.query(points * spacing, workers=threads)
    found: Indices = np.asarray(target[nearest], np.int64)
    return found


def _by_transform(points: Indices, cells: NDArray[np.uint8], bit: int, frame: Frame) -> Indices:
    from scipy.ndimage import distance_transform_edt

    background = ((cells & bit) == 0).reshape(frame.shape)
    indices = distance_transform_edt(
        background, frame.spacing, return_distances=False, return_indices=True
    )
    z, y, x = points.T
    nearest: Indices = np.asarray(indices)[:, z, y, x].T.astype(np.int64)
    return nearest
