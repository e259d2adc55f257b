"""Metrics of all cases together.

A missing result counts as an empty mask with as many false positives as a failure costs, so that
failing never pays: in what ranks, no case counts with more false positives than that.
"""

from collections.abc import Sequence

from evaluation.metrics.base import (
    CohortCase,
    CohortMetric,
    CohortValue,
    Direction,
    Settings,
)
from evaluation.metrics.lesions import MIN_IOU


def dice_agg(cases: Sequence[CohortCase]) -> CohortValue:
    """2·ΣTP / Σ(|R| + |P|) over voxels. Andrearczyk et al., HECKTOR 2021."""
    true = missed = false = clipped = 0.0
    for case in cases:
        counts = case.counts
        common, drawn = counts.common or 0, counts.prediction
        wrong = case.failure_voxels if drawn is None else drawn - common
        true, missed, false = true + common, missed + counts.reference - common, false + wrong
        clipped += min(wrong, case.failure_voxels)
    return CohortValue(
        value=_f1(true, false, missed), ranked=_f1(true, clipped, missed), cases=len(cases)
    )


def lesion_f1_agg(cases: Sequence[CohortCase]) -> CohortValue:
    """2·ΣTP / (2·ΣTP + ΣFP + ΣFN) over lesions."""
    true = missed = false = clipped = 0.0
    for case in cases:
        counts = case.counts
        found = counts.true_lesions or 0
        wrong = case.failure_lesions if counts.false_lesions is None else counts.false_lesions
        true, missed = true + found, missed + (counts.reference_lesions or 0) - found
        false, clipped = false + wrong, clipped + min(wrong, case.failure_lesions)
    return CohortValue(
        value=_f1(true, false, missed), ranked=_f1(true, clipped, missed), cases=len(cases)
    )


def _f1(true: float, false: float, missed: float) -> float | None:
    total = 2 * true + false + missed
    return 2 * true / total if total else None


def _lesion_f1_agg(settings: Settings) -> CohortMetric:
    return CohortMetric(
        id="lesion_f1_agg",
        title="Aggregated lesion F1",
        short="Lesion F1 agg.",
        unit="",
        direction=Direction.HIGHER,
        definition="The lesions of all cases taken together: 2·ΣTP / (2·ΣTP + ΣFP + ΣFN). A lesion "
        f"is found at an intersection over union of {settings['min_iou']:g} or more.",
        advice="A patient with many lesions weighs as much as many with one.",
        measure=lesion_f1_agg,
        parameters=(MIN_IOU,),
        settings=settings,
        make=_lesion_f1_agg,
    )


METRICS = (
    CohortMetric(
        id="dice_agg",
        title="Aggregated Dice",
        short="Dice agg.",
        unit="",
        direction=Direction.HIGHER,
        definition="The voxels of all cases taken together: 2·Σ|R∩P| / Σ(|R| + |P|).",
        advice="HECKTOR’s measure. Lesion-free cases count through what is drawn in them; large "
        "tumours decide it.",
        measure=dice_agg,
    ),
    _lesion_f1_agg({MIN_IOU.id: 0.1}),
)
