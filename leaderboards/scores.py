"""Case results of entries as arrays: made once from the rows, then read."""

from collections.abc import Mapping, Sequence

import numpy as np
from django.db.models import Count, Max, Prefetch, prefetch_related_objects

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
        edition=edition, run__submission__in=entries, run__case__in=cases
    )
    found = results.values_list("run__submission").annotate(Count("pk"), Max("pk"))
    places = [case.pk for case in cases]
    of_cases = content_hash(places)
    return {entry: content_hash([of_cases, number, last]) for entry, number, last in found}


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
    shape = (2, kept.targets, len(kept.cases), -1)
    measured, worst = np.frombuffer(kept.values, dtype=np.float64).reshape(shape)
    failed = np.zeros(len(kept.cases), dtype=bool)
    failed[kept.failed] = True
    counts = tuple(
        tuple(
            None
            if of_case is None
            else {label: Counts.from_json(one) for label, one in of_case.items()}
            for of_case in target
        )
        for target in kept.counts
    )
    return EntryScores(key, competes, measured, worst, failed, counts)


def _make(
    edition: Edition, entry: Submission, cases: Sequence[Case], spec: EvaluationSpec, hashed: str
) -> Scores:
    # Of one entry after the other, so that memory does not grow with their number.
    prefetch_related_objects(
        [entry],
        Prefetch("runs", Run.objects.filter(case__in=cases)),
        Prefetch(
            "runs__results", CaseResult.objects.filter(edition=edition).select_related("target")
        ),
        Prefetch("runs__attempts", Attempt.objects.exclude(started_at=None).defer("log")),
    )
    place = {case.pk: at for at, case in enumerate(cases)}
    runs = list(entry.runs.all())
    results = [(place[run.case_id], result) for run in runs for result in run.results.all()]
    readers = sorted({result.target.reader_id or 0 for _, result in results})
    values = np.full((2, len(readers), len(cases), len(spec.shown) * len(spec.labels)), np.nan)
    counts: list[list[object]] = [[None] * len(cases) for _ in readers]
    for at, result in results:
        target = readers.index(result.target.reader_id or 0)
        counts[target][at] = result.counts
        for column, (metric, label) in enumerate(
            (metric, label) for metric in spec.shown for label in spec.labels
        ):
            found = result.metrics[metric.id][label]
            for row, name in enumerate(("value", "worst")):
                if found[name] is not None:
                    values[row, target, at, column] = found[name]
    attempts = [list(run.attempts.all())[-1] for run in runs if run.attempts.all()]
    peaks = [one.peak_memory_bytes for one in attempts if one.peak_memory_bytes is not None]
    made, _ = Scores.objects.update_or_create(
        edition=edition,
        submission=entry,
        defaults={
            "made_of": hashed,
            "cases": [case.pk for case in cases],
            "targets": len(readers),
            "values": values.tobytes(),
            "failed": [place[run.case_id] for run in runs if run.reason_code],
            "counts": counts if spec.cohort else [],
            "seconds": summarise(attempt.seconds for attempt in attempts).mean,
            "peak_memory_bytes": max(peaks, default=None),
            "sandboxed": all(attempt.sandbox != SANDBOX_NONE for attempt in attempts),
        },
    )
    return made
