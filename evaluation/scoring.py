"""Score one case: every metric of the challenge, for every label, by the table of empty masks."""

import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation import SCORER_VERSION
from evaluation.counts import Counts
from evaluation.empties import Rule, Situation, settle, situation
from evaluation.errors import EvaluationError
from evaluation.geometry import Geometry
from evaluation.masks import DrawnMask
from evaluation.metrics import Metric
from evaluation.pair import Pair, PetRegion
from evaluation.probability import reliability_of_map
from evaluation.reliability import Reliability, Steps, to_steps
from evaluation.spec import EvaluationSpec

Confidence = Steps | float
"""What was stated beside a mask: a map in steps (``reliability.to_steps``), or one probability."""


@dataclass(frozen=True)
class MetricValue:
    """value: None where not applicable. worst: what a missing result counts as in this case."""

    value: float | None
    worst: float | None


@dataclass(frozen=True)
class CaseScore:
    """metrics[metric id][label name]; counts[label name]."""

    metrics: dict[str, dict[str, MetricValue]]
    counts: dict[str, Counts]

    @property
    def reference_ml(self) -> dict[str, float]:
        return {label: counts.reference_ml for label, counts in self.counts.items()}

    @property
    def prediction_ml(self) -> dict[str, float | None]:
        """None where there is no usable result."""
        return {label: counts.prediction_ml for label, counts in self.counts.items()}

    def to_json(self) -> dict[str, Any]:
        return {
            "metrics": {
                name: {label: {"value": v.value, "worst": v.worst} for label, v in labels.items()}
                for name, labels in self.metrics.items()
            },
            "counts": {label: counts.to_json() for label, counts in self.counts.items()},
            "reference_ml": self.reference_ml,
            "prediction_ml": self.prediction_ml,
            "scored_with": dict(scored_with()),
        }


@lru_cache(maxsize=1)
def scored_with() -> Mapping[str, str]:
    """Versions of the scorer and of everything that a digit of its numbers could depend on."""
    libraries = {name: version(name) for name in ("numpy", "scipy", "isal")}
    return {"uptake_scorer": SCORER_VERSION, "python": platform.python_version(), **libraries}


def score_case(
    reference: NDArray[np.uint8],
    prediction: NDArray[np.uint8] | None,
    geometry: Geometry,
    spec: EvaluationSpec,
    pet: PetRegion | None = None,
) -> CaseScore:
    """``score_masks`` of arrays of label values ``[z, y, x]``.

    Raises EvaluationError when one does not have the geometry's shape.
    """
    return score_masks(
        DrawnMask.from_array(reference, geometry),
        None if prediction is None else DrawnMask.from_array(prediction, geometry),
        spec,
        pet=pet,
    )


def score_masks(
    reference: DrawnMask,
    prediction: DrawnMask | None,
    spec: EvaluationSpec,
    *,
    pet: PetRegion | None = None,
    confidence: Confidence | None = None,
    threads: int = 1,
) -> CaseScore:
    """Score ``prediction`` against ``reference``, on the reference's grid.

    ``prediction`` is None where there is no usable result: then each metric takes its declared
    worst value. ``pet``: needed where a metric of ``spec`` reads SUV. ``confidence``: what was
    stated of the prediction, counted where ``spec`` asks for it. ``threads`` changes the time and
    nothing else. Raises EvaluationError (needs_pet, pet_not_finite), or not_finite when a
    metric gives a number that is not finite (a defect here, never stored).
    """
    metrics: dict[str, dict[str, MetricValue]] = {metric.id: {} for metric in spec.shown}
    counts: dict[str, Counts] = {}
    for label, value in spec.labels.items():
        drawn = np.empty(0, np.int32) if prediction is None else prediction.where(value)
        pair = Pair(reference.where(value), drawn, reference.geometry, pet=pet, threads=threads)
        usable = prediction is not None
        stated = _reliability(pair, spec, confidence, reference, prediction)
        counts[label] = replace(_counts(pair, spec, usable=usable), reliability=stated)
        here = situation(pair.reference.voxels.size, drawn.size if usable else None)
        missing = situation(pair.reference.voxels.size, None)
        for metric in spec.shown:
            metrics[metric.id][label] = MetricValue(
                _value(metric, pair, here, spec), _value(metric, pair, missing, spec)
            )
    return CaseScore(metrics, counts)


def _counts(pair: Pair, spec: EvaluationSpec, *, usable: bool) -> Counts:
    counts = Counts(
        voxel_ml=pair.geometry.voxel_volume_ml,
        reference=pair.reference.voxels.size,
        prediction=pair.prediction.voxels.size if usable else None,
        common=pair.intersection_voxels if usable else None,
    )
    if spec.counts_lesions_at is None:
        return counts
    found = pair.matching(spec.counts_lesions_at)
    return replace(
        counts,
        reference_lesions=pair.reference.lesions.count,
        true_lesions=found.true_positives if usable else None,
        false_lesions=found.false_positives if usable else None,
    )


def _reliability(
    pair: Pair,
    spec: EvaluationSpec,
    confidence: Confidence | None,
    reference: DrawnMask,
    prediction: DrawnMask | None,
) -> Reliability | None:
    """Of the one label of a challenge that asks for confidence; None where nothing is stated."""
    asked = spec.confidence
    if asked is None or confidence is None or prediction is None:
        return None
    if isinstance(confidence, float):
        good = np.array([_is_good(pair, asked.dice_at_least or 0.0)])
        return Reliability.of(to_steps(np.array([confidence])), good)
    (value,) = spec.labels.values()
    held, drawn = (np.zeros(reference.geometry.voxels, bool) for _ in range(2))
    held[reference.where(value)] = True
    drawn[prediction.where(value)] = True
    shape = reference.geometry.shape
    return reliability_of_map(
        confidence,
        held.reshape(shape),
        drawn.reshape(shape),
        reference.geometry,
        asked.within_mm or 0.0,
    )


def _is_good(pair: Pair, dice_at_least: float) -> bool:
    """Whether the mask reaches that Dice; where there is no lesion, whether it is empty."""
    both = pair.reference.voxels.size + pair.prediction.voxels.size
    return both == 0 or 2 * pair.intersection_voxels / both >= dice_at_least


def _value(metric: Metric, pair: Pair, found: Situation, spec: EvaluationSpec) -> float | None:
    rule = spec.table[metric.family][found]
    if rule is Rule.AS_EMPTY:
        pair, rule = pair.without_prediction(), Rule.MEASURE
    if rule is not Rule.MEASURE:
        return settle(
            rule,
            diagonal_mm=pair.geometry.diagonal_mm,
            reference_ml=pair.reference.ml,
            failure_volume_ml=spec.failure_volume_ml,
            failure_lesions=spec.failure_lesions,
        )
    value = metric.measure(pair)
    if value is not None and not math.isfinite(value):
        raise EvaluationError("not_finite", f"{metric.id} is {value}: a defect of the scorer.")
    return value
