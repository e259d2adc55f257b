"""Distances between borders, mm. A border voxel has a face neighbour outside its mask."""

import numpy as np

from evaluation.empties import Family
from evaluation.metrics.base import Direction, Metric, Parameter, Settings, parametric
from evaluation.pair import Pair

TOUCHING_MM = 1e-6
"""Added to a tolerance, so that a distance that equals it counts however it was rounded."""


def hd(pair: Pair) -> float:
    """max(max D_RP, max D_PR). Huttenlocher et al., IEEE TPAMI 1993."""
    return float(max(pair.reference_to_prediction_mm.max(), pair.prediction_to_reference_mm.max()))


def hd95(pair: Pair) -> float:
    """max(q95 D_RP, q95 D_PR), linear interpolation. Metrics Reloaded, Nature Methods 2024."""
    return float(
        max(
            np.quantile(pair.reference_to_prediction_mm, 0.95),
            np.quantile(pair.prediction_to_reference_mm, 0.95),
        )
    )


def hd95_pooled(pair: Pair) -> float:
    """q95 of D_RP ∪ D_PR, linear interpolation: medpy's definition."""
    both = (pair.reference_to_prediction_mm, pair.prediction_to_reference_mm)
    return float(np.quantile(np.concatenate(both), 0.95))


def assd(pair: Pair) -> float:
    """(ΣD_RP + ΣD_PR) / (|B(R)| + |B(P)|). Heimann et al., IEEE TMI 2009."""
    forth, back = pair.reference_to_prediction_mm, pair.prediction_to_reference_mm
    return float((forth.sum() + back.sum()) / (forth.size + back.size))


def nsd(pair: Pair, tolerance_mm: float) -> float:
    """(#{D_RP ≤ τ} + #{D_PR ≤ τ}) / (|B(R)| + |B(P)|). After Nikolov et al., J Med Internet Res
    2021, with border voxels for surface elements."""
    forth, back = pair.reference_to_prediction_mm, pair.prediction_to_reference_mm
    within = sum(
        int(np.count_nonzero(distances <= tolerance_mm + TOUCHING_MM))
        for distances in (forth, back)
    )
    return within / (forth.size + back.size)


_TOLERANCE = Parameter(
    id="tolerance_mm",
    meaning="The distance that counts as agreement; at least the largest voxel edge of the data.",
    unit="mm",
    default=4.0,
    low=0.0,
    high=100.0,
)

_BELOW_VOXEL = Parameter(
    id="below_voxel",
    meaning="Whether the tolerance may be smaller than the largest voxel edge of the data.",
    default=False,
)


def _nsd_at(settings: Settings) -> Metric:
    tolerance = float(settings["tolerance_mm"])
    return Metric(
        id="nsd",
        title=f"Normalised surface distance at {tolerance:g} mm",
        short=f"NSD {tolerance:g} mm",
        unit="",
        direction=Direction.HIGHER,
        family=Family.OVERLAP,
        definition="The share of both borders that lies within a tolerance τ of the other border: "
        f"(#(D_RP ≤ τ) + #(D_PR ≤ τ)) / (|B(R)| + |B(P)|), here with τ = {tolerance:g} mm.",
        advice="Forgives what readers disagree about anyway, where τ is the distance between their "
        "borders. One τ for all of a challenge, never below the largest voxel edge.",
        measure=lambda pair: nsd(pair, tolerance),
        parameters=(_TOLERANCE, _BELOW_VOXEL),
        settings=settings,
        make=_nsd_at,
    )


METRICS = (
    Metric(
        id="hd",
        title="Hausdorff distance",
        short="HD",
        unit="mm",
        direction=Direction.LOWER,
        family=Family.DISTANCE,
        definition="The largest distance from a border voxel of either mask to the nearest border "
        "voxel of the other: max(max D_RP, max D_PR).",
        advice="One stray voxel decides it.",
        measure=hd,
        decimals=1,
    ),
    Metric(
        id="hd95",
        title="95 % Hausdorff distance",
        short="HD95",
        unit="mm",
        direction=Direction.LOWER,
        family=Family.DISTANCE,
        definition="The 95th percentile of the distances from one border to the other, in each "
        "direction; the larger of the two: max(q95 D_RP, q95 D_PR).",
        advice="Steadier than the Hausdorff distance. Libraries differ about it by a factor of "
        "two and more: this is the definition of Metrics Reloaded and MONAI.",
        measure=hd95,
        decimals=1,
    ),
    Metric(
        id="hd95_pooled",
        title="95 % Hausdorff distance, pooled",
        short="HD95 pooled",
        unit="mm",
        direction=Direction.LOWER,
        family=Family.DISTANCE,
        definition="The 95th percentile of the distances of both directions taken together: "
        "q95(D_RP ∪ D_PR).",
        advice="What the library medpy calls hd95; only for comparison with results obtained "
        "with it. With borders of more than a few voxels it is the smaller of the two.",
        measure=hd95_pooled,
        decimals=1,
    ),
    Metric(
        id="assd",
        title="Average symmetric surface distance",
        short="ASSD",
        unit="mm",
        direction=Direction.LOWER,
        family=Family.DISTANCE,
        definition="The mean of all distances between the borders, in both directions pooled: "
        "(ΣD_RP + ΣD_PR) / (|B(R)| + |B(P)|).",
        advice="Says how far borders lie apart on average; one lesion missed far away raises it "
        "for the whole case.",
        measure=assd,
        decimals=2,
    ),
    parametric(_nsd_at, _TOLERANCE, _BELOW_VOXEL),
)
