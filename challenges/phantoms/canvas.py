"""A patient's frame of reference and the means to paint activity into it.

Volumes are indexed [x, y, z] on a RAS+ grid: x grows to the patient's right, y to the front, z to
the head. Anatomy is written down for one reference patient (1.72 m, body mass index 24) as
(x, y, u) in mm: x from the midline, y from the middle of the trunk, u downwards from the crown of
the head. A `Frame` scales those numbers to a patient's build.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]
Vector = NDArray[np.float64]
Box = tuple[slice, slice, slice]

FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))
NECK_TO_SHOULDERS = (230.0, 330.0)


@dataclass(frozen=True)
class Frame:
    """Maps the reference patient's coordinates (mm) to one patient's (mm), axis by axis."""

    stature: float
    width: float
    depth: float

    def stretch(self, u: ArrayLike) -> tuple[Vector, Vector]:
        """The factors of x and y at level `u`: heads differ less than trunks do."""
        trunk = np.interp(np.asarray(u, dtype=np.float64), NECK_TO_SHOULDERS, (0.0, 1.0))
        return 1 + (self.width - 1) * trunk, 1 + (self.depth - 1) * trunk

    def point(self, point: ArrayLike) -> Vector:
        """(x, y, u) of the patient for (x, y, u) of the reference; shape (..., 3)."""
        reference = np.asarray(point, dtype=np.float64)
        u = reference[..., 2]
        width, depth = self.stretch(u)
        scaled = [reference[..., 0] * width, reference[..., 1] * depth, u * self.stature]
        return np.stack(scaled, axis=-1)

    def radii(self, radii: ArrayLike, u: float) -> Vector:
        """Half axes (mm) of the patient for those of the reference at level `u`; shape (3,)."""
        width, depth = self.stretch(u)
        factors = np.array([float(width), float(depth), self.stature])
        scaled: Vector = np.asarray(radii, dtype=np.float64) * factors
        return scaled


def smooth_field(
    rng: np.random.Generator, shape: tuple[int, ...], voxel: Vector, correlation: float
) -> Volume:
    """Gaussian noise of unit variance whose correlation falls to 1/e at `correlation` mm."""
    white = rng.standard_normal(shape, dtype=np.float32)
    smooth = ndimage.gaussian_filter(
        white, correlation / 2 / voxel, truncate=3.0, mode="wrap", output=np.float32
    )
    return np.asarray(smooth / max(float(smooth.std()), 1e-6), dtype=np.float32)


class Canvas:
    """Activity (SUV) on a patient's grid, painted organ over organ with soft edges."""

    def __init__(
        self, shape: tuple[int, int, int], voxel: tuple[float, float, float], margin: float
    ) -> None:
        """`voxel` in mm; the crown of the head lies `margin` mm below the top of the field."""
        self.shape = shape
        self.voxel = np.array(voxel, dtype=np.float64)
        self.edge = float(self.voxel.mean())
        self.margin = margin
        self.activity: Volume = np.zeros(shape, dtype=np.float32)
        self.wobble: Volume = np.zeros(shape, dtype=np.float32)

    def axes(self, box: Box | None = None, supersampling: int = 1) -> tuple[Volume, Volume, Volume]:
        """x, y and u (mm) of the voxel centres of `box`, or of their sub-voxels', to broadcast."""
        axes = []
        for axis in range(3):
            size = self.shape[axis]
            span = range(size) if box is None else range(*box[axis].indices(size))
            start, count = span.start, len(span) * supersampling
            index = start - 0.5 + (np.arange(count) + 0.5) / supersampling
            if axis < 2:
                position = (index - (size - 1) / 2) * self.voxel[axis]
            else:
                position = (size - 0.5 - index) * self.voxel[2] - self.margin
            form = [1, 1, 1]
            form[axis] = count
            axes.append(position.astype(np.float32).reshape(form))
        return axes[0], axes[1], axes[2]

    def box(self, centre: Vector, reach: ArrayLike) -> Box | None:
        """The voxels within `reach` mm of `centre` along each axis; None outside the field."""
        extent = np.broadcast_to(np.asarray(reach, dtype=np.float64), 3)
        slices = []
        for axis in range(3):
            size, voxel = self.shape[axis], self.voxel[axis]
            if axis < 2:
                index = centre[axis] / voxel + (size - 1) / 2
            else:
                index = size - 0.5 - (centre[2] + self.margin) / voxel
            half = extent[axis] / voxel + 1
            low, high = (
                max(0, int(np.floor(index - half))),
                min(size, int(np.ceil(index + half)) + 1),
            )
            if low >= high:
                return None
            slices.append(slice(low, high))
        return slices[0], slices[1], slices[2]

    def distance(
        self, box: Box, centre: Vector, radii: Vector, turn: Vector | None = None
    ) -> Volume:
        """Signed distance (mm, negative inside) to an ellipsoid, to first order at its surface.

        `turn` holds the directions of the ellipsoid's own axes in its rows.
        """
        offsets = [axis - np.float32(c) for axis, c in zip(self.axes(box), centre, strict=True)]
        if turn is None:
            own = offsets
        else:
            own = [
                sum(
                    (np.float32(row[i]) * offsets[i] for i in range(3)),
                    start=np.zeros((1, 1, 1), np.float32),
                )
                for row in turn
            ]
        scaled = [component / np.float32(r) for component, r in zip(own, radii, strict=True)]
        near = np.sqrt(scaled[0] ** 2 + scaled[1] ** 2 + scaled[2] ** 2)
        slope = np.sqrt(
            sum(
                ((s / np.float32(r)) ** 2 for s, r in zip(scaled, radii, strict=True)),
                start=np.zeros((1, 1, 1), np.float32),
            )
        )
        return np.asarray(near * (near - 1) / np.maximum(slope, np.float32(1e-6)), dtype=np.float32)

    def occupancy(self, distance: Volume) -> Volume:
        """The share (0 to 1) of each voxel that lies where `distance` (mm) is negative."""
        return np.asarray(np.clip(np.float32(0.5) - distance / np.float32(self.edge), 0, 1))

    def fill(self, box: Box, distance: Volume, value: float | Volume) -> None:
        """Replace what lies inside `distance` ≤ 0 by `value` (SUV)."""
        share = self.occupancy(distance)
        painted = self.activity[box]
        painted += share * (value - painted)

    def ellipsoid(
        self,
        centre: Vector,
        radii: Vector,
        value: float | Volume,
        *,
        turn: Vector | None = None,
        wobble: float = 0.0,
    ) -> None:
        """Paint an ellipsoid (mm); `wobble` displaces its surface by so many mm rms."""
        box = self.box(
            centre, float(np.max(radii)) + 3 * wobble if turn is not None else radii + 3 * wobble
        )
        if box is None:
            return
        distance = self.distance(box, centre, radii, turn)
        if wobble:
            distance = distance + np.float32(wobble) * self.wobble[box]
        self.fill(box, distance, value)

    def tube(self, path: Vector, radius: ArrayLike, value: ArrayLike) -> None:
        """Paint balls along `path` (n, 3), with a radius (mm) and a value for each point of it."""
        radii = np.broadcast_to(np.asarray(radius, dtype=np.float64), len(path))
        values = np.broadcast_to(np.asarray(value, dtype=np.float64), len(path))
        for centre, ball, uptake in zip(path, radii, values, strict=True):
            self.ellipsoid(centre, np.full(3, ball), float(uptake))


def resample(points: Vector, step: float) -> Vector:
    """Points every `step` mm along the polygon through `points` (n, 3), its corners rounded."""
    pieces = [
        np.linspace(a, b, max(2, int(np.linalg.norm(b - a) / step) + 1))[:-1]
        for a, b in pairwise(points)
    ]
    path = np.concatenate([*pieces, points[-1:]])
    return ndimage.gaussian_filter1d(path, 12.0 / step, axis=0, mode="nearest")


def rotation(axis: str, degrees: float) -> Vector:
    """Rows are the axes of a body turned by `degrees` about x, y or u."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    first, second = {"x": (1, 2), "y": (2, 0), "u": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = cosine
    matrix[first, second], matrix[second, first] = sine, -sine
    return matrix
