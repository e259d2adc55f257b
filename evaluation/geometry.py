"""Where a volume lies in the patient: size, spacing, origin and direction, after ITK (LPS, mm)."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import VolumeRefused

SPACING_TOLERANCE_MM = 1e-3
ORIGIN_TOLERANCE_MM = 0.01
DIRECTION_TOLERANCE = 1e-4
MIN_SPACING_MM, MAX_SPACING_MM = 1e-6, 1e6
"""Beyond these a header is nonsense, and volumes and diagonals leave what a float can hold."""

MAX_ORIGIN_MM = 1e6
"""No image lies a kilometre from its own coordinates' origin."""

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Geometry:
    """The grid of a volume.

    size: voxels along x, y, z (the array's shape reversed).
    spacing: mm between voxel centres along x, y, z.
    origin: centre of voxel (0, 0, 0) in LPS mm.
    direction: row-major 3×3; column i is the unit vector of axis i in LPS.
    """

    size: tuple[int, int, int]
    spacing: Triple
    origin: Triple = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The NumPy shape, ``(z, y, x)``."""
        return self.size[2], self.size[1], self.size[0]

    @property
    def voxels(self) -> int:
        return math.prod(self.size)

    @property
    def voxel_volume_ml(self) -> float:
        """|det(direction · spacing)| / 1000."""
        # Apart, so that an upright grid's volume is the plain product of its spacings.
        turn = np.linalg.det(np.array(self.direction).reshape(3, 3))
        return math.prod(self.spacing) * float(abs(turn)) / 1000.0

    @property
    def diagonal_mm(self) -> float:
        """√Σ(nᵢ·sᵢ)²: the declared worst value of every distance."""
        return math.sqrt(sum((n * s) ** 2 for n, s in zip(self.size, self.spacing, strict=True)))

    def differences(self, other: "Geometry") -> tuple[str, ...]:
        """The names of the parts in which ``other`` lies outside the tolerances of this grid."""

        def far(ours: tuple[float, ...], theirs: tuple[float, ...], tolerance: float) -> bool:
            # “not within” rather than “beyond”: a number that is not finite is far from any.
            return not all(abs(a - b) <= tolerance for a, b in zip(ours, theirs, strict=True))

        found = []
        if self.size != other.size:
            found.append("size")
        if far(self.spacing, other.spacing, SPACING_TOLERANCE_MM):
            found.append("spacing")
        if far(self.origin, other.origin, ORIGIN_TOLERANCE_MM):
            found.append("origin")
        if far(self.direction, other.direction, DIRECTION_TOLERANCE):
            found.append("direction")
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        return {
            "size": list(self.size),
            "spacing": list(self.spacing),
            "origin": list(self.origin),
            "direction": list(self.direction),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Geometry":
        nx, ny, nz = document["size"]
        sx, sy, sz = document["spacing"]
        ox, oy, oz = document["origin"]
        return cls((nx, ny, nz), (sx, sy, sz), (ox, oy, oz), tuple(document["direction"]))

    def ras_affine(self) -> NDArray[np.float64]:
        """The 4×4 matrix from voxel indices (i, j, k) to RAS mm, as NIfTI has it."""
        affine = np.eye(4)
        affine[:3, :3] = np.array(self.direction).reshape(3, 3) * self.spacing
        affine[:3, 3] = self.origin
        affine[:2] *= -1.0
        return affine

    @classmethod
    def from_ras_affine(cls, size: tuple[int, int, int], affine: NDArray[np.float64]) -> "Geometry":
        """From a NIfTI affine (RAS mm, voxel indices i, j, k) to ITK's convention (LPS mm).

        Raises VolumeRefused as ``from_axes`` does.
        """
        return cls.from_axes(size, np.asarray(affine)[:3] * [[-1.0], [-1.0], [1.0]])

    @classmethod
    def from_axes(cls, size: tuple[int, int, int], lps: NDArray[np.float64]) -> "Geometry":
        """From a 3×4 matrix in LPS mm: a column for a step along each axis, then the origin.

        Raises VolumeRefused when the axes are degenerate or not at right angles: a sheared grid
        has no spacing along axes, and no distance in mm could be told from it.
        """
        lps = np.asarray(lps, dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            spacing = np.linalg.norm(lps[:, :3], axis=0)
        plausible = (spacing >= MIN_SPACING_MM) & (spacing <= MAX_SPACING_MM)
        near = np.abs(lps[:, 3]).max() <= MAX_ORIGIN_MM
        if not np.all(np.isfinite(lps)) or not np.all(plausible) or not near:
            raise VolumeRefused(
                "bad_geometry",
                "The header's matrix is not finite or has an axis or origin of no plausible size. "
                "Write the geometry of the PET image into the mask's header.",
            )
        direction = lps[:, :3] / spacing
        if np.abs(direction.T @ direction - np.eye(3)).max() > 1e-3:
            raise VolumeRefused(
                "bad_geometry",
                "The header's axes are not at right angles (a sheared affine). "
                "Resample to the grid of the PET image.",
            )
        sx, sy, sz = (float(value) for value in spacing)
        ox, oy, oz = (float(value) + 0.0 for value in lps[:, 3])
        flat = tuple(float(value) + 0.0 for value in direction.ravel())
        return cls(size, (sx, sy, sz), (ox, oy, oz), flat)


def side_by_side(expected: Geometry, found: Geometry) -> str:
    """Both grids in a small table of text, for the message of a refused mask."""
    rows = [
        ("", "expected (PET image)", "found (mask)"),
        ("size", _join(expected.size), _join(found.size)),
        ("spacing mm", _join(expected.spacing), _join(found.spacing)),
        ("origin mm", _join(expected.origin), _join(found.origin)),
        ("direction", _join(expected.direction), _join(found.direction)),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join(f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in rows)


def _join(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.6g}" for value in values)
