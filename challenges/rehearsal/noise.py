"""Redrawn masks: what a reader draws who sees the same lesions, and draws their borders anew."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.geometry import Geometry
from evaluation.pair import Pair

WAVES = 24
CORRELATION_MM = 8.0
_WHOLE_BORDER = 0.5
"""Of the border's shift, in standard deviations of its waves, that a whole lesion shares."""
_SMALLEST_MM, _LARGEST_MM = 0.02, 40.0
_STEPS = 14
_MISS_SCALE_ML = 1.0
Voxels = NDArray[np.int64]


@dataclass(frozen=True)
class Lesion:
    """One 18-connected lesion and what lies near. voxels: flat indices; distance_mm: of each to the
    lesion's border, negative inside; at_mm: place along z, y, x ``[n, 3]``."""

    voxels: Voxels
    distance_mm: NDArray[np.float32]
    at_mm: NDArray[np.float32]
    ml: float
    radius_mm: float


@dataclass(frozen=True)
class Drawing:
    """What chance decides about one drawing of a lesion: the shift of the border at each voxel, in
    standard deviations, and a number from 0 to 1 that decides whether it is missed."""

    field: NDArray[np.float32]
    missed_below: float


@dataclass(frozen=True)
class Level:
    """How far a simulated reader strays. sigma_mm: standard deviation of the border's place; miss:
    chance to miss the smallest lesions, falling as exp(−V / 1 ml); the largest is never missed.
    dice: mean over cases between two such drawings, as measured at calibration."""

    sigma_mm: float
    miss: float
    dice: float


def lesions(mask: NDArray[np.bool_], geometry: Geometry) -> list[Lesion]:
    """Of a mask ``[z, y, x]``, in the order of their first voxels; none of an empty one."""
    drawn = np.flatnonzero(mask)
    if not drawn.size:
        return []
    found = Pair(drawn.astype(np.int32), np.empty(0, np.int32), geometry).reference.lesions
    order = np.argsort(found.of_voxel, kind="stable")
    ends = np.cumsum(found.sizes)
    return [
        _lesion(drawn[order[end - size : end]], geometry)
        for end, size in zip(ends, found.sizes, strict=True)
    ]


def _lesion(drawn: Voxels, geometry: Geometry) -> Lesion:
    from scipy import ndimage

    edges = np.array(geometry.spacing[::-1])
    ml = drawn.size * geometry.voxel_volume_ml
    radius = (3 * ml * 1000 / (4 * math.pi)) ** (1 / 3)
    # A border farther out than the lesion is wide would be another lesion.
    reach = max(radius, 1.5 * float(edges.max()))
    places = np.unravel_index(drawn, geometry.shape)
    start = [
        max(0, int(at.min()) - int(reach / e) - 1) for at, e in zip(places, edges, strict=True)
    ]
    stop = [
        min(size, int(at.max()) + int(reach / e) + 2)
        for at, e, size in zip(places, edges, geometry.shape, strict=True)
    ]
    inside = np.zeros([b - a for a, b in zip(start, stop, strict=True)], bool)
    inside[tuple(at - a for at, a in zip(places, start, strict=True))] = True
    # Half an edge each way: the border lies between voxels, not on them.
    half = float(edges.min()) / 2
    away = ndimage.distance_transform_edt(~inside, sampling=edges) - half
    deep = ndimage.distance_transform_edt(np.pad(inside, 1), sampling=edges)[1:-1, 1:-1, 1:-1]
    distance = np.where(inside, half - deep, away)
    near = np.nonzero(distance <= reach)
    at = np.stack([index + a for index, a in zip(near, start, strict=True)])
    return Lesion(
        voxels=np.ravel_multi_index((at[0], at[1], at[2]), geometry.shape).astype(np.int64),
        distance_mm=distance[near].astype(np.float32),
        at_mm=(at.T * edges).astype(np.float32),
        ml=ml,
        radius_mm=radius,
    )


def drawings(found: Sequence[Lesion], rng: np.random.Generator) -> list[Drawing]:
    """One of each lesion; nothing in it depends on how far a reader strays."""
    return [Drawing(_field(lesion, rng), float(rng.random())) for lesion in found]


def _field(lesion: Lesion, rng: np.random.Generator) -> NDArray[np.float32]:
    """A smooth random field, as a sum of waves of random direction: its correlation falls to 1/e
    at CORRELATION_MM, or half the radius of a large lesion. A share of it is the whole border's."""
    length = max(CORRELATION_MM, lesion.radius_mm / 2) / math.sqrt(2)
    waves = (rng.standard_normal((3, WAVES)) / length).astype(np.float32)
    phases = (2 * math.pi * rng.random(WAVES)).astype(np.float32)
    smooth = np.cos(lesion.at_mm @ waves + phases).sum(axis=1) * math.sqrt(2 / WAVES)
    whole = _WHOLE_BORDER * rng.standard_normal()
    field = (smooth + whole) / math.sqrt(1 + _WHOLE_BORDER**2)
    return np.asarray(field, np.float32)


def redrawn(
    found: Sequence[Lesion], drawn: Sequence[Drawing], sigma_mm: float, miss: float
) -> Voxels:
    """Flat indices, ascending, of what a reader who strays so far draws: a voxel is in where its
    distance from the border is at most sigma_mm times the field."""
    largest = max((lesion.ml for lesion in found), default=0.0)
    kept = [
        lesion.voxels[lesion.distance_mm <= np.float32(sigma_mm) * one.field]
        for lesion, one in zip(found, drawn, strict=True)
        if lesion.ml == largest or one.missed_below >= miss * math.exp(-lesion.ml / _MISS_SCALE_ML)
    ]
    return np.unique(np.concatenate(kept)) if kept else np.empty(0, np.int64)


def calibrated(
    cases: Sequence[Sequence[Lesion]], dice: float, miss: float, seed: Sequence[int]
) -> Level:
    """How far readers stray whose drawings of these cases agree with a mean Dice of ``dice``, or as
    nearly as the masks allow; cases without lesions are left out."""
    pairs = []
    for number, found in enumerate(case for case in cases if case):
        rng = np.random.default_rng([*seed, number])
        pairs.append((found, drawings(found, rng), drawings(found, rng)))

    def agreement(sigma: float) -> float:
        return float(np.mean([_dice(found, sigma, miss, a, b) for found, a, b in pairs]))

    low, high = math.log(_SMALLEST_MM), math.log(_LARGEST_MM)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if agreement(math.exp(middle)) > dice:
            low = middle
        else:
            high = middle
    sigma = math.exp((low + high) / 2)
    return Level(sigma, miss, agreement(sigma))


def _dice(
    found: Sequence[Lesion], sigma: float, miss: float, a: list[Drawing], b: list[Drawing]
) -> float:
    one, other = redrawn(found, a, sigma, miss), redrawn(found, b, sigma, miss)
    total = one.size + other.size
    return 2 * np.intersect1d(one, other, assume_unique=True).size / total if total else 1.0
