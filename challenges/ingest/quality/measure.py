"""Measure a case, once, from its arrays; every check after that needs the numbers alone."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from statistics import median

import numpy as np
from numpy.typing import NDArray

from challenges.ingest.quality.body import Coarse, block_means, ct_body, pet_body
from challenges.ingest.quality.facts import (
    CtFacts,
    Facts,
    MaskFacts,
    MirrorFacts,
    PairFacts,
    PlaceFacts,
)
from challenges.ingest.quality.placement import bodies_place, place
from evaluation.components import Components
from evaluation.geometry import Geometry
from evaluation.masks import DrawnMask
from evaluation.metrics import REGISTRY
from evaluation.pair import Pair
from evaluation.resampling import nearest

Suv = NDArray[np.float32]
Labels = NDArray[np.uint8]
Voxels = NDArray[np.int64]
_SHELL_MM = (5.0, 15.0)
_MOST_COMPONENTS = 50
"""Contrast is told from this many of the largest; a mask of more pieces is a finding already."""
_HOT = 1.2
SUSPICIOUS_SHARE = 0.7
"""Of hot lesions: where more are hot, the mask lies where the uptake is."""
_PERCENT_9999 = 0.9999


def measure_case(
    suv: Suv,
    geometry: Geometry,
    annotations: Mapping[str, Labels],
    references: Sequence[Labels],
    *,
    ct: NDArray[np.int16] | None = None,
    auxiliary: Mapping[str, DrawnMask] | None = None,
    uptake_min: float | None = None,
) -> Facts:
    """Facts of one case. suv, annotations (by reader), references and ct (HU on the PET's grid,
    OUTSIDE_HU where it does not reach) are ``[z, y, x]`` on ``geometry``; auxiliary masks may lie
    on any grid.
    """
    body = pet_body(suv, geometry)
    drawn = {reader: _drawn(mask) for reader, mask in annotations.items()}
    held = np.unique(np.concatenate([_drawn(mask) for mask in references]))
    inside, outside = _hottest(suv, held)
    return Facts(
        voxel_mm=geometry.spacing,
        matrix=geometry.size,
        length_mm=_length_mm(geometry),
        suv_min=float(suv.min()),
        suv_max=float(suv.max()),
        suv_mean=float(suv.mean(dtype=np.float64)),
        suv_p9999=_upper_quantile(suv),
        body_ml=body.ml,
        pet_sha256=_voxel_hash(suv),
        annotations={
            reader: _mask_facts(voxels, suv, geometry, body) for reader, voxels in drawn.items()
        },
        references_ml=tuple(_lesions_ml(_drawn(mask), geometry) for mask in references),
        hottest_inside=inside,
        hottest_outside=outside,
        pairs=tuple(
            _pair_facts(one, other, drawn, geometry) for one, other in combinations(drawn, 2)
        ),
        ct=None if ct is None else _ct_facts(ct, geometry, body),
        auxiliary={
            name: _auxiliary_place(mask, held, geometry) for name, mask in (auxiliary or {}).items()
        },
        uptake_min=uptake_min,
    )


def _drawn(mask: Labels) -> Voxels:
    # Of booleans this is several times as fast.
    return np.flatnonzero(mask != 0)


def _length_mm(geometry: Geometry) -> float:
    """Of the field, along the axis nearest to head–feet."""
    towards_head = np.abs(np.array(geometry.direction).reshape(3, 3)[2])
    axis = int(np.argmax(towards_head))
    return geometry.size[axis] * geometry.spacing[axis]


def _upper_quantile(suv: Suv) -> float:
    """The smallest value that at least 99.99 % of the voxels do not exceed.

    Sorted are only the voxels above what a sample says, a few in a thousand.
    """
    flat = suv.ravel()
    rank = max(1, int(np.ceil((1 - _PERCENT_9999) * flat.size)))
    sample = flat[:: max(1, flat.size // 100_000)]
    guess = np.quantile(sample, 0.998)
    top = flat[flat >= guess]
    if top.size < rank:
        top = flat
    return float(np.partition(top, top.size - rank)[top.size - rank])


def _voxel_hash(suv: Suv) -> str:
    digest = hashlib.sha256(repr(suv.shape).encode())
    digest.update(np.ascontiguousarray(suv).data)
    return digest.hexdigest()


def _hottest(suv: Suv, held: Voxels) -> tuple[float | None, float | None]:
    """SUVmax in and outside of the voxels held; the array is as it was afterwards."""
    if not held.size:
        return None, float(suv.max())
    flat = suv.reshape(-1)
    inside = float(flat[held].max())
    hotter = np.flatnonzero(flat > inside)
    if hotter.size:
        return inside, float(flat[hotter].max())
    rest = np.ones(flat.size, bool)
    rest[held] = False
    return inside, float(flat.max(where=rest, initial=-np.inf)) if rest.any() else None


def _lesions_ml(drawn: Voxels, geometry: Geometry) -> tuple[float, ...]:
    volumes = _alone(drawn, geometry).reference.lesions_ml
    return tuple(float(volume) for volume in np.sort(volumes)[::-1])


def _alone(drawn: Voxels, geometry: Geometry) -> Pair:
    return Pair(drawn.astype(np.int32), np.empty(0, np.int32), geometry)


def _mask_facts(drawn: Voxels, suv: Suv, geometry: Geometry, body: Coarse) -> MaskFacts:
    if not drawn.size:
        return MaskFacts(0.0, 0, 0, 0)
    lesions = _alone(drawn, geometry).reference.lesions
    inside = suv.reshape(-1)[drawn]
    contrasts = _contrasts(drawn, lesions, suv, geometry)
    hot_share = contrasts.hot_share
    return MaskFacts(
        volume_ml=drawn.size * geometry.voxel_volume_ml,
        voxels=int(drawn.size),
        components=lesions.count,
        single_voxels=int(np.count_nonzero(lesions.sizes == 1)),
        suv_max=float(inside.max()),
        suv_mean=float(inside.mean(dtype=np.float64)),
        contrast=contrasts.together,
        hot_share=hot_share,
        mirrored=None
        if hot_share is None or hot_share > SUSPICIOUS_SHARE
        else _best_mirrored(drawn, lesions, suv, geometry),
        outside_body=body.share_outside(drawn, geometry.shape),
    )


def _best_mirrored(
    drawn: Voxels, lesions: Components, suv: Suv, geometry: Geometry
) -> MirrorFacts | None:
    """The mirror image with the most hot lesions, then the highest contrast."""
    places = np.unravel_index(drawn, geometry.shape)
    found = []
    for flips in list(product((False, True), repeat=3))[1:]:
        z, y, x = (
            size - 1 - index if flip else index
            for flip, index, size in zip(flips, places, geometry.shape, strict=True)
        )
        at = np.ravel_multi_index((z, y, x), geometry.shape)
        contrasts = _contrasts(at, lesions, suv, geometry)
        if contrasts.hot_share is not None:
            mean = float(suv.reshape(-1)[at].mean(dtype=np.float64))
            found.append(MirrorFacts(contrasts.hot_share, median(contrasts.each), mean))
    return max(found, key=lambda one: (one.hot_share, one.contrast), default=None)


@dataclass(frozen=True)
class _Contrasts:
    """together: None without a background above 0; each: of the lesions that have one."""

    together: float | None
    each: tuple[float, ...]

    @property
    def hot_share(self) -> float | None:
        if not self.each:
            return None
        return sum(one > _HOT for one in self.each) / len(self.each)


def _contrasts(drawn: Voxels, lesions: Components, suv: Suv, geometry: Geometry) -> _Contrasts:
    """Mean SUV of the largest lesions over the median SUV of the shells around them.

    drawn: flat indices, lesion by lesion as ``lesions`` has them. Lesion by lesion in its own box,
    as a distance map of a whole body takes minutes.
    """
    taken = np.zeros(geometry.voxels, bool)
    taken[drawn] = True
    taken = taken.reshape(geometry.shape)
    order = np.argsort(lesions.of_voxel, kind="stable")
    ends = np.cumsum(lesions.sizes)
    insides, shells, each = [], [], []
    for number in np.argsort(-lesions.sizes, kind="stable")[:_MOST_COMPONENTS]:
        voxels = drawn[order[ends[number] - lesions.sizes[number] : ends[number]]]
        insides.append(suv.reshape(-1)[voxels])
        shells.append(_shell(voxels, taken, suv, geometry))
        own = _ratio(insides[-1], shells[-1])
        if own is not None:
            each.append(own)
    return _Contrasts(_ratio(np.concatenate(insides), np.concatenate(shells)), tuple(each))


def _ratio(inside: Suv, around: Suv) -> float | None:
    background = float(np.median(around)) if around.size else 0.0
    return float(inside.mean(dtype=np.float64)) / background if background > 0 else None


def _shell(voxels: Voxels, taken: NDArray[np.bool_], suv: Suv, geometry: Geometry) -> Suv:
    """SUV of what lies 5–15 mm outside of one lesion and in no other."""
    from scipy import ndimage

    edges = geometry.spacing[::-1]
    places = np.unravel_index(voxels, geometry.shape)
    box, within = [], []
    for place_, size, edge in zip(places, geometry.shape, edges, strict=True):
        room = int(_SHELL_MM[1] / edge) + 1
        start = max(0, int(place_.min()) - room)
        box.append(slice(start, min(size, int(place_.max()) + room + 1)))
        within.append(place_ - start)
    outside = np.ones([one.stop - one.start for one in box], bool)
    outside[tuple(within)] = False
    away = ndimage.distance_transform_edt(outside, sampling=edges)
    shell = (away >= _SHELL_MM[0]) & (away <= _SHELL_MM[1]) & ~taken[tuple(box)]
    found: Suv = suv[tuple(box)][shell]
    return found


def _pair_facts(one: str, other: str, drawn: Mapping[str, Voxels], geometry: Geometry) -> PairFacts:
    first, second = drawn[one].astype(np.int32), drawn[other].astype(np.int32)
    total = first.size + second.size
    if not total:
        return PairFacts(one, other, None, None)
    pair = Pair(first, second, geometry)
    apart = REGISTRY["hd95"].measure(pair) if first.size and second.size else None
    return PairFacts(one, other, 2 * pair.intersection_voxels / total, apart)


def _ct_facts(ct: NDArray[np.int16], geometry: Geometry, body: Coarse) -> CtFacts:
    sample = ct.reshape(-1)[:: max(1, ct.size // 1_000_000)]
    reached = sample[sample > _NO_CT_HU]
    least, most = np.quantile(reached, [0.001, 0.999]) if reached.size else (0.0, 0.0)
    # Where the CT does not reach there is its fill value alone, in whole blocks.
    blocks = block_means(ct, body.factors)
    covered = float((blocks[body.inside] > _NO_CT_HU).mean()) if body.inside.any() else 1.0
    return CtFacts(
        hu_min=float(least),
        hu_max=float(most),
        covered=covered,
        place=bodies_place(ct_body(ct, geometry), body),
    )


_NO_CT_HU = -1023.5
"""Above ``ingest.resample.OUTSIDE_HU``, which air seldom reaches as a mean of a block."""


def _auxiliary_place(mask: DrawnMask, held: Voxels, geometry: Geometry) -> PlaceFacts | None:
    """Of an auxiliary mask against the reference, after nearest resampling."""
    on_grid = nearest(mask, geometry)
    reference = np.zeros(geometry.voxels, bool)
    reference[held] = True
    return place(on_grid.to_array() > 0, reference.reshape(geometry.shape), geometry.spacing[::-1])
