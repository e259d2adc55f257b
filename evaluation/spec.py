"""How a challenge wants its masks scored and ranked: strict, so that a misspelt key is an error."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from evaluation import empties
from evaluation.cells import Cell, cells_of, row_problems
from evaluation.confidence import ConfidenceSpec
from evaluation.empties import TABLE, Family
from evaluation.metrics import COHORT, REGISTRY, CohortMetric, Metric
from evaluation.metrics.base import Parameter, Setting
from evaluation.ranking import Recipe
from evaluation.ranking.checks import Declared
from evaluation.ranking.declared import RankingSpec as RankingSpec
from evaluation.ranking.declared import label_of, metric_of
from evaluation.strict import Strict as Strict

DEFAULT_METRICS = (
    "dice",
    "nsd",
    "lesion_f1",
    "mtv_abs_error_ml",
    "case_sensitivity",
    "case_specificity",
)
_DESCRIPTIVE = frozenset({"case_sensitivity", "case_specificity"})
"""Shown with the default set, and ranked only where a challenge names them."""
LABEL_NAME = r"^[a-z][a-z0-9_-]{0,40}$"


@dataclass(frozen=True)
class PolicyRow:
    """What holds for one family of metrics; cells are in the order of ``empties.TOLD``."""

    words: str
    ids: tuple[str, ...]
    metrics: tuple[str, ...]
    cells: tuple[str, ...]


Choice = str | dict[str, dict[str, Setting] | None]


class EvaluationSpec(Strict):
    """What is computed for each case and over the cohort, and what of it is ranked."""

    labels: dict[Annotated[str, Field(pattern=LABEL_NAME)], Annotated[int, Field(ge=1, le=255)]] = (
        Field(default={"lesion": 1}, description="Name of each label and its value in the masks.")
    )
    metrics: list[Choice] = Field(
        default=list(DEFAULT_METRICS),
        min_length=1,
        validate_default=True,
        description="Ids of the metrics to compute, or id: {parameter: value}.",
    )
    failure_volume_ml: float = Field(
        default=1000.0,
        gt=0,
        le=1e6,
        description="What a missing result costs at least in volume, ml.",
    )
    failure_lesions: int = Field(
        default=100,
        ge=1,
        le=100_000,
        description="What a missing result costs in false-positive lesions.",
    )
    empty_masks: dict[str, dict[str, Cell]] = Field(
        default={}, description="Cells of the table of empty masks that differ from the default."
    )
    resample: Literal["nearest"] | None = Field(
        default=None,
        description="nearest: a mask on another grid is resampled; by default it is refused.",
    )
    confidence: ConfidenceSpec | None = Field(
        default=None,
        description="What containers may write beside the mask, to be judged for calibration.",
    )
    ranking: RankingSpec = RankingSpec()

    @model_serializer(mode="wrap")
    def _without_nothing(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A challenge that asks for no confidence has the hash that it had before one could."""
        document: dict[str, Any] = write(self)
        if document.get("confidence", ...) is None:
            del document["confidence"]
        return document

    @field_validator("labels")
    @classmethod
    def _labels_differ(cls, labels: dict[str, int]) -> dict[str, int]:
        if not labels:
            raise ValueError("at least one label is expected, for example {lesion: 1}")
        if len(set(labels.values())) < len(labels):
            raise ValueError("two labels have the same value")
        return labels

    @field_validator("metrics", mode="before")
    @classmethod
    def _metrics_known(cls, choices: object) -> object:
        if not isinstance(choices, list):
            raise ValueError("a list of metrics is expected")  # noqa: TRY004  (pydantic's way)
        problems: list[str] = []
        settled = [_settled(choice, problems) for choice in choices]
        ids = [_id(choice) for choice in settled if choice is not None]
        problems += [f"“{name}” is named twice" for name in sorted({*ids}) if ids.count(name) > 1]
        if problems:
            raise ValueError("; ".join(problems))
        return settled

    @field_validator("empty_masks")
    @classmethod
    def _cells_fit(cls, cells: dict[str, dict[str, Cell]]) -> dict[str, dict[str, Cell]]:
        problems = [
            problem for family, row in cells.items() for problem in row_problems(family, row)
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return cells

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if problems := [*self._ranking_problems(), *self._confidence_problems()]:
            raise ValueError("; ".join(problems))
        return self

    def _confidence_problems(self) -> list[str]:
        if self.confidence is None:
            return [
                f"{metric.id} needs a probability map or a stated probability: declare confidence, "
                "or leave the metric out"
                for metric in self.cohort
                if metric.needs_confidence
            ]
        if len(self.labels) > 1:
            return [
                f"confidence: a map or value is of one label, and there are {len(self.labels)} "
                f"({', '.join(self.labels)}); it can be asked for in a challenge of one label"
            ]
        return []

    def _ranking_problems(self) -> list[str]:
        declared = Declared(
            ranking=self.ranking,
            metrics={metric.id: metric for metric in self.every},
            labels=list(self.labels),
            settled=self._settled_name,
            unknown=_unknown,
        )
        problems = list(declared.name_problems())
        problems = problems or list(declared.scheme_problems(self.every_ranked))
        return [f"ranking: {problem}" for problem in problems]

    def column_key(self, metric: str, label: str) -> str:
        """As rankings, tables and files name it: dice, or dice[node] where there are several."""
        return f"{metric}[{label}]" if len(self.labels) > 1 else metric

    @property
    def recipe(self) -> Recipe:
        """The declared ranking, of a table whose columns are named by ``column_key``."""
        declared = self.ranking.recipe()
        weights = declared.weights or {metric.id: 1.0 for metric in self.every_ranked}
        return replace(
            declared,
            weights={self._settled_name(name): weight for name, weight in weights.items()},
            tie_breakers=tuple(self._settled_name(name) for name in declared.tie_breakers),
        )

    @property
    def primary(self) -> str | None:
        """The column whose differences are tested; None where only metrics over the cohort rank."""
        if self.ranking.primary:
            return self._settled_name(self.ranking.primary)
        columns = (
            self.column_key(metric.id, label)
            for metric in self.ranked
            for label in self.labels
            if self.ranks(metric, label)
        )
        return next(columns, None)

    def ranks(self, metric: Metric | CohortMetric, label: str) -> bool:
        """Whether this column counts towards the rank."""
        weights = self.ranking.weights
        if not weights:
            return self._counts(metric)
        return metric.id in weights or f"{metric.id}[{label}]" in weights

    def _settled_name(self, name: str) -> str:
        label = label_of(name)
        return self.column_key(metric_of(name), label) if label else name

    def __getstate__(self) -> dict[Any, Any]:
        """What is derived stays behind when a spec is sent to another process."""
        state = super().__getstate__()
        fields = {name: state["__dict__"][name] for name in type(self).model_fields}
        return {**state, "__dict__": fields}

    @cached_property
    def shown(self) -> tuple[Metric, ...]:
        """The metrics of each case, with the challenge's settings."""
        chosen = [(_id(choice), _settings(choice)) for choice in self.metrics]
        return tuple(_with(REGISTRY[name], given) for name, given in chosen if name in REGISTRY)

    @cached_property
    def cohort(self) -> tuple[CohortMetric, ...]:
        """The metrics over all cases, with the challenge's settings."""
        chosen = [(_id(choice), _settings(choice)) for choice in self.metrics]
        return tuple(_with(COHORT[name], given) for name, given in chosen if name in COHORT)

    @property
    def ranked(self) -> tuple[Metric, ...]:
        """Metrics of each case that make the rank."""
        return tuple(metric for metric in self.shown if self._counts(metric))

    @property
    def ranked_cohort(self) -> tuple[CohortMetric, ...]:
        """Metrics over the cohort that make the rank."""
        return tuple(metric for metric in self.cohort if self._counts(metric))

    @property
    def every(self) -> tuple[Metric | CohortMetric, ...]:
        return (*self.shown, *self.cohort)

    @property
    def every_ranked(self) -> tuple[Metric | CohortMetric, ...]:
        return (*self.ranked, *self.ranked_cohort)

    def _counts(self, metric: Metric | CohortMetric) -> bool:
        """The named ones, else every one that can be ranked and is not there to be read beside."""
        if self.ranking.counted:
            return metric.id in self.ranking.counted
        return metric.rankable and metric.id not in _DESCRIPTIVE

    @property
    def needs_pet(self) -> bool:
        return any(metric.needs_pet for metric in self.shown)

    @property
    def counts_lesions_at(self) -> float | None:
        """The least IoU at which lesions are counted for the cohort; None where they are not."""
        for metric in self.cohort:
            if "min_iou" in metric.settings:
                return float(metric.settings["min_iou"])
        return None

    @cached_property
    def table(self) -> empties.Table:
        """The rules in force for empty masks and missing results."""
        return {
            family: {**row, **cells_of(self.empty_masks.get(family.value, {}))}
            for family, row in TABLE.items()
        }

    @property
    def policy(self) -> tuple["PolicyRow", ...]:
        """The rules in words, for the families that this challenge uses."""
        return tuple(
            PolicyRow(
                words=family.words,
                ids=tuple(one.id for one in found),
                metrics=tuple(one.short for one in found),
                cells=tuple(
                    empties.words(
                        self.table[family][situation],
                        failure_volume_ml=self.failure_volume_ml,
                        failure_lesions=self.failure_lesions,
                    )
                    for situation in empties.TOLD
                ),
            )
            for family in Family
            if (found := [one for one in self.shown if one.family is family])
        )


AnyMetric = TypeVar("AnyMetric", Metric, CohortMetric)


def _with(metric: AnyMetric, settings: Mapping[str, Setting]) -> AnyMetric:
    return metric.make({**metric.settings, **settings}) if metric.make else metric


def _id(choice: Choice) -> str:
    return choice if isinstance(choice, str) else next(iter(choice))


def _settings(choice: Choice) -> Mapping[str, Setting]:
    if isinstance(choice, str):
        return {}
    ((_, settings),) = choice.items()
    return settings or {}


def _settled(choice: object, problems: list[str]) -> Choice | None:
    """``choice`` with every parameter said, so that a default that changes changes no challenge."""
    given: object = {}
    if isinstance(choice, dict) and len(choice) == 1:
        ((choice, given),) = choice.items()
    if not isinstance(choice, str) or not isinstance(given, dict | None):
        problems.append(f"{choice!r} is no metric; write its id, or id: {{parameter: value}}")
        return None
    metric = REGISTRY.get(choice) or COHORT.get(choice)
    if metric is None:
        problems.append(_unknown(choice))
        return None
    known = {parameter.id: parameter for parameter in metric.parameters}
    given = given or {}
    found = [_parameter_problem(name, value, known) for name, value in given.items()]
    found += [
        f"{name} is missing: {parameter.meaning}"
        for name, parameter in known.items()
        if parameter.default is None and name not in given
    ]
    if any(found):
        problems += [f"{choice}: {problem}" for problem in found if problem]
        return None
    if not known:
        return choice
    chosen = {**metric.settings, **given}
    return {choice: {name: known[name].settle(chosen[name]) for name in known}}


def _parameter_problem(name: object, value: object, known: Mapping[str, Parameter]) -> str:
    if name in known:
        problem = known[str(name)].problem(value)
        return f"{problem} is expected" if problem else ""
    if not known:
        return f"“{name}” is no parameter of it; it has none"
    close = get_close_matches(str(name), known, n=1, cutoff=0.5) or list(known)
    return f"“{name}” is no parameter of it; did you mean {' or '.join(close)}?"


def _unknown(name: str) -> str:
    everything = [*REGISTRY, *COHORT]
    close = get_close_matches(name, everything, n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(everything)}"
    return f"unknown metric “{name}” ({hint})"
