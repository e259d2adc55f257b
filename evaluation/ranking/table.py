"""What is ranked: entries × cases × columns, a column being a metric of one label."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import RankingRefused
from evaluation.metrics import Direction

Values = NDArray[np.float64]
Counts = NDArray[np.float64]
"""How often each case (or patient) counts, by resample: ``[resamples, cases]``, whole numbers."""


@dataclass(frozen=True)
class Column:
    """One metric of one label. share: the metric lies between 0 and 1 by its definition."""

    metric: str
    direction: Direction
    label: str = ""
    share: bool = False

    @property
    def key(self) -> str:
        """As a recipe names it: ``dice[node]``, or ``dice`` where there is no label."""
        return f"{self.metric}[{self.label}]" if self.label else self.metric


@dataclass(frozen=True)
class CohortColumn(Column):
    """A metric over the cohort, computed anew for each resample and subgroup.

    aggregate: from counts ``[resamples, cases]`` to values ``[resamples, entries]``, NaN where the
    metric is not defined.
    """

    aggregate: Callable[[Counts], Values] = field(kw_only=True)


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores to rank by, after the rule for missing results has been applied.

    values: ``[entries, cases, columns]``, NaN where a metric is not applicable. patients: of each
    case; a patient may have several. groups: named groupings of the cases (``centre``, ``tracer``),
    each with one label per case. cohort: columns that follow ``columns``. Metrics as their own unit
    has them; no infinite values. Raises RankingRefused with every problem at once.
    """

    entries: tuple[str, ...]
    cases: tuple[str, ...]
    patients: tuple[str, ...]
    columns: tuple[Column, ...]
    values: Values
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cohort: tuple[CohortColumn, ...] = ()

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64)
        values.setflags(write=False)
        object.__setattr__(self, "values", values)
        if problems := list(self._problems()):
            raise RankingRefused("table", " ".join(problems))

    @property
    def all_columns(self) -> tuple[Column, ...]:
        return (*self.columns, *self.cohort)

    @property
    def patient_names(self) -> tuple[str, ...]:
        """In the order in which they first appear; counts of patients follow it."""
        return tuple(dict.fromkeys(self.patients))

    @property
    def patient_of_case(self) -> NDArray[np.intp]:
        """``[cases]``: the place of each case's patient in ``patient_names``."""
        place = {name: at for at, name in enumerate(self.patient_names)}
        return np.array([place[name] for name in self.patients], dtype=np.intp)

    def patient_means(self) -> Values:
        """``[entries, patients, columns]``: of each patient's applicable cases; NaN if none is."""
        patients = len(self.patient_names)
        member = np.zeros((len(self.cases), patients))
        member[np.arange(len(self.cases)), self.patient_of_case] = 1.0
        values = np.moveaxis(self.values, 1, 2)
        there = ~np.isnan(values)
        sums = np.where(there, values, 0.0) @ member
        return np.moveaxis(divided(sums, there.astype(np.float64) @ member), 2, 1)

    def grouping(self, name: str) -> tuple[str, ...]:
        """The label of each case. RankingRefused where there is no such grouping."""
        if name not in self.groups:
            known = ", ".join(sorted(self.groups)) or "none"
            raise RankingRefused(
                "group", f"Cases are not grouped by {name!r}; groupings of this table: {known}."
            )
        return self.groups[name]

    def column(self, key: str) -> int:
        """The place of ``key`` in ``all_columns``. RankingRefused where there is no such column."""
        keys = [column.key for column in self.all_columns]
        if key not in keys:
            raise RankingRefused(
                "column", f"There is no column {key!r}; this table has {', '.join(keys)}."
            )
        return keys.index(key)

    def places(self, entries: Iterable[str]) -> NDArray[np.intp]:
        """Of each of ``entries``, in their order. RankingRefused where one is not in the table."""
        place = {name: at for at, name in enumerate(self.entries)}
        named = tuple(entries)
        if unknown := sorted(set(named) - place.keys()):
            raise RankingRefused("entries", f"Not in the table: {', '.join(unknown)}.")
        return np.array([place[name] for name in named], dtype=np.intp)

    def only(self, entries: Collection[str]) -> "ScoreTable":
        """The same of these entries alone, in the table's order."""
        rows = np.sort(self.places(dict.fromkeys(entries)))
        return replace(
            self,
            entries=tuple(self.entries[at] for at in rows),
            values=self.values[rows],
            cohort=tuple(
                replace(one, aggregate=_of_entries(one.aggregate, rows)) for one in self.cohort
            ),
        )

    def of_cases(self, kept: NDArray[np.bool_]) -> "ScoreTable":
        """The same of the cases where ``kept [cases]`` is true."""
        at = np.flatnonzero(kept)
        return replace(
            self,
            cases=tuple(self.cases[one] for one in at),
            patients=tuple(self.patients[one] for one in at),
            values=self.values[:, at],
            groups={name: tuple(of[one] for one in at) for name, of in self.groups.items()},
            cohort=tuple(
                replace(one, aggregate=_of_cases(one.aggregate, at, len(self.cases)))
                for one in self.cohort
            ),
        )

    def of_cells(self, kept: NDArray[np.bool_]) -> "ScoreTable":
        """The same with values only where ``kept [cases, columns]`` is true: for nobody else."""
        return replace(self, values=np.where(kept, self.values, np.nan))

    def with_magnitudes(self) -> "ScoreTable":
        """Columns of signed errors as per-case absolute values, where lower is better."""
        signed = np.array([column.direction is Direction.TOWARDS_ZERO for column in self.columns])
        return replace(
            self,
            values=np.where(signed, np.abs(self.values), self.values),
            columns=tuple(
                replace(column, direction=Direction.LOWER) if is_signed else column
                for column, is_signed in zip(self.columns, signed, strict=True)
            ),
        )

    def _problems(self) -> Iterator[str]:
        expected = (len(self.entries), len(self.cases), len(self.columns))
        if self.values.shape != expected:
            yield f"values have the shape {self.values.shape}; {expected} was expected."
        if np.isinf(self.values).any():
            yield "There are infinite values; give a finite worst value, or NaN (not applicable)."
        if not (self.entries and self.cases and self.all_columns):
            yield "There is nothing to rank; give at least one entry, one case and one column."
        for what, names in (
            ("entries", self.entries),
            ("cases", self.cases),
            ("columns", tuple(column.key for column in self.all_columns)),
        ):
            if twice := [name for name, number in Counter(names).items() if number > 1]:
                yield f"Named twice among the {what}: {', '.join(twice)}."
        for what, labels in (("patients", self.patients), *self.groups.items()):
            if len(labels) != len(self.cases):
                yield f"{what}: {len(labels)} for {len(self.cases)} cases; give one per case."


def divided(sums: NDArray[Any], numbers: NDArray[Any]) -> Values:
    """``sums / numbers``, NaN where the number is 0."""
    means = np.full(sums.shape, np.nan)
    np.divide(sums, numbers, out=means, where=numbers > 0)
    return means


def _of_entries(
    aggregate: Callable[[Counts], Values], rows: NDArray[np.intp]
) -> Callable[[Counts], Values]:
    return lambda counts: aggregate(counts)[:, rows]


def _of_cases(
    aggregate: Callable[[Counts], Values], kept: NDArray[np.intp], cases: int
) -> Callable[[Counts], Values]:
    def of_all(counts: Counts) -> Values:
        every = np.zeros((len(counts), cases))
        every[:, kept] = counts
        return aggregate(every)

    return of_all
