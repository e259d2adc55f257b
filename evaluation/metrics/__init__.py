"""The registry of metrics: what each is, in one place, for scoring, ranking and pages alike."""

from evaluation.metrics.base import Direction, Metric, Pair
from evaluation.metrics.overlap import METRICS as OVERLAP
from evaluation.metrics.surface import METRICS as SURFACE
from evaluation.metrics.volume import METRICS as VOLUME

REGISTRY: dict[str, Metric] = {metric.id: metric for metric in (*OVERLAP, *SURFACE, *VOLUME)}

__all__ = ["REGISTRY", "Direction", "Metric", "Pair"]
