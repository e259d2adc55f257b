"""Whether a declared ranking fits the metrics and labels of its challenge."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from evaluation.metrics import COHORT, REGISTRY, CohortMetric, Metric
from evaluation.ranking.declared import RankingSpec, label_of, metric_of
from evaluation.ranking.recipe import Scheme


@dataclass(frozen=True)
class Declared:
    """A ranking with what it can name. settled: a name as a column's key, where it is of one."""

    ranking: RankingSpec
    metrics: Mapping[str, Metric | CohortMetric]
    labels: Sequence[str]
    settled: Callable[[str], str]
    unknown: Callable[[str], str]

    def name_problems(self) -> Iterator[str]:
        """Of every metric, or metric[label], that the ranking names."""
        ranking = self.ranking
        for name in (*ranking.metrics, *ranking.weights):
            yield from self._of_name(name)
        for name in ranking.tie_breakers:
            yield from self._of_column(name)
        if ranking.primary:
            yield from self._of_primary(ranking.primary)
        keys = Counter(self.settled(name) for name in ranking.weights)
        yield from (f"“{key}” has two weights; give one" for key, n in keys.items() if n > 1)

    def scheme_problems(self, ranked: Sequence[Metric | CohortMetric]) -> Iterator[str]:
        """Of the metrics that count."""
        scheme = self.ranking.scheme
        if not ranked:
            yield "none of the metrics can be ranked; add dice, for example"
        for metric in ranked:
            if isinstance(metric, CohortMetric) and not scheme.takes_cohort:
                yield (
                    f"“{metric.id}” is over the cohort, without values of single cases for {scheme}"
                )
            if scheme is Scheme.WEIGHTED_VALUE and not metric.is_share:
                yield (
                    f"weighted_value adds metrics from 0 to 1 only; “{metric.id}” is in "
                    f"{metric.unit}"
                )

    def _of_name(self, name: str) -> Iterator[str]:
        metric, label = metric_of(name), label_of(name)
        if metric not in REGISTRY and metric not in COHORT:
            yield self.unknown(metric)
        elif metric not in self.metrics:
            yield f"“{metric}” is not among the challenge's metrics"
        elif not self.metrics[metric].rankable:
            yield f"“{metric}” is signed or descriptive, so a mean of it cannot be ranked"
        elif label and label not in self.labels:
            yield f"“{name}”: there is no label “{label}” ({', '.join(self.labels)})"

    def _of_column(self, name: str) -> Iterator[str]:
        found = list(self._of_name(name))
        yield from found
        if not found and not label_of(name) and len(self.labels) > 1:
            yield (
                f"“{name}” has {len(self.labels)} labels; name one of them, as in "
                f"{name}[{self.labels[0]}]"
            )

    def _of_primary(self, name: str) -> Iterator[str]:
        found = list(self._of_column(name))
        yield from found
        if not found and isinstance(self.metrics[metric_of(name)], CohortMetric):
            yield f"“{name}” is over the cohort; tests need values of single cases"
