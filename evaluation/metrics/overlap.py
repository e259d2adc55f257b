"""Agreement of voxels, from 0 to 1."""

from evaluation.empties import Family
from evaluation.metrics.base import Direction, Metric
from evaluation.pair import Pair


def dice(pair: Pair) -> float:
    """2·|R∩P| / (|R| + |P|). Dice LR, Ecology 1945."""
    both = pair.reference.voxels.size + pair.prediction.voxels.size
    return 2.0 * pair.intersection_voxels / both


def jaccard(pair: Pair) -> float:
    """|R∩P| / |R∪P|. Jaccard P, New Phytologist 1912."""
    common = pair.intersection_voxels
    return common / (pair.reference.voxels.size + pair.prediction.voxels.size - common)


def sensitivity(pair: Pair) -> float:
    """|R∩P| / |R|."""
    return pair.intersection_voxels / pair.reference.voxels.size


def ppv(pair: Pair) -> float:
    """|R∩P| / |P|."""
    return pair.intersection_voxels / pair.prediction.voxels.size


def petseg_score(pair: Pair) -> float:
    """0.5·sensitivity + 0.5·PPV. Hatt et al., Med Image Anal 2018 (the MICCAI 2016 challenge)."""
    return 0.5 * sensitivity(pair) + 0.5 * ppv(pair)


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
        advice="The field’s usual measure of overlap. A voxel counts the same anywhere, so it is "
        "strict with small lesions, where the border is most of the volume, and hides a small "
        "lesion missed beside a large one.",
        measure=dice,
    ),
    Metric(
        id="jaccard",
        title="Jaccard index",
        short="Jaccard",
        unit="",
        direction=Direction.HIGHER,
        family=Family.OVERLAP,
        definition="The volume common to both masks, divided by the volume that either covers: "
        "|R∩P| / |R∪P|, also called intersection over union (IoU).",
        advice="Orders the answers to one case as Dice does (J = D / (2 − D)); their means may "
        "differ. Choose one of the two.",
        measure=jaccard,
    ),
    Metric(
        id="sensitivity",
        title="Sensitivity of voxels",
        short="Sensitivity",
        unit="",
        direction=Direction.HIGHER,
        family=Family.OVERLAP,
        definition="The share of the reference that was drawn: |R∩P| / |R|.",
        advice="Blind to what was drawn too much: a mask of the whole body has 1. Show it beside "
        "the positive predictive value.",
        measure=sensitivity,
    ),
    Metric(
        id="ppv",
        title="Positive predictive value of voxels",
        short="PPV",
        unit="",
        direction=Direction.HIGHER,
        family=Family.OVERLAP,
        definition="The share of what was drawn that is in the reference: |R∩P| / |P|.",
        advice="Blind to what was missed: one right voxel has 1. Show it beside the sensitivity.",
        measure=ppv,
    ),
    Metric(
        id="petseg_score",
        title="PETSEG score",
        short="PETSEG",
        unit="",
        direction=Direction.HIGHER,
        family=Family.OVERLAP,
        definition="The mean of voxel sensitivity and positive predictive value: "
        "0.5·|R∩P|/|R| + 0.5·|R∩P|/|P|.",
        advice="The score of the MICCAI 2016 challenge on PET segmentation, for comparison with "
        "its results. Never below Dice, and lenient when one of its halves is high.",
        measure=petseg_score,
    ),
)
