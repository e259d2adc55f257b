"""Where the patient is, on a coarse copy of the PET's grid: a body has no fine structure."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.geometry import Geometry

COARSE_MM = 8.0
"""The least edge of a block."""
BODY_SUV = 0.1
"""Air is near 0, lungs about 0.4, the coolest limbs about 0.2."""
BODY_HU = -300.0
_LEAST_SHARE = 0.01


@dataclass(frozen=True)
class Coarse:
    """``inside`` ``[z, y, x]``: blocks of ``factors`` voxels each that belong to the body."""

    inside: NDArray[np.bool_]
    factors: tuple[int, int, int]
    spacing: tuple[float, float, float]
    block_ml: float

    @property
    def ml(self) -> float:
        return int(np.count_nonzero(self.inside)) * self.block_ml

    def share_outside(self, voxels: NDArray[np.int64], shape: tuple[int, int, int]) -> float:
        """Of flat indices into an array of ``shape``, those that lie in no block of the body."""
        z, y, x = np.unravel_index(voxels, shape)
        fz, fy, fx = self.factors
        return 1.0 - float(self.inside[z // fz, y // fy, x // fx].mean())


def pet_body(suv: NDArray[np.float32], geometry: Geometry) -> Coarse:
    """Blocks of mean SUV above BODY_SUV, without specks and with all holes filled."""
    return _coarse(suv, geometry, BODY_SUV)


def ct_body(hounsfield: NDArray[np.int16], geometry: Geometry) -> Coarse:
    """The same of a CT on the PET's grid, above BODY_HU."""
    return _coarse(hounsfield, geometry, BODY_HU)


def _coarse(values: NDArray[Any], geometry: Geometry, least: float) -> Coarse:
    # The web process never needs it.
    from scipy import ndimage

    edges = geometry.spacing[::-1]
    factors = tuple(math.ceil(COARSE_MM / edge) for edge in edges)
    inside = block_means(values, factors) > least
    found, count = ndimage.label(inside)
    if count:
        sizes = np.bincount(np.asarray(found).ravel(), minlength=count + 1)
        sizes[0] = 0
        inside = (sizes >= _LEAST_SHARE * sizes.sum())[found]
    inside = _filled(inside)
    fz, fy, fx = factors
    return Coarse(
        inside,
        (fz, fy, fx),
        (fz * edges[0], fy * edges[1], fx * edges[2]),
        fz * fy * fx * geometry.voxel_volume_ml,
    )


def _filled(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """With the holes of all planes along each axis: a cold tumour cut by the edge of a crop is a
    hole in some. Planes are labelled all at once, by neighbours within their plane alone."""
    from scipy import ndimage

    filled = inside.copy()
    for axis in range(3):
        in_plane = np.moveaxis(ndimage.generate_binary_structure(3, 1), axis, 0).copy()
        in_plane[[0, 2]] = False
        found, count = ndimage.label(~inside, np.moveaxis(in_plane, 0, axis))
        open_ = np.zeros(count + 1, bool)
        for other in range(3):
            if other != axis:
                open_[np.asarray(found).take([0, -1], axis=other)] = True
        filled |= ~open_[found]
    return filled


def block_means(values: NDArray[Any], factors: tuple[int, ...]) -> NDArray[np.float32]:
    """Means of blocks of ``factors`` voxels; those at the far ends may hold fewer.

    Slab by slab, so that no second array of the volume's size is made.
    """
    fz, fy, fx = factors
    _, ny, nx = values.shape
    at_y, at_x = np.arange(0, ny, fy), np.arange(0, nx, fx)
    counts = np.outer(np.diff(at_y, append=ny), np.diff(at_x, append=nx)).astype(np.float32)
    slabs = []
    for start in range(0, values.shape[0], fz):
        plane = values[start : start + fz].mean(axis=0, dtype=np.float32)
        sums = np.add.reduceat(np.add.reduceat(plane, at_y, axis=0), at_x, axis=1)
        slabs.append(sums / counts)
    return np.stack(slabs).astype(np.float32, copy=False)
