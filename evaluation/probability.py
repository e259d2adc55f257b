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
from evaluation.reliability import STEPS, Reliability, Steps, to_steps

Mask = NDArray[np.bool_]
Map = NDArray[np.floating[Any]]

NEAR_MM = 10.0
_TOLERANCE_MM = 1e-6


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
    box, near = _near(reference | (likely >= 0.5), geometry, NEAR_MM)
    return JudgedVoxels(likely[box][near], reference[box][near])


def reliability(judged: JudgedVoxels) -> Reliability:
    """The counts that calibration is told from."""
    return Reliability.of(to_steps(judged.probability), judged.drawn)


def reliability_of_map(
    steps: Steps, reference: Mask, drawn: Mask, geometry: Geometry, within_mm: float
) -> Reliability:
    """Of the voxels whose centre lies within ``within_mm`` of that of a voxel of the reference, of
    the predicted mask ``drawn``, or of one with a probability of 0.5 or more.

    All arrays are ``[z, y, x]`` on ``geometry``; steps: probabilities as ``to_steps`` gives them.
    With the mask an algorithm that draws from a lower probability on is judged where it draws.
    As an answer widens what is judged of it, what is told of this describes and must not rank.
    """
    box, near = _near(reference | drawn | (steps >= STEPS // 2), geometry, within_mm)
    return Reliability.of(steps[box][near], reference[box][near])


def expected_calibration_error(judged: JudgedVoxels) -> float | None:
    """``Reliability.expected_calibration_error``; p is that of the foreground. None where no voxel
    is judged: the reference is empty and no probability reaches 0.5."""
    return reliability(judged).expected_calibration_error


def brier_score(judged: JudgedVoxels) -> float | None:
    """``Reliability.brier``. None as ``expected_calibration_error``."""
    return reliability(judged).brier


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


def _near(mask: Mask, geometry: Geometry, mm: float) -> tuple[tuple[slice, ...], Mask]:
    """A box, and in it the voxels within ``mm`` of one of ``mask``."""
    radius = mm + _TOLERANCE_MM
    box = _padded_box(mask, geometry.spacing, radius)
    return box, _within_reach(mask[box], geometry.spacing, radius)


def _padded_box(mask: Mask, spacing: Triple, radius: float) -> tuple[slice, ...]:
    """The bounding box and ``radius`` (mm) around it, within the array; empty for an empty mask."""
    box = []
    for axis, step in enumerate(spacing[::-1]):
        hit = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        if not hit.size:
            return (slice(0, 0),) * 3
        reach = _steps(radius, step, mask.shape[axis])
        box.append(slice(max(0, int(hit[0]) - reach), int(hit[-1]) + reach + 1))
    return tuple(box)


def _within_reach(mask: Mask, spacing: Triple, radius: float) -> Mask:
    """The voxels within ``radius`` (mm) of one of ``mask``.

    The ball is taken apart into runs along x. A distance transform of a whole body with noise takes
    forty times as long and gigabytes, which any submission could ask for.
    """
    sx, sy, sz = spacing
    nz, ny, nx = mask.shape
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
