"""Errors in what is read from the PET within the mask: SUV (g/ml) and total lesion glycolysis."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evaluation.distances import Lattice
from evaluation.empties import Family
from evaluation.metrics.base import Direction, Metric
from evaluation.pair import SUV_MARGIN_MM, Pair, Side


def suv_max(side: Side) -> float:
    """The largest SUV in the mask, g/ml; 0 for an empty one."""
    return float(side.suv.max()) if side.voxels.size else 0.0


def suv_mean(side: Side) -> float:
    """The mean SUV in the mask, g/ml; 0 for an empty one."""
    return float(side.suv.mean()) if side.voxels.size else 0.0


def tlg_g(side: Side) -> float:
    """Total lesion glycolysis: Σ SUV·v over the mask, g (SUV in g/ml, v in ml)."""
    return float(side.suv.sum()) * side.geometry.voxel_volume_ml


def suv_peak(side: Side) -> float:
    """The largest mean in a sphere of 1 cm³ centred on a voxel of the mask, g/ml; 0 for an empty
    one.

    The sphere holds the voxels whose centres lie within 6.204 mm of its own, in the mask or not;
    those beyond the image are left out. Wahl et al., J Nucl Med 2009 (PERCIST); IBSI's global
    intensity peak.
    """
    if not side.voxels.size:
        return 0.0
    region = side.region
    offsets = _sphere(side.frame.spacing)
    reach = offsets.max(axis=0)
    padded = np.pad(region.suv, [(int(n), int(n)) for n in reach])
    rows = np.array([padded.shape[1] * padded.shape[2], padded.shape[2], 1])
    at = side.frame.coordinates(side.voxels) + (np.array(side.frame.start) - region.box.start)
    centres, values = (at + reach) @ rows, padded.ravel()
    sums = np.zeros(centres.size)
    for step in offsets @ rows:
        sums += values[centres + step]
    counts = np.full(centres.size, len(offsets))
    cut = np.flatnonzero(((at < reach) | (at + reach >= region.suv.shape)).any(axis=1))
    for place in cut:
        around = at[place] + offsets
        counts[place] = ((around >= 0) & (around < region.suv.shape)).all(axis=1).sum()
    return float((sums / counts).max())


@lru_cache(maxsize=8)
def _sphere(spacing: tuple[float, float, float]) -> NDArray[np.int64]:
    """Offsets (z, y, x) of the voxels of a sphere of 1 cm³."""
    reach = [int(SUV_MARGIN_MM / one) for one in spacing]
    grid = np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij")
    offsets = np.stack(grid, -1).reshape(-1, 3).astype(np.int64)
    inside: NDArray[np.int64] = offsets[Lattice(spacing).squared(offsets) <= SUV_MARGIN_MM**2]
    return inside


def _error_of(feature: Callable[[Side], float]) -> Callable[[Pair], float]:
    return lambda pair: feature(pair.prediction) - feature(pair.reference)


def _metric(
    id: str,
    title: str,
    unit: str,
    feature: Callable[[Side], float],
    definition: str,
    advice: str,
    decimals: int = 2,
) -> Metric:
    return Metric(
        id=id,
        title=f"{title} error",
        short=f"{title} error",
        unit=unit,
        direction=Direction.TOWARDS_ZERO,
        family=Family.FEATURE_ERROR,
        definition=f"{definition} Predicted minus reference; that of an empty mask is 0.",
        advice=advice,
        measure=_error_of(feature),
        decimals=decimals,
        needs_pet=True,
    )


METRICS = (
    _metric(
        "tlg_error_g",
        "TLG",
        "g",
        tlg_g,
        "Total lesion glycolysis, the sum over the mask of SUV × voxel volume.",
        "Weighs each voxel by its uptake, so that a wrong border in cold tissue costs little.",
        decimals=1,
    ),
    _metric(
        "suv_max_error",
        "SUVmax",
        "SUV",
        suv_max,
        "The largest SUV in the mask.",
        "One voxel decides it: physiological uptake that was drawn along shows at once.",
    ),
    _metric(
        "suv_mean_error",
        "SUVmean",
        "SUV",
        suv_mean,
        "The mean SUV in the mask.",
        "Falls as a mask grows beyond the lesion.",
    ),
    _metric(
        "suv_peak_error",
        "SUVpeak",
        "SUV",
        suv_peak,
        "The largest mean SUV in a sphere of 1 cm³ (radius 6.2 mm) centred on a voxel of the mask.",
        "Steadier than SUVmax against noise; what PERCIST measures response with.",
    ),
)
