"""Put a mask that lies on another grid onto the reference's, where a challenge allows it."""

import math
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.geometry import Geometry
from evaluation.masks import DrawnMask, read_mask
from evaluation.volumes import MAX_VOXELS

_MOST_TIMES_LARGER = 64
"""A mask on another grid may have this many times the image's voxels; it is not read beyond."""


def read_on_grid(
    source: Path | BinaryIO,
    grid: Geometry,
    values: Collection[int],
    resample: Literal["nearest"] | None,
) -> DrawnMask:
    """``read_mask``; with ``resample`` a mask on another grid is put onto ``grid``, not refused."""
    if resample is None:
        return read_mask(source, grid, values)
    most = max(grid.voxels, min(MAX_VOXELS, _MOST_TIMES_LARGER * grid.voxels))
    return nearest(read_mask(source, None, values, max_voxels=most), grid)


def nearest(mask: DrawnMask, grid: Geometry) -> DrawnMask:
    """``mask`` on ``grid``: each voxel takes the label of the mask's voxel whose centre is nearest
    along each of the mask's axes; those outside the mask's image are background.

    Halves are rounded up, as ITK does. A mask that is already on the grid is returned as it is.
    """
    if not grid.differences(mask.geometry):
        return mask
    matrix, offset = _to_index(grid, mask.geometry)
    box = _box(mask, matrix, offset, grid) if mask.voxels.size else []
    if not box or any(start >= stop for start, stop in box):
        return DrawnMask(grid, np.empty(0, np.int32), np.empty(0, np.uint8))
    _, ny, nx = mask.geometry.shape
    size = np.array(mask.geometry.size)
    voxels: list[NDArray[np.int32]] = []
    labels: list[NDArray[np.uint8]] = []
    y, x = np.meshgrid(np.arange(*box[1]), np.arange(*box[0]), indexing="ij")
    in_plane = matrix[:, :2] @ np.stack([x.ravel(), y.ravel()]) + offset[:, None]
    flat = (y * grid.size[0] + x).ravel()
    for z in range(*box[2]):
        index = np.floor(in_plane + matrix[:, 2:] * z + 0.5).astype(np.int64)
        inside = ((index >= 0) & (index < size[:, None])).all(axis=0)
        i, j, k = index[:, inside]
        at = (k * ny + j) * nx + i
        place = np.searchsorted(mask.voxels, at)
        place[place == mask.voxels.size] = 0
        hit = mask.voxels[place] == at
        voxels.append((flat[inside][hit] + z * grid.size[0] * grid.size[1]).astype(np.int32))
        labels.append(mask.labels[place[hit]])
    return DrawnMask(grid, np.concatenate(voxels), np.concatenate(labels))


def _to_index(grid: Geometry, other: Geometry) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From indices (x, y, z) of ``grid`` to continuous ones of ``other``: matrix and offset."""
    of_grid = np.array(grid.direction).reshape(3, 3) * grid.spacing
    of_other = np.array(other.direction).reshape(3, 3) * other.spacing
    inverse = np.linalg.inv(of_other)
    return inverse @ of_grid, inverse @ (np.array(grid.origin) - np.array(other.origin))


def _box(
    mask: DrawnMask, matrix: NDArray[np.float64], offset: NDArray[np.float64], grid: Geometry
) -> list[tuple[int, int]]:
    """The part of ``grid``, along x, y, z, that what is drawn in ``mask`` can reach."""
    z, y, x = np.unravel_index(mask.voxels, mask.geometry.shape)
    ends = [(axis.min() - 0.5, axis.max() + 0.5) for axis in (x, y, z)]
    corners = np.array([[a, b, c] for a in ends[0] for b in ends[1] for c in ends[2]])
    reached = np.linalg.solve(matrix, (corners - offset).T)
    return [
        (max(0, math.floor(low)), min(count, math.ceil(high) + 1))
        for low, high, count in zip(
            reached.min(axis=1), reached.max(axis=1), grid.size, strict=True
        )
    ]
