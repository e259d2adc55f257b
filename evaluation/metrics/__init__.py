"""The registry of metrics: what each is, in one place, for scoring, ranking and pages alike."""

from evaluation.metrics.base import (
    CohortCase,
    CohortMetric,
    CohortValue,
    Direction,
    Metric,
    Parameter,
)
from evaluation.metrics.calibration import METRICS as _CALIBRATION
from evaluation.metrics.cohort import METRICS as _ENDPOINTS
from evaluation.metrics.lesions import METRICS as LESIONS
from evaluation.metrics.overlap import METRICS as OVERLAP
from evaluation.metrics.surface import METRICS as SURFACE
from evaluation.metrics.uptake import METRICS as UPTAKE
from evaluation.metrics.volume import METRICS as VOLUME
from evaluation.pair import Pair

_COHORT = (*_ENDPOINTS, *_CALIBRATION)
GROUPS: dict[str, tuple[Metric | CohortMetric, ...]] = {
    "Overlap": OVERLAP,
    "Borders": SURFACE,
    "Volume": VOLUME,
    "Lesions": LESIONS,
    "Uptake": UPTAKE,
    "The cohort": _COHORT,
}
"""The order in which a catalogue shows them."""
REGISTRY: dict[str, Metric] = {
    metric.id: metric for metric in (*OVERLAP, *SURFACE, *VOLUME, *LESIONS, *UPTAKE)
}
COHORT: dict[str, CohortMetric] = {metric.id: metric for metric in _COHORT}

__all__ = [
    "COHORT",
    "GROUPS",
    "REGISTRY",
    "CohortCase",
    "CohortMetric",
    "CohortValue",
    "Direction",
    "Metric",
    "Pair",
    "Parameter",
]
