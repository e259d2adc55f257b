"""The ranking that a challenge declares in ``challenge.yaml``."""

from typing import Annotated, Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from evaluation.errors import RankingRefused
from evaluation.ranking.recipe import Adjustment, Aggregate, Recipe, Scheme
from evaluation.strict import Strict
from evaluation.uncertainty.resamples import RESAMPLES

Name = Annotated[str, Field(min_length=1, max_length=100)]
OLDEST = frozenset({"scheme", "metrics", "baselines_compete"})
"""What a definition has always said; anything else is written only where it is not the default."""
MOST_RESAMPLED = 50


class RankingSpec(Strict):
    """How entries are ranked, and how sure their ranks are said to be."""

    scheme: Annotated[Scheme, Field(strict=False)] = Field(
        default=Scheme.AGGREGATE_THEN_RANK,
        description="aggregate_then_rank, rank_then_aggregate, test_then_rank, borda or "
        "weighted_value.",
    )
    metrics: list[str] = Field(default=[], description="Metrics that count, equally; default: all.")
    weights: dict[Name, Annotated[float, Field(gt=0, le=1e6)]] = Field(
        default={},
        description="Instead of metrics: how much each counts, by metric (dice) or by metric and "
        "label (dice[node]), of whatever sum.",
    )
    aggregate: Annotated[Aggregate, Field(strict=False)] = Field(
        default=Aggregate.MEAN,
        description="Over cases: mean, median or trimmed_mean; of rank_then_aggregate over ranks.",
    )
    trim: float = Field(
        default=0.1, ge=0, lt=0.5, description="What trimmed_mean leaves out at each end: a share."
    )
    tie_breakers: list[Name] = Field(
        default=[], description="Metrics whose aggregates decide, in this order, among equals."
    )
    per_subgroup: str = Field(
        default="",
        max_length=100,
        description="A grouping of the cases: entries are ranked within each group, and the ranks "
        "averaged.",
    )
    mean_of_subgroups: str = Field(
        default="",
        max_length=100,
        description="A grouping of the cases: means of the groups are averaged, then ranked once.",
    )
    alpha: float = Field(default=0.05, gt=0, lt=1, description="Level of every test.")
    adjustment: Annotated[Adjustment, Field(strict=False)] = Field(
        default=Adjustment.HOLM,
        description="Of the tests of test_then_rank: holm (over all pairs) or none.",
    )
    primary: str = Field(
        default="",
        max_length=100,
        description="The metric whose differences are tested for significance; default: the first "
        "that ranks and has values of single cases.",
    )
    stratum: str = Field(
        default="",
        max_length=100,
        description="A grouping of the patients within which the bootstrap draws.",
    )
    resamples: int = Field(
        default=RESAMPLES,
        ge=100,
        le=10_000,
        description="How often patients are drawn anew to tell how sure ranks are.",
    )
    most_resampled: int = Field(
        default=MOST_RESAMPLED,
        ge=2,
        le=200,
        description="How many of the first are tested against each other, and told how sure their "
        "ranks are.",
    )
    subgroups: list[Name] | None = Field(
        default=None,
        max_length=20,
        description="Groupings by which leaderboards can be filtered: columns of cases.csv, "
        "lesion_free, lesion_count, lesion_volume; default: those three, tracer, scanner, centre.",
    )
    centres: str = Field(
        default="centre",
        max_length=100,
        description="The grouping of which one at a time is left out.",
    )
    baselines_compete: bool = Field(
        default=False,
        description="Whether baselines take part in others' ranks; if not, their place is shown.",
    )

    @model_serializer(mode="wrap")
    def _said(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A definition that says nothing new has the hash that it had before it could."""
        document: dict[str, Any] = write(self)
        usual = type(self).model_fields
        return {
            name: value
            for name, value in document.items()
            if name in OLDEST or getattr(self, name) != usual[name].default
        }

    @model_validator(mode="after")
    def _recipe_holds(self) -> Self:
        if self.metrics and self.weights:
            raise ValueError("ranking: either metrics (equal weights) or weights, not both")
        self.recipe()
        return self

    def recipe(self) -> Recipe:
        """For ``rank_table``, of a table whose columns are those that count. ValueError where it
        contradicts itself."""
        try:
            return Recipe(
                scheme=self.scheme,
                aggregate=self.aggregate,
                trim=self.trim,
                weights=dict(self.weights),
                tie_breakers=tuple(self.tie_breakers),
                per_subgroup=self.per_subgroup,
                mean_of_subgroups=self.mean_of_subgroups,
                alpha=self.alpha,
                adjustment=self.adjustment,
            )
        except RankingRefused as refused:
            raise ValueError(f"ranking: {refused.message}") from refused

    @property
    def counted(self) -> frozenset[str]:
        """Ids of the metrics that are named to count; nothing where none is."""
        return frozenset(self.metrics) | {metric_of(name) for name in self.weights}


def metric_of(name: str) -> str:
    """``dice[node]`` → ``dice``."""
    return name.partition("[")[0]


def label_of(name: str) -> str:
    """``dice[node]`` → ``node``; empty where none is named."""
    return name.partition("[")[2].removesuffix("]")
