"""When submissions are taken, on which cases, and within which limits."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from challenges.definition.moments import Moment
from challenges.definition.visibility import LeaderboardSpec, hidden_column_problems
from evaluation.metrics import CohortMetric
from evaluation.ranking.declared import label_of, metric_of
from evaluation.spec import EvaluationSpec, Strict

SLUG = r"^[a-z0-9][a-z0-9-]{1,58}[a-z0-9]$"
SPLIT = r"^[a-z0-9][a-z0-9-]{0,38}$"
SPLIT_OR_NONE = r"^([a-z0-9][a-z0-9-]{0,38})?$"

MOST_COUNTED = 1_000_000
"""Of submissions or cases; no database holds any number."""


class Limits(Strict):
    """What one run of a container may use."""

    memory_gib: float = Field(default=8.0, gt=0, le=1024)
    shm_gib: float = Field(default=2.0, ge=0.0625, le=64)
    tmp_gib: float = Field(default=1.0, ge=0.0625, le=64)
    cpus: int = Field(default=2, ge=1, le=128)
    pids: int = Field(default=1024, ge=16, le=65536)
    minutes_per_case: float = Field(default=10.0, gt=0, le=24 * 60)
    hours_in_all: float | None = Field(
        default=None, gt=0, le=24 * 365, description="Of one submission's containers together."
    )
    failed_in_a_row: int | None = Field(
        default=None,
        ge=1,
        le=MOST_COUNTED,
        description="So many cases that fail one after another end the runs; the rest counts as "
        "worst.",
    )
    sandbox: Literal["any", "gvisor"] = Field(
        default="any",
        description="any: gVisor where the host has it, else the engine's default; gvisor: a host "
        "without it refuses.",
    )


class Quota(Strict):
    """What one person or team may submit to a phase; a fault of the platform never counts."""

    submissions: int | None = Field(
        default=None,
        ge=1,
        le=MOST_COUNTED,
        description="Scored, or on their way to a score, within ``days``.",
    )
    attempts: int | None = Field(
        default=None,
        ge=1,
        le=MOST_COUNTED,
        description="Of any end within ``days``: failed and cancelled ones too.",
    )
    days: int = Field(default=7, ge=1, le=366, description="Length of the period, which slides.")
    at_once: int | None = Field(
        default=1,
        ge=1,
        le=MOST_COUNTED,
        description="Under way at once; further ones wait for their turn.",
    )

    @field_validator("attempts")
    @classmethod
    def _no_fewer_attempts_than_submissions(
        cls, attempts: int | None, info: ValidationInfo
    ) -> int | None:
        submissions = info.data.get("submissions")
        if attempts is not None and submissions is not None and attempts < submissions:
            raise ValueError(f"fewer attempts than submissions ({submissions}) cannot be used")
        return attempts


KINDS: dict[str, str] = {
    "training": "Training data: to be downloaded; no submissions",
    "sanity": "Sanity phase: a few cases, to see whether a container runs",
    "preliminary": "Preliminary test",
    "final": "Final test",
    "benchmark": "Open-ended benchmark",
}


ENTRIES: dict[str, str] = {
    "latest": "The latest scored submission",
    "chosen": "The one that it lets stand; its latest until it says so",
    "best": "The best by one metric",
}
"""Which submission of a team, or of a person alone, stands on the leaderboard."""
_NEW = ("entry", "best_by", "leaderboard")


class PhaseSpec(Strict):
    slug: str = Field(pattern=SLUG)
    title: str = Field(min_length=1, max_length=200)
    kind: Literal["training", "sanity", "preliminary", "final", "benchmark"] = Field(
        default="benchmark", description="training: cases to be downloaded, and no submissions."
    )
    cases: Literal["public", "hidden"] = Field(
        description="public: everyone sees images, logs and per-case scores; hidden: organisers."
    )
    split: str = Field(
        default="",
        pattern=SPLIT_OR_NONE,
        description="Its cases: those with this word in the column split of cases.csv; empty: all.",
    )
    download: bool = Field(
        default=False,
        description="Images and references may be downloaded; of training data always.",
    )
    takes: list[Literal["container", "predictions"]] = Field(
        default=["container"],
        min_length=1,
        description="What may be submitted: container (an image that is run), predictions (a zip "
        "of masks that were made elsewhere; of public cases only).",
    )
    opens: Moment | None = None
    closes: Moment | None = None
    limits: Limits = Limits()
    quota: Quota = Quota()
    entry: Literal["latest", "chosen", "best"] = Field(
        default="latest",
        description="Which submission of each team stands on the leaderboard: latest; chosen: the "
        "one that it lets stand before the phase closes, its latest until then; best: by best_by.",
    )
    best_by: str = Field(
        default="",
        max_length=100,
        description="With entry: best, a metric of single cases (dice, or dice[node]); its mean "
        "over cases decides, of equals the earlier.",
    )

    leaderboard: LeaderboardSpec = Field(
        default=LeaderboardSpec(), description="What of its leaderboard is shown, and when."
    )

    @model_serializer(mode="wrap")
    def _said(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A phase that says nothing new has the hash that it had before it could."""
        document: dict[str, Any] = write(self)
        usual = type(self).model_fields
        return {
            name: value
            for name, value in document.items()
            if name not in _NEW or getattr(self, name) != usual[name].default
        }

    @model_validator(mode="after")
    def _one_entry_each(self) -> Self:
        if self.entry == "best" and self.kind == "final":
            raise ValueError(
                "entry: a final phase takes no best of several, which would be the luckiest; "
                "latest or chosen is expected"
            )
        if (self.entry == "best") != bool(self.best_by):
            raise ValueError("best_by: a metric is expected with entry: best, and only there")
        return self

    @model_validator(mode="after")
    def _cases_are_published_afterwards(self) -> Self:
        moment = self.leaderboard.publishes_cases
        if problem := publishing_problem(moment, cases=self.cases, closes=self.closes):
            raise ValueError(f"publishes_cases: {problem}")
        return self

    @field_validator("closes")
    @classmethod
    def _opens_before_it_closes(
        cls, closes: datetime | None, info: ValidationInfo
    ) -> datetime | None:
        opens = info.data.get("opens")
        if opens and closes and closes <= opens:
            raise ValueError("the phase closes before it opens")
        return closes

    @field_validator("cases")
    @classmethod
    def _training_is_public(cls, cases: str, info: ValidationInfo) -> str:
        if cases == "hidden" and info.data.get("kind") == "training":
            raise ValueError("training data are given away: cases: public is expected")
        return cases

    @field_validator("download")
    @classmethod
    def _only_public_cases_leave(cls, download: bool, info: ValidationInfo) -> bool:
        if download and info.data.get("cases") == "hidden":
            raise ValueError("hidden cases cannot be downloaded")
        return download

    @field_validator("takes")
    @classmethod
    def _masks_of_public_cases(cls, takes: list[str], info: ValidationInfo) -> list[str]:
        if len(set(takes)) < len(takes):
            raise ValueError("each kind of submission at most once")
        if "predictions" in takes and info.data.get("cases") == "hidden":
            raise ValueError("predictions are of cases that people can see: cases: public expected")
        return takes

    @property
    def who_competes(self) -> str:
        """A sentence for those who read its leaderboard."""
        which = {
            "latest": "its latest scored submission",
            "chosen": "the one that it let stand, or its latest where it chose none",
            "best": f"its best by {self.best_by}, of equals the earlier",
        }[self.entry]
        return f"One entry of each team, and of each person alone: {which}."

    @property
    def gives_away(self) -> bool:
        """Whether its cases can be downloaded."""
        return self.download or self.kind == "training"


