"""Metabolic tumour volume (MTV), ml; the voxel volume is always the reference image's."""

from evaluation.empties import Family
from evaluation.metrics.base import Direction, Metric
from evaluation.pair import Pair

RELATIVE_FLOOR_ML = 1.0
"""Below this reference volume a relative error says nothing, and is null."""


def mtv_ml(pair: Pair) -> float:
    return pair.prediction.ml


def mtv_error_ml(pair: Pair) -> float:
    return pair.prediction.ml - pair.reference.ml


def mtv_abs_error_ml(pair: Pair) -> float:
    return abs(mtv_error_ml(pair))


def mtv_rel_error(pair: Pair) -> float | None:
    """100·(P − R)/R in %, or None below RELATIVE_FLOOR_ML of reference."""
    if pair.reference.ml < RELATIVE_FLOOR_ML:
        return None
    return 100.0 * mtv_error_ml(pair) / pair.reference.ml


def mtv_sym_error(pair: Pair) -> float:
    """200·(P − R)/(P + R), %."""
    return 200.0 * mtv_error_ml(pair) / (pair.prediction.ml + pair.reference.ml)


def correct_negative(pair: Pair) -> float:
    """Decided by the policy table alone: it is asked only where the reference is empty."""
    return float(pair.prediction.voxels.size == 0)


METRICS = (
    Metric(
        id="mtv_ml",
        title="MTV",
        short="MTV",
        unit="ml",
        direction=Direction.NONE,
        family=Family.VOLUME,
        definition="The volume of the predicted mask: voxels × voxel volume of the reference "
        "image.",
        advice="The metabolic tumour volume itself, for reading beside the reference’s.",
        measure=mtv_ml,
        decimals=1,
    ),
    Metric(
        id="mtv_error_ml",
        title="MTV error",
        short="MTV error",
        unit="ml",
        direction=Direction.TOWARDS_ZERO,
        family=Family.SIGNED_VOLUME_ERROR,
        definition="Predicted minus reference volume.",
        advice="Its mean is the bias; errors of opposite sign cancel, so it is never ranked.",
        measure=mtv_error_ml,
        decimals=1,
    ),
    Metric(
        id="mtv_abs_error_ml",
        title="Absolute MTV error",
        short="Abs. MTV error",
        unit="ml",
        direction=Direction.LOWER,
        family=Family.VOLUME_ERROR,
        definition="The size of the difference between predicted and reference volume.",
        advice="What a physician would read wrong, in ml. Large tumours dominate its mean.",
        measure=mtv_abs_error_ml,
        decimals=1,
    ),
    Metric(
        id="mtv_rel_error",
        title="Relative MTV error",
        short="Rel. MTV error",
        unit="%",
        direction=Direction.TOWARDS_ZERO,
        family=Family.SIGNED_RELATIVE_ERROR,
        definition="Predicted minus reference volume, as a percentage of the reference. Not "
        "applicable below 1 ml of reference.",
        advice="Comparable between small and large tumours, and unbounded for small ones.",
        measure=mtv_rel_error,
        decimals=1,
    ),
    Metric(
        id="mtv_sym_error",
        title="Symmetric MTV error",
        short="Sym. MTV error",
        unit="%",
        direction=Direction.TOWARDS_ZERO,
        family=Family.SYMMETRIC_ERROR,
        definition="The difference of the two volumes as a percentage of their mean: "
        "200·(P − R)/(P + R).",
        advice="Bounded by ±200 %, and the same size for twice and for half the volume.",
        measure=mtv_sym_error,
        decimals=1,
    ),
    Metric(
        id="correct_negative",
        title="Correct on lesion-free cases",
        short="Lesion-free correct",
        unit="",
        direction=Direction.HIGHER,
        family=Family.EMPTY_CASE,
        definition="In a case without lesions: 1 when nothing was drawn, 0 when anything was, or "
        "when there is no result. Not applicable to cases with lesions.",
        advice="The same as case specificity with any voxel counting.",
        measure=correct_negative,
        decimals=2,
    ),
)
