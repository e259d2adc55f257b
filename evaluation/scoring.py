"""Score one case: every metric of the challenge, for every label, by the table of empty masks."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.empties import TABLE, Rule, Situation, settle, situation
from evaluation.errors import EvaluationError
from evaluation.geometry import Geometry
from evaluation.metrics import Metric, Pair
from evaluation.spec import EvaluationSpec


@dataclass(frozen=True)
class MetricValue:
    """value: None where not applicable. worst: what a missing result counts as in this case."""

    value: float | None
    worst: float | None


@dataclass(frozen=True)
class CaseScore:
    """metrics[metric id][label name]; volumes in ml by label name, prediction's None if missing."""

    metrics: dict[str, dict[str, MetricValue]]
    reference_ml: dict[str, float]
    prediction_ml: dict[str, float | None]

    def to_json(self) -> dict[str, Any]:
        return {
            "metrics": {
                name: {label: {"value": v.value, "worst": v.worst} for label, v in labels.items()}
                for name, labels in self.metrics.items()
            },
            "reference_ml": self.reference_ml,
            "prediction_ml": self.prediction_ml,
        }


def score_case(
    reference: NDArray[np.uint8],
    prediction: NDArray[np.uint8] | None,
    geometry: Geometry,
    spec: EvaluationSpec,
) -> CaseScore:
    """Score ``prediction`` (label values ``[z, y, x]``) against ``reference`` on ``geometry``.

    ``prediction`` is None where there is no usable result: then each metric takes its declared
    worst value. Raises EvaluationError when the arrays do not have the geometry's shape, or when a
    metric gives a number that is not finite (a defect here, never stored).
    """
    for name, array in (("reference", reference), ("prediction", prediction)):
        if array is not None and array.shape != geometry.shape:
            raise EvaluationError(
                "wrong_shape", f"The {name} has shape {array.shape}; expected {geometry.shape}."
            )
    metrics: dict[str, dict[str, MetricValue]] = {metric.id: {} for metric in spec.shown}
    reference_ml: dict[str, float] = {}
    prediction_ml: dict[str, float | None] = {}
    for label, value in spec.labels.items():
        drawn = np.zeros(geometry.shape, bool) if prediction is None else prediction == value
        pair = Pair(reference == value, drawn, geometry)
        usable = None if prediction is None else pair.prediction_voxels
        reference_ml[label] = pair.reference_ml
        prediction_ml[label] = None if prediction is None else pair.prediction_ml
        for metric in spec.shown:
            metrics[metric.id][label] = MetricValue(
                _value(metric, pair, situation(pair.reference_voxels, usable), spec),
                _value(metric, pair, situation(pair.reference_voxels, None), spec),
            )
    return CaseScore(metrics, reference_ml, prediction_ml)


def _value(metric: Metric, pair: Pair, found: Situation, spec: EvaluationSpec) -> float | None:
    rule = TABLE[metric.family][found]
    if rule is not Rule.MEASURE:
        return settle(
            rule,
            diagonal_mm=pair.geometry.diagonal_mm,
            reference_ml=pair.reference_ml,
            failure_volume_ml=spec.failure_volume_ml,
        )
    value = metric.measure(pair)
    if value is not None and not math.isfinite(value):
        raise EvaluationError("not_finite", f"{metric.id} is {value}: a defect of the scorer.")
    return value
