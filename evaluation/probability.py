"""How well probability maps are calibrated, and how they overlap with what several readers drew.

Maps are ``[z, y, x]``, 0 to 1, and are taken as float32, so that a map is scored the same whichever
type its file has.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError
from evaluation.geometry import Geometry, Triple

Mask = NDArray[np.bool_]
Map = NDArray[np.floating[Any]]

NEAR_MM = 10.0
BINS = 10
_TOLERANCE_MM = 1e-6
_EDGES = (np.arange(1, BINS) / BINS).astype(np.float32)


class ProbabilityRefused(EvaluationError):
    """A map that does not hold probabilities, or lies on another grid."""


@dataclass(frozen=True)
class JudgedVoxels:
    """The voxels on which calibration is judged: their probabilities, and which of them the
    reference holds; one-dimensional, of one length."""

    probability: NDArray[np.float32]
    drawn: Mask


def judged_voxels(probability: Map, reference: Mask, geometry: Geometry) -> JudgedVoxels:
    """All voxels whose centre lies within 10 mm (Euclidean) of that of a voxel of the reference or
    of one with a probability of 0.5 or more: a whole body of background would hide every error.

    No voxel is judged where there is neither. As a map widens what is judged by each voxel of 0.5,
    even a wrong one, the two scores below describe and must not rank. Raises ProbabilityRefused:
    code wrong_shape where an array is not on the grid, not_probabilities where the map holds NaN,
    infinity or values outside 0 to 1.
    """
    for array in (probability, reference):
        if array.shape != geometry.shape:
            raise ProbabilityRefused(
                "wrong_shape",
                f"An array of shape {array.shape}; expected that of the PET image, "
                f"{geometry.shape} (z, y, x).",
            )
    likely = _probabilities(probability)
    either = reference | (likely >= 0.5)
    box = _padded_box(either, geometry.spacing)
    near = _within_reach(either[box], geometry.spacing)
    return JudgedVoxels(likely[box][near], reference[box][near])


def expected_calibration_error(judged: JudgedVoxels) -> float | None:
    """Σ over bins of |sum of p − number drawn| / number of voxels: how far, on average, a stated
    probability lies from the share of voxels that the reference holds there. 0 to 1, 0 is best.

    10 bins of equal width, [0, 0.1) to [0.9, 1]; p is that of the foreground. Naeini et al., AAAI
    2015. None where no voxel is judged: the reference is empty and no probability reaches 0.5.
    """
    if not judged.probability.size:
        return None
    bins = np.searchsorted(_EDGES, judged.probability, side="right")
    stated = np.bincount(bins, weights=judged.probability, minlength=BINS)
    held = np.bincount(bins, weights=judged.drawn, minlength=BINS)
    return float(np.abs(stated - held).sum() / judged.probability.size)


def brier_score(judged: JudgedVoxels) -> float | None:
    """The mean of (p − r)², r being 1 in the reference and 0 outside. 0 to 1, 0 is best. Brier,
    Monthly Weather Review 1950. None as ``expected_calibration_error``."""
    if not judged.probability.size:
        return None
    return float(((judged.probability.astype(np.float64) - judged.drawn) ** 2).mean())


def soft_dice(probability: Map, share: Map) -> float | None:
    """2·Σps / (Σp + Σs) over the whole grid; share s: of the readers, how many drew the
    voxel, 0 to 1 (``readers.soft_reference``). 0 to 1, higher is better; readers who differ put 1
    out of reach, and the map that scores best is then a mask, not their share.

    None where no reader drew anything, whatever the map holds, as for every overlap. Raises
    ProbabilityRefused as ``judged_voxels``, for either map.
    """
    if probability.shape != share.shape:
        raise ProbabilityRefused(
            "wrong_shape",
            f"Maps of shapes {probability.shape} and {share.shape}; expected one shape (z, y, x).",
        )
    likely, drawn = _probabilities(probability), _probabilities(share)
    somewhere = drawn > 0.0
    shares = drawn[somewhere].astype(np.float64)
    if not shares.size:
        return None
    common = float((likely[somewhere] * shares).sum())
    return 2.0 * common / (float(likely.sum(dtype=np.float64)) + float(shares.sum()))


def _probabilities(values: Map) -> NDArray[np.float32]:
    # “not within” rather than “beyond”: NaN is within nothing.
    if values.size and not (values.min() >= 0.0 and values.max() <= 1.0):
        raise ProbabilityRefused(
            "not_probabilities",
            f"The map holds values from {values.min():g} to {values.max():g}; expected 0 to 1, "
            "each a number. Write probabilities (after the softmax or sigmoid), and clip them.",
        )
    return values.astype(np.float32, copy=False)


def _padded_box(mask: Mask, spacing: Triple) -> tuple[slice, ...]:
    """The bounding box and NEAR_MM around it, within the array; empty for an empty mask."""
    box = []
    for axis, step in enumerate(spacing[::-1]):
        hit = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        if not hit.size:
            return (slice(0, 0),) * 3
        reach = _steps(NEAR_MM + _TOLERANCE_MM, step, mask.shape[axis])
        box.append(slice(max(0, int(hit[0]) - reach), int(hit[-1]) + reach + 1))
    return tuple(box)


def _within_reach(mask: Mask, spacing: Triple) -> Mask:
    """The voxels within NEAR_MM of one of ``mask``.

    The ball is taken apart into runs along x. A distance transform of a whole body with noise takes
    forty times as long and gigabytes, which any submission could ask for.
    """
    sx, sy, sz = spacing
    nz, ny, nx = mask.shape
    radius = NEAR_MM + _TOLERANCE_MM
    rows: dict[int, list[tuple[int, int]]] = {}
    reach_z, reach_y = _steps(radius, sz, nz), _steps(radius, sy, ny)
    for dz in range(-reach_z, reach_z + 1):
        for dy in range(-reach_y, reach_y + 1):
            left = radius**2 - (dz * sz) ** 2 - (dy * sy) ** 2
            if left >= 0.0:
                rows.setdefault(_steps(math.sqrt(left), sx, nx), []).append((dz, dy))
    near, runs = np.zeros_like(mask), np.zeros_like(mask)
    for half in range(max(rows, default=-1) + 1):
        _add_shifted(runs, mask, (0, 0, half))
        _add_shifted(runs, mask, (0, 0, -half))
        for dz, dy in rows.get(half, ()):
            _add_shifted(near, runs, (dz, dy, 0))
    return near


def _steps(reach_mm: float, step_mm: float, size: int) -> int:
    """Whole voxels within reach along an axis; never more than the array has."""
    return min(int(reach_mm / step_mm), max(0, size - 1))


def _add_shifted(target: Mask, source: Mask, offset: tuple[int, int, int]) -> None:
    pairs = list(zip(offset, target.shape, strict=True))
    into = tuple(slice(max(0, by), size + min(0, by)) for by, size in pairs)
    out_of = tuple(slice(max(0, -by), size - max(0, by)) for by, size in pairs)
    target[into] |= source[out_of]
