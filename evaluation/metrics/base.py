"""What a metric is, whether of one case or of a cohort."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from evaluation.counts import Counts
from evaluation.empties import Family
from evaluation.pair import Pair


class Direction(StrEnum):
    HIGHER = "higher"
    LOWER = "lower"
    TOWARDS_ZERO = "towards_zero"
    NONE = "none"

    @property
    def words(self) -> str:
        return {
            Direction.HIGHER: "higher is better",
            Direction.LOWER: "lower is better",
            Direction.TOWARDS_ZERO: "towards 0 is better; shown, not ranked",
            Direction.NONE: "descriptive",
        }[self]

    @property
    def ranks(self) -> bool:
        """A signed value has no order of its own: errors of opposite sign would cancel."""
        return self in (Direction.HIGHER, Direction.LOWER)


Setting = float | bool | str
Settings = Mapping[str, Setting]
Weighed = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From how often each case counts, ``[resamples, cases]``, to values ``[resamples]``; NaN where the
metric is not defined."""


@dataclass(frozen=True)
class Parameter:
    """What a challenge may choose about a metric; default: None where it must be given.

    A number lies from ``low`` to ``high``; without these it is yes or no (where the default is), or
    the name of a column of cases.csv.
    """

    id: str
    meaning: str
    unit: str = ""
    default: Setting | None = None
    low: float | None = None
    high: float | None = None

    def problem(self, value: object) -> str:
        """What is wrong with ``value``; empty where nothing is."""
        if self.low is not None and self.high is not None:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if number and self.low <= float(value) <= self.high:  # type: ignore[arg-type]
                return ""
            unit = f" {self.unit}" if self.unit else ""
            return f"{self.id} is {value!r}; a number from {self.low:g} to {self.high:g}{unit}"
        if isinstance(self.default, bool):
            return "" if isinstance(value, bool) else f"{self.id} is {value!r}; true or false"
        if isinstance(value, str) and value.strip():
            return ""
        return f"{self.id} is {value!r}; the name of a column of cases.csv"

    @property
    def default_words(self) -> str:
        if self.default is None:
            return "Needed."
        if self.low is None:
            return f"Default: {str(self.default).lower()}."
        return f"Default: {self.default:g}{' ' + self.unit if self.unit else ''}."

    def settle(self, value: Setting) -> Setting:
        """``value`` in the form in which it is kept, so that 4 and 4.0 are one definition."""
        return float(value) if self.low is not None else value


@dataclass(frozen=True)
class Metric:
    """One definition. ``measure`` is called only in situations where the policy table says so.

    short: the title for the head of a table, where several metrics stand side by side.
    advice: what it is good for and what it hides. parameters: what a challenge may choose;
    settings: what it chose; make: the metric for other settings.
    """

    id: str
    title: str
    short: str
    unit: str
    direction: Direction
    family: Family
    definition: str
    advice: str
    measure: Callable[[Pair], float | None]
    decimals: int = 3
    needs_pet: bool = False
    parameters: tuple[Parameter, ...] = ()
    settings: Settings = field(default_factory=dict)
    make: Callable[[Settings], "Metric"] | None = None

    @property
    def rankable(self) -> bool:
        return self.direction.ranks

    @property
    def is_share(self) -> bool:
        """What has no unit lies between 0 and 1."""
        return not self.unit


@dataclass(frozen=True)
class CohortCase:
    """One label of one case, as a metric over the cohort sees it; metadata: columns of cases.csv.

    failure_voxels, failure_lesions: what a missing result counts as in false positives.
    """

    name: str
    counts: Counts
    metadata: Mapping[str, str]
    failure_voxels: float
    failure_lesions: int

    @property
    def patient(self) -> str:
        """Whose case this is; a patient may have several."""
        return self.metadata.get("patient_id", "").strip() or self.name

    @property
    def failed(self) -> bool:
        return self.counts.prediction is None


@dataclass(frozen=True)
class CohortValue:
    """value: None where it is not defined. low, high: its interval, where it has one.

    ranked: the value that ranks, in which no answer counts for less than a missing one. cases: how
    many it stands on. note: what a reader has to know of it.
    """

    value: float | None
    cases: int
    ranked: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True)
class CohortMetric:
    """A metric of all cases together; the fields are those of ``Metric``.

    interval: what ``low`` and ``high`` of its value are; empty where it has none. check: raises
    EvaluationError for a case's metadata that it could not read. needs_confidence: a probability
    map or a stated probability beside each mask. weighed: what makes ``ranked`` of any resample of
    the cases; every metric that can be ranked has it.
    """

    id: str
    title: str
    short: str
    unit: str
    direction: Direction
    definition: str
    advice: str
    measure: Callable[[Sequence[CohortCase]], CohortValue]
    decimals: int = 3
    interval: str = ""
    rankable: bool = True
    check: Callable[[Mapping[str, str]], None] = lambda _: None
    needs_confidence: bool = False
    parameters: tuple[Parameter, ...] = ()
    settings: Settings = field(default_factory=dict)
    make: Callable[[Settings], "CohortMetric"] | None = None
    weighed: Callable[[Sequence[CohortCase]], Weighed] | None = None

    @property
    def is_share(self) -> bool:
        """What has no unit lies between 0 and 1."""
        return not self.unit


def parametric(make: Callable[[Settings], Metric], *parameters: Parameter) -> Metric:
    """The metric that ``make`` makes of the parameters' defaults, and can make of others."""
    return make(_defaults(parameters))


def parametric_cohort(
    make: Callable[[Settings], CohortMetric], *parameters: Parameter
) -> CohortMetric:
    """``parametric`` of a metric over the cohort."""
    return make(_defaults(parameters))


def _defaults(parameters: Sequence[Parameter]) -> Settings:
    return {one.id: one.default for one in parameters if one.default is not None}
