"""Distances between borders, mm. A border voxel has a face neighbour outside its mask."""

import numpy as np

from evaluation.empties import Family
from evaluation.metrics.base import Direction, Metric, Pair


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


def assd(pair: Pair) -> float:
    """(ΣD_RP + ΣD_PR) / (|B(R)| + |B(P)|). Heimann et al., IEEE TMI 2009."""
    forth, back = pair.reference_to_prediction_mm, pair.prediction_to_reference_mm
    return float((forth.sum() + back.sum()) / (forth.size + back.size))


METRICS = (
    Metric(
        id="hd",
        title="Hausdorff distance",
        short="HD",
        unit="mm",
        direction=Direction.LOWER,
        family=Family.DISTANCE,
        definition="The largest distance from a border voxel of either mask to the nearest border "
        "voxel of the other: max(max D_RP, max D_PR). One stray voxel decides it.",
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
        measure=hd95,
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
        measure=assd,
        decimals=2,
    ),
)
