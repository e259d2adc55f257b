"""How a challenge wants its masks scored and ranked: strict, so that a misspelt key is an error."""

from difflib import get_close_matches
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from evaluation.metrics import REGISTRY, Metric

DEFAULT_METRICS = ("dice", "hd95", "mtv_abs_error_ml")
LABEL_NAME = r"^[a-z][a-z0-9_-]{0,40}$"


class Strict(BaseModel):
    """Unknown keys, wrong types and infinity are refused; values cannot be changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class RankingSpec(Strict):
    """Rank on each metric's mean over cases, then average the ranks (``aggregate_then_rank``)."""

    scheme: Literal["aggregate_then_rank"] = "aggregate_then_rank"
    metrics: list[str] = Field(default=[], description="Metrics that count, equally; default: all.")
    baselines_compete: bool = Field(
        default=False,
        description="Whether baselines take part in others' ranks; if not, their place is shown.",
    )


class EvaluationSpec(Strict):
    """What is computed for each case, and what of it is ranked."""

    labels: dict[Annotated[str, Field(pattern=LABEL_NAME)], Annotated[int, Field(ge=1, le=255)]] = (
        Field(default={"lesion": 1}, description="Name of each label and its value in the masks.")
    )
    metrics: list[str] = Field(
        default=list(DEFAULT_METRICS), min_length=1, description="Ids of the metrics to compute."
    )
    failure_volume_ml: float = Field(
        default=1000.0,
        gt=0,
        le=1e6,
        description="What a missing result costs at least in volume, ml.",
    )
    ranking: RankingSpec = RankingSpec()

    @field_validator("labels")
    @classmethod
    def _labels_differ(cls, labels: dict[str, int]) -> dict[str, int]:
        if not labels:
            raise ValueError("at least one label is expected, for example {lesion: 1}")
        if len(set(labels.values())) < len(labels):
            raise ValueError("two labels have the same value")
        return labels

    @field_validator("metrics")
    @classmethod
    def _metrics_known(cls, ids: list[str]) -> list[str]:
        unknown = [_unknown(name) for name in ids if name not in REGISTRY]
        if unknown:
            raise ValueError("; ".join(unknown))
        if len(set(ids)) < len(ids):
            raise ValueError("a metric is named twice")
        return ids

    @model_validator(mode="after")
    def _ranking_fits(self) -> Self:
        problems = []
        for name in self.ranking.metrics:
            if name not in REGISTRY:
                problems.append(_unknown(name))
            elif name not in self.metrics:
                problems.append(f"ranking: “{name}” is not among the challenge's metrics")
            elif not REGISTRY[name].rankable:
                problems.append(
                    f"ranking: “{name}” is signed or descriptive, so a mean of it cannot be ranked"
                )
        if not problems and not self.ranked:
            problems.append("ranking: none of the metrics can be ranked; add dice, for example")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def shown(self) -> tuple[Metric, ...]:
        return tuple(REGISTRY[name] for name in self.metrics)

    @property
    def ranked(self) -> tuple[Metric, ...]:
        """The metrics that make the rank: the named ones, else every one that can be ranked."""
        names = self.ranking.metrics or [name for name in self.metrics if REGISTRY[name].rankable]
        return tuple(REGISTRY[name] for name in names)


def _unknown(name: str) -> str:
    close = get_close_matches(name, REGISTRY, n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(REGISTRY)}"
    return f"unknown metric “{name}” ({hint})"
