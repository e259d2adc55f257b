"""Agreement of voxels."""

from evaluation.empties import Family
from evaluation.metrics.base import Direction, Metric, Pair


def dice(pair: Pair) -> float:
    """2·|R∩P| / (|R| + |P|). Dice LR, Ecology 1945."""
    return 2.0 * pair.intersection_voxels / (pair.reference_voxels + pair.prediction_voxels)


METRICS = (
    Metric(
        id="dice",
        title="Dice",
        short="Dice",
        unit="",
        direction=Direction.HIGHER,
        family=Family.OVERLAP,
        definition="Twice the volume common to both masks, divided by the sum of their volumes: "
        "2·|R∩P| / (|R| + |P|). From 0 (nothing in common) to 1 (identical).",
        measure=dice,
    ),
)
