"""Scores of entries on cases, as they were measured, and the tables that rankings are made of."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evaluation.cohort import ScoredCase, cohort_cases, mean_over_targets, over_cohort
from evaluation.counts import Counts
from evaluation.metrics import CohortCase, CohortMetric, CohortValue, Direction, Metric
from evaluation.metrics.base import Weighed
from evaluation.ranking import CohortColumn, Column, ScoreTable
from evaluation.ranking.table import Values
from evaluation.spec import EvaluationSpec


@dataclass(frozen=True)
class CaseFacts:
    """groups: the label of each grouping. metadata: the columns of cases.csv that metrics over the
    cohort read."""

    name: str
    patient: str
    groups: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class EntryScores:
    """measured, worst: ``[targets, cases, columns]``, what was found and what a missing result
    counts as; NaN where that does not apply, or the case was not read. counts: by target and case,
    then by label; None where the case was not read. failed: ``[cases]``, no usable result.

    competes: whether it takes part in others' ranks; if not, its place is found by inserting it
    alone. scored: ``[cases]``, whether it was scored at all, though nothing of it may apply; None
    where values and counts alone tell.
    """

    key: str
    competes: bool
    measured: Values
    worst: Values
    failed: NDArray[np.bool_]
    counts: tuple[tuple[Mapping[str, Counts] | None, ...], ...] = ()
    scored: NDArray[np.bool_] | None = None

    @property
    def read(self) -> NDArray[np.bool_]:
        """``[cases]``: that were scored at all."""
        if self.scored is not None:
            return self.scored
        known: NDArray[np.bool_] = self.failed | np.any(self.applies, axis=1)
        for of_target in self.counts:
            known = known | np.array([one is not None for one in of_target], dtype=bool)
        return known

    @property
    def applies(self) -> NDArray[np.bool_]:
        """``[cases, columns]``: of which there is a value, or a missing result would count."""
        there = ~np.isnan(self.measured) | ~np.isnan(self.worst)
        found: NDArray[np.bool_] = np.any(there, axis=0)
        return found

    def of_cases(self, places: NDArray[np.intp]) -> "EntryScores":
        return replace(
            self,
            measured=self.measured[:, places],
            worst=self.worst[:, places],
            failed=self.failed[places],
            counts=tuple(tuple(one[at] for at in places) for one in self.counts),
            scored=None if self.scored is None else self.scored[places],
        )


@dataclass(frozen=True, eq=False)
class Scored:
    """Everything that a leaderboard is made of: entries on the same cases, by one specification."""

    spec: EvaluationSpec
    cases: tuple[CaseFacts, ...]
    entries: tuple[EntryScores, ...]

    @cached_property
    def columns(self) -> tuple[tuple[Metric | CohortMetric, str], ...]:
        """(metric, label) of each column: those with values of cases first."""
        return tuple((metric, label) for metric in self.spec.every for label in self.spec.labels)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.spec.column_key(metric.id, label) for metric, label in self.columns)

    @cached_property
    def measured(self) -> ScoreTable:
        """Values as they were measured, averaged over targets: what is shown."""
        return self._table([averaged(entry.measured) for entry in self.entries])

    @cached_property
    def ranked(self) -> ScoreTable:
        """What ranks: values worse than a missing result count as that."""
        return self._table([averaged(self._clipped(entry)) for entry in self.entries])

    def only(self, keys: Collection[str]) -> "Scored":
        kept = tuple(entry for entry in self.entries if entry.key in keys)
        return Scored(self.spec, self.cases, kept)

    def of_cases(self, kept: NDArray[np.bool_]) -> "Scored":
        """kept: ``[cases]``."""
        places = np.flatnonzero(kept)
        return Scored(
            self.spec,
            tuple(self.cases[at] for at in places),
            tuple(entry.of_cases(places) for entry in self.entries),
        )

    def over_cohort(self, entry: EntryScores) -> dict[str, dict[str, CohortValue]]:
        """[metric][label] against each target, averaged."""
        if not self.spec.cohort:
            return {}
        return mean_over_targets(
            [over_cohort(self.spec, self._read(counts)) for counts in entry.counts]
        )

    def _read(self, counts: Sequence[Mapping[str, Counts] | None]) -> list[ScoredCase]:
        return [
            ScoredCase(case.name, one, {**case.metadata, "patient_id": case.patient})
            for case, one in zip(self.cases, counts, strict=True)
            if one is not None
        ]

    def _clipped(self, entry: EntryScores) -> Values:
        result = entry.measured.copy()
        for at, metric in enumerate(metric for metric in self.spec.shown for _ in self.spec.labels):
            worst = entry.worst[:, :, at]
            # fmax and fmin take the number where the other is NaN; a null value stays null.
            if metric.direction is Direction.HIGHER:
                clipped = np.fmax(result[:, :, at], worst)
            elif metric.direction is Direction.LOWER:
                clipped = np.fmin(result[:, :, at], worst)
            else:
                continue
            result[:, :, at] = np.where(np.isnan(result[:, :, at]), np.nan, clipped)
        return result

    def _table(self, values: Sequence[Values]) -> ScoreTable:
        names = sorted({name for case in self.cases for name in case.groups})
        several = len(self.spec.labels) > 1
        columns = tuple(
            Column(
                metric.id,
                metric.direction,
                label if several else "",
                metric.is_share,
            )
            for metric in self.spec.shown
            for label in self.spec.labels
        )
        cohort = tuple(
            CohortColumn(
                metric.id,
                metric.direction,
                label if several else "",
                metric.is_share,
                aggregate=self._weighed(metric.weighed, label),
            )
            for metric in self.spec.cohort
            if metric.weighed is not None
            for label in self.spec.labels
        )
        return ScoreTable(
            entries=tuple(entry.key for entry in self.entries),
            cases=tuple(case.name for case in self.cases),
            patients=tuple(case.patient for case in self.cases),
            columns=columns,
            values=np.stack(values),
            groups={
                name: tuple(case.groups.get(name, "") for case in self.cases) for name in names
            },
            cohort=cohort,
        )

    def _weighed(
        self, of_cases: Callable[[Sequence[CohortCase]], Weighed], label: str
    ) -> Callable[[NDArray[np.float64]], Values]:
        """From ``[resamples, cases]`` to ``[resamples, entries]``."""
        prepared: list[list[tuple[list[int], Weighed]]] = []

        def of_entry(entry: EntryScores) -> list[tuple[list[int], Weighed]]:
            return [
                (
                    [at for at, one in enumerate(counts) if one is not None],
                    of_cases(cohort_cases(self.spec, self._read(counts), label)),
                )
                for counts in entry.counts
            ]

        def over(counts: NDArray[np.float64]) -> Values:
            if not prepared:
                prepared.extend(of_entry(entry) for entry in self.entries)
            result = np.full((len(counts), len(self.entries)), np.nan)
            for at, targets in enumerate(prepared):
                if targets:
                    of_targets = [weigh(counts[:, places]) for places, weigh in targets]
                    result[:, at] = averaged(np.stack(of_targets))
            return result

        return over


def averaged(values: Values) -> Values:
    """``[targets, …]`` → ``[…]``: the mean of those that apply; NaN where none does."""
    there = ~np.isnan(values)
    number = there.sum(axis=0)
    means = np.full(number.shape, np.nan)
    np.divide(np.where(there, values, 0.0).sum(axis=0), number, out=means, where=number > 0)
    return means
