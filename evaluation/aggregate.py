"""From cases to a cohort: means and spreads that say how many values they stand on."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from evaluation.metrics import Direction, Metric


@dataclass(frozen=True)
class Summary:
    """Of the applicable values: mean, sample standard deviation (None for one value), median and
    quartiles (type 7), and their number. All None where there is none.

    low, high: an interval of the aggregate, where there is one. value: the aggregate by which a
    challenge ranks, where that may not be the mean. patients: of whom the values are, where it is
    known. Of a metric over the cohort: its value as the mean.
    """

    count: int
    mean: float | None = None
    deviation: float | None = None
    median: float | None = None
    lower_quartile: float | None = None
    upper_quartile: float | None = None
    low: float | None = None
    high: float | None = None
    value: float | None = None
    patients: int | None = None

    @property
    def shown(self) -> float | None:
        """The aggregate that ranks."""
        return self.mean if self.value is None else self.value


def summarise(values: Iterable[float | None]) -> Summary:
    """Null (not applicable) values are left out, and not counted."""
    applicable = np.array([value for value in values if value is not None], dtype=np.float64)
    if applicable.size == 0:
        return Summary(0)
    lower, median, upper = np.quantile(applicable, [0.25, 0.5, 0.75])
    return Summary(
        count=int(applicable.size),
        mean=float(applicable.mean()),
        deviation=float(applicable.std(ddof=1)) if applicable.size > 1 else None,
        median=float(median),
        lower_quartile=float(lower),
        upper_quartile=float(upper),
    )


def clip_to_worst(metric: Metric, value: float | None, worst: float | None) -> float | None:
    """A measured value worse than its case's failure value counts as the failure value.

    So no submission can rank better by failing than by answering badly.
    """
    if value is None or worst is None:
        return value
    if metric.direction is Direction.HIGHER:
        return max(value, worst)
    if metric.direction is Direction.LOWER:
        return min(value, worst)
    return value
