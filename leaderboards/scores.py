"""Case results of entries as arrays: made once from the rows, then read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from django.db.models import Count, Max, Prefetch, prefetch_related_objects
from numpy.typing import NDArray

from challenges.definition import content_hash
from challenges.models import Case, Edition
from evaluation.aggregate import summarise
from evaluation.counts import Counts
from evaluation.spec import EvaluationSpec
from evaluation.standings import EntryScores
from leaderboards.models import Scores
from submissions.models import Attempt, CaseResult, Run, Submission
from submissions.sandbox.process import SANDBOX_NONE


def made_of(
    edition: Edition, entries: Sequence[Submission], cases: Sequence[Case]
) -> dict[int, str]:
    """By the primary key of each entry, a hash of the results that it has on these cases.

    Results are never changed: their number and the newest of them tell whether there are others.
    """
    results = CaseResult.objects.filter(
        edition=edition,
        run__submission__in=entries,
        run__case__in=cases,
        run__variant="original",
        run__repeat=0,
    )
    found = results.values_list("run__submission").annotate(Count("pk"), Max("pk"))
    places = [case.pk for case in cases]
    of_cases = content_hash(places)
    return {entry: content_hash([of_cases, number, last]) for entry, number, last in found}


class Measured(Protocol):
    """Of one case against one target, in the shapes of ``CaseResult``."""

    @property
    def metrics(self) -> dict[str, Any]: ...
    @property
    def counts(self) -> dict[str, Any]: ...


@dataclass(frozen=True, eq=False)
class Arrays:
    """values: float64 ``[2, targets, cases, columns]``; counts: by target and case, then label; as
    in ``Scores``. scored: ``[cases]``, of which there is anything."""

    values: NDArray[np.float64]
    counts: list[list[dict[str, Any] | None]]
    scored: NDArray[np.bool_]

    def entry(self, key: str, *, competes: bool) -> EntryScores:
        """Without failures."""
        measured, worst = self.values
        failed = np.zeros(self.values.shape[2], dtype=bool)
        counts = _counts(self.counts)
        return EntryScores(key, competes, measured, worst, failed, counts, self.scored)


def arrays_of(
    spec: EvaluationSpec, cases: Sequence[Case], found: Mapping[int, Sequence[Measured]]
) -> Arrays:
    """found: by the case's primary key, what there is against each target."""
    columns = [(metric.id, label) for metric in spec.shown for label in spec.labels]
    targets = max((len(of_case) for of_case in found.values()), default=1)
    values = np.full((2, targets, len(cases), len(columns)), np.nan)
    counts: list[list[dict[str, Any] | None]] = [[None] * len(cases) for _ in range(targets)]
    for at, case in enumerate(cases):
        for target, result in enumerate(found.get(case.pk, ())):
            counts[target][at] = result.counts
            for column, (metric, label) in enumerate(columns):
                one = result.metrics[metric][label]
                for row, name in enumerate(("value", "worst")):
                    if one[name] is not None:
                        values[row, target, at, column] = one[name]
    scored = np.array([bool(found.get(case.pk)) for case in cases], dtype=bool)
    return Arrays(values, counts, scored)


def keep_up(
    *,
    edition: Edition,
    entries: Sequence[Submission],
    cases: Sequence[Case],
    spec: EvaluationSpec,
    hashes: Mapping[int, str],
) -> dict[int, Scores]:
    """The arrays of each entry, made where they are not of the present results."""
    kept = {
        one.submission_id: one
        for one in Scores.objects.filter(edition=edition, submission__in=entries)
    }
    for entry in entries:
        known = kept.get(entry.pk)
        if known is None or known.made_of != hashes.get(entry.pk, ""):
            kept[entry.pk] = _make(edition, entry, cases, spec, hashes.get(entry.pk, ""))
    return kept


def entry_scores(kept: Scores, *, key: str, competes: bool) -> EntryScores:
    """Of an entry that has results of all its cases, as those of ``entries_of`` have."""
    measured, worst = values_of(kept.values, kept.targets, len(kept.cases))
    failed = np.zeros(len(kept.cases), dtype=bool)
    failed[kept.failed] = True
    every = np.ones(len(kept.cases), dtype=bool)
    return EntryScores(key, competes, measured, worst, failed, _counts(kept.counts), every)


def values_of(stored: bytes | memoryview, targets: int, cases: int) -> NDArray[np.float64]:
    """``[2, targets, cases, columns]``; no columns where there are no targets or cases."""
    values = np.frombuffer(stored, dtype=np.float64)
    each = 2 * targets * cases
    return values.reshape((2, targets, cases, values.size // each if each else 0))


def _counts(
    stored: Sequence[Sequence[Mapping[str, Any] | None]],
) -> tuple[tuple[dict[str, Counts] | None, ...], ...]:
    return tuple(
        tuple(
            None
            if of_case is None
            else {label: Counts.from_json(one) for label, one in of_case.items()}
            for of_case in target
        )
        for target in stored
    )


def _make(
    edition: Edition, entry: Submission, cases: Sequence[Case], spec: EvaluationSpec, hashed: str
) -> Scores:
    # Of one entry after the other, so that memory does not grow with their number.
    prefetch_related_objects(
        [entry],
        Prefetch("runs", Run.objects.filter(case__in=cases, variant="original", repeat=0)),
        Prefetch(
            "runs__results", CaseResult.objects.filter(edition=edition).select_related("target")
        ),
        Prefetch("runs__attempts", Attempt.objects.exclude(started_at=None).defer("log")),
    )
    runs = list(entry.runs.all())
    results = {
        run.case_id: sorted(run.results.all(), key=lambda one: one.target.reader_id or 0)
        for run in runs
    }
    arrays = arrays_of(spec, cases, results)
    place = {case.pk: at for at, case in enumerate(cases)}
    attempts = [list(run.attempts.all())[-1] for run in runs if run.attempts.all()]
    peaks = [one.peak_memory_bytes for one in attempts if one.peak_memory_bytes is not None]
    made, _ = Scores.objects.update_or_create(
        edition=edition,
        submission=entry,
        defaults={
            "made_of": hashed,
            "cases": [case.pk for case in cases],
            "targets": arrays.values.shape[1],
            "values": arrays.values.tobytes(),
            "failed": [place[run.case_id] for run in runs if run.reason_code],
            "counts": arrays.counts if spec.cohort else [],
            "seconds": summarise(attempt.seconds for attempt in attempts).mean,
            "peak_memory_bytes": max(peaks, default=None),
            "sandboxed": all(attempt.sandbox != SANDBOX_NONE for attempt in attempts),
        },
    )
    return made