def publishing_problem(moment: datetime | None, *, cases: str, closes: datetime | None) -> str:
    """Why scores of single cases cannot be published then; empty where they can."""
    if moment is not None and cases == "public":
        return "scores of public cases are shown from the start"
    if moment is not None and (closes is None or moment < closes):
        return (
            "while the phase is open, scores of single hidden cases would show what to fit to; a "
            "time at or after closes is expected"
        )
    return ""


def entry_problems(phases: list[PhaseSpec], evaluation: EvaluationSpec) -> list[str]:
    """Metrics that phases name, and that cannot tell the best entry, or are not there to hide."""
    return [
        f"the phase “{phase.slug}”: best_by: {problem}"
        for phase in phases
        if phase.best_by and (problem := _column_problem(phase.best_by, evaluation))
    ] + [
        f"the phase “{phase.slug}”: {problem}"
        for phase in phases
        for problem in hidden_column_problems(phase.leaderboard, evaluation)
    ]


def _column_problem(name: str, evaluation: EvaluationSpec) -> str:
    known = {metric.id: metric for metric in evaluation.every}
    metric, label = known.get(metric_of(name)), label_of(name)
    if metric is None:
        return f"“{name}” is not among the metrics ({', '.join(known)})"
    if isinstance(metric, CohortMetric) or not metric.direction.ranks:
        return f"“{name}” has no order of single cases; name another"
    if label and label not in evaluation.labels:
        return f"“{name}”: there is no label “{label}” ({', '.join(evaluation.labels)})"
    if not label and len(evaluation.labels) > 1:
        return f"“{name}” has {len(evaluation.labels)} labels; name one, as in {name}[…]"
    return ""


def visibility_problems(phases: list[PhaseSpec]) -> list[str]:
    """Public phases that would show cases of a hidden one, as they share them."""
    public = [phase for phase in phases if phase.cases == "public"]
    hidden = [phase for phase in phases if phase.cases == "hidden"]
    return [
        f"the public phase “{one.slug}” would show cases of the hidden phase “{other.slug}”; give "
        "each a split of its own"
        for one in public
        for other in hidden
        if not one.split or not other.split or one.split == other.split
    ]
