"""Detection of lesions, apart from how well each is delineated.

A lesion is a connected component (18-connectivity) of a mask of one label. It is found when it is
matched with a lesion of the other mask, one to one, at an intersection over union (IoU) of at least
a minimum; among all ways of matching, the one of the largest total IoU counts.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from evaluation.empties import Family
from evaluation.lesions import Matching
from evaluation.metrics.base import Direction, Metric, Parameter, Settings, parametric
from evaluation.pair import Pair, Side

_HALF = float(np.nextafter(0.5, 1.0))
_PAIRS = 4_000_000


def f1(found: Matching) -> float:
    """2·TP / (2·TP + FP + FN)."""
    hits = 2 * found.true_positives
    return hits / (hits + found.false_positives + found.false_negatives)


def lesion_sensitivity(found: Matching) -> float:
    """TP / (TP + FN)."""
    return found.true_positives / (found.true_positives + found.false_negatives)


def lesion_ppv(found: Matching) -> float:
    """TP / (TP + FP)."""
    return found.true_positives / (found.true_positives + found.false_positives)


def panoptic_quality(pair: Pair) -> float:
    """Σ IoU over matches of an IoU above 0.5 / (TP + FP/2 + FN/2). Kirillov et al., CVPR 2019."""
    found = pair.matching(_HALF)
    total = found.true_positives + 0.5 * (found.false_positives + found.false_negatives)
    return float(pair.overlaps.iou[found.places].sum()) / total


def matched_dice(pair: Pair, min_iou: float) -> float:
    """The mean Dice of matched lesions; 0 where none is."""
    iou = pair.overlaps.iou[pair.matching(min_iou).places]
    return float((2.0 * iou / (1.0 + iou)).mean()) if iou.size else 0.0


def fpv_ml(pair: Pair) -> float:
    """Volume of the components of P without a voxel in R. Gatidis et al., Nat Mach Intell 2024."""
    alone = np.ones(pair.prediction.lesions.count, bool)
    alone[pair.overlaps.prediction] = False
    return float(pair.prediction.lesions.sizes[alone].sum()) * pair.geometry.voxel_volume_ml


def fnv_ml(pair: Pair) -> float:
    """Volume of the components of R without a voxel in P. Gatidis et al., Nat Mach Intell 2024."""
    alone = np.ones(pair.reference.lesions.count, bool)
    alone[pair.overlaps.reference] = False
    return float(pair.reference.lesions.sizes[alone].sum()) * pair.geometry.voxel_volume_ml


def dmax_mm(side: Side) -> float:
    """The largest distance between the centroids of two lesions, mm; 0 with fewer than two.

    Cottereau et al., J Nucl Med 2020.
    """
    return _diameter(side.centroids_mm) if side.lesions.count > 1 else 0.0


def _diameter(points: NDArray[np.float64]) -> float:
    """The largest distance of two points. Those that lie too near the middle cannot be an end of
    it, which leaves few."""
    from_middle = np.linalg.norm(points - (points.min(axis=0) + points.max(axis=0)) / 2, axis=1)
    far = points[int(np.argmax(from_middle))]
    farther = points[int(np.argmax(np.linalg.norm(points - far, axis=1)))]
    at_least = float(np.linalg.norm(points - farther, axis=1).max())
    ends = points[from_middle + from_middle.max() >= at_least * (1 - 1e-12)]
    rows = max(1, _PAIRS // len(ends))
    return max(
        float(np.linalg.norm(ends[first : first + rows, None] - ends, axis=2).max())
        for first in range(0, len(ends), rows)
    )


MIN_IOU = Parameter(
    id="min_iou",
    meaning="The intersection over union from which a lesion counts as found.",
    unit="",
    default=0.1,
    low=0.001,
    high=1.0,
)
_MIN_VOLUME = Parameter(
    id="min_volume_ml",
    meaning="The drawn volume from which a case counts as positive; 0: any voxel.",
    unit="ml",
    default=0.0,
    low=0.0,
    high=1000.0,
)


def _positive(pair: Pair, min_volume_ml: float) -> bool:
    return pair.prediction.voxels.size > 0 and pair.prediction.ml >= min_volume_ml


def _of_matching(
    id: str,
    title: str,
    definition: str,
    advice: str,
    measure: Callable[[Pair, float], float],
    *,
    family: Family = Family.OVERLAP,
    direction: Direction = Direction.HIGHER,
    unit: str = "",
    decimals: int = 3,
) -> Metric:
    def make(settings: Settings) -> Metric:
        min_iou = float(settings["min_iou"])
        return Metric(
            id=id,
            title=title,
            short=title,
            unit=unit,
            direction=direction,
            family=family,
            definition=f"{definition} A lesion is found at an intersection over union of "
            f"{min_iou:g} or more.",
            advice=advice,
            measure=lambda pair: measure(pair, min_iou),
            decimals=decimals,
            parameters=(MIN_IOU,),
            settings=settings,
            make=make,
        )

    return parametric(make, MIN_IOU)


def _case_sensitivity(settings: Settings) -> Metric:
    volume = float(settings["min_volume_ml"])
    return Metric(
        id="case_sensitivity",
        title="Case sensitivity",
        short="Case sensitivity",
        unit="",
        direction=Direction.HIGHER,
        family=Family.CASE_DETECTION,
        definition="In a case with lesions: 1 when anything was drawn"
        f"{_from(volume)}, else 0. Its mean is the share of patients with disease who were "
        "recognised.",
        advice="Says nothing of where: show it with Dice or lesion F1, and with case specificity.",
        measure=lambda pair: float(_positive(pair, volume)),
        decimals=2,
        parameters=(_MIN_VOLUME,),
        settings=settings,
        make=_case_sensitivity,
    )


def _case_specificity(settings: Settings) -> Metric:
    volume = float(settings["min_volume_ml"])
    return Metric(
        id="case_specificity",
        title="Case specificity",
        short="Case specificity",
        unit="",
        direction=Direction.HIGHER,
        family=Family.EMPTY_CASE,
        definition="In a case without lesions: 0 when anything was drawn"
        f"{_from(volume)}, else 1. Its mean is the share of patients without disease who were "
        "recognised.",
        advice="The only place, with the volumes, where lesion-free cases count.",
        measure=lambda pair: float(not _positive(pair, volume)),
        decimals=2,
        parameters=(_MIN_VOLUME,),
        settings=settings,
        make=_case_specificity,
    )


def _from(volume: float) -> str:
    return f" (at least {volume:g} ml)" if volume else ""


METRICS = (
    Metric(
        id="fpv_ml",
        title="False-positive volume",
        short="FPV",
        unit="ml",
        direction=Direction.LOWER,
        family=Family.VOLUME_ERROR,
        definition="The volume of the drawn components (18-connectivity) that share no voxel with "
        "the reference.",
        advice="autoPET’s definition, for comparison with it: one voxel of contact exempts a whole "
        "component.",
        measure=fpv_ml,
        decimals=1,
    ),
    Metric(
        id="fnv_ml",
        title="False-negative volume",
        short="FNV",
        unit="ml",
        direction=Direction.LOWER,
        family=Family.VOLUME_ERROR,
        definition="The volume of the reference’s components (18-connectivity) of which no voxel "
        "was drawn.",
        advice="autoPET’s definition, for comparison with it: one voxel of contact exempts a whole "
        "component.",
        measure=fnv_ml,
        decimals=1,
    ),
    _of_matching(
        "lesion_f1",
        "Lesion F1",
        "The balance of lesions found and lesions drawn in vain: 2·TP / (2·TP + FP + FN), counted "
        "in lesions.",
        "Each lesion counts the same, whatever its size; says little of its border.",
        lambda pair, min_iou: f1(pair.matching(min_iou)),
    ),
    _of_matching(
        "lesion_sensitivity",
        "Lesion sensitivity",
        "The share of the reference’s lesions that were found: TP / (TP + FN).",
        "Blind to false lesions; show it beside their number or the lesion PPV.",
        lambda pair, min_iou: lesion_sensitivity(pair.matching(min_iou)),
    ),
    _of_matching(
        "lesion_ppv",
        "Lesion PPV",
        "The share of the drawn lesions that are lesions of the reference: TP / (TP + FP).",
        "Blind to missed lesions; show it beside the lesion sensitivity.",
        lambda pair, min_iou: lesion_ppv(pair.matching(min_iou)),
    ),
    _of_matching(
        "lesion_fp_count",
        "False-positive lesions",
        "The number of drawn lesions that match none of the reference.",
        "Also counts in cases without lesions; what a physician would have to look at in vain.",
        lambda pair, min_iou: float(pair.matching(min_iou).false_positives),
        family=Family.LESION_COUNT,
        direction=Direction.LOWER,
        unit="lesions",
        decimals=1,
    ),
    _of_matching(
        "matched_dice",
        "Dice of found lesions",
        "The mean Dice of the lesions that were found, each with its match; 0 where none was.",
        "Delineation apart from detection: read it beside the lesion sensitivity.",
        matched_dice,
    ),
    Metric(
        id="panoptic_quality",
        title="Panoptic quality",
        short="PQ",
        unit="",
        direction=Direction.HIGHER,
        family=Family.OVERLAP,
        definition="Detection and delineation in one: the sum of the IoU of matched lesions (IoU "
        "above 0.5) divided by TP + FP/2 + FN/2.",
        advice="An IoU of 0.5 is strict for lesions of a few voxels.",
        measure=panoptic_quality,
    ),
    Metric(
        id="dmax_error_mm",
        title="Dmax error",
        short="Dmax error",
        unit="mm",
        direction=Direction.TOWARDS_ZERO,
        family=Family.FEATURE_ERROR,
        definition="Dmax is the largest distance between the centroids of two lesions, 0 with "
        "fewer than two. Predicted minus reference.",
        advice="The spread of disease, prognostic in lymphoma; one false lesion far away decides "
        "it.",
        measure=lambda pair: dmax_mm(pair.prediction) - dmax_mm(pair.reference),
        decimals=1,
    ),
    parametric(_case_sensitivity, _MIN_VOLUME),
    parametric(_case_specificity, _MIN_VOLUME),
)
