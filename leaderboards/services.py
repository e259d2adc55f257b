"""Make a leaderboard's snapshot from the results of its edition."""

from collections.abc import Iterator

import structlog
from django.db import transaction
from django.db.models import Prefetch, prefetch_related_objects

from challenges.definition import content_hash
from challenges.models import Edition, Phase
from challenges.selectors import cases_of, current_edition, definition_of, shown_edition
from evaluation.aggregate import Summary, clip_to_worst, summarise
from evaluation.cohort import ScoredCase, mean_over_targets, over_cohort
from evaluation.counts import Counts
from evaluation.metrics import CohortMetric, CohortValue, Direction, Metric
from evaluation.ranking import aggregate_then_rank, place_alone
from evaluation.readers import average_over_readers
from evaluation.spec import EvaluationSpec
from leaderboards.entries import ALONE, Entrant, entrants_of, entries_of
from leaderboards.models import Snapshot
from leaderboards.tables import Column, Row, Table
from submissions.models import Attempt, CaseResult, Run, Submission
from submissions.sandbox.process import SANDBOX_NONE

Cohort = dict[str, dict[str, CohortValue]]
"""[metric][label]"""
log = structlog.get_logger(__name__)


@transaction.atomic
def refresh(*, phase: Phase) -> Snapshot:
    """The snapshot of the present results; the newest one where nothing has changed since.

    One transaction, so that of two at once the later also reads the later results.
    """
    edition = shown_edition(phase)
    if edition != current_edition(phase):
        # Its successor is being scored; what is new meanwhile appears with that.
        kept = Snapshot.objects.filter(edition=edition).first()
        if kept is not None:
            return kept
    spec = EvaluationSpec.model_validate(
        {
            **edition.specification,
            "ranking": definition_of(phase.challenge).evaluation.ranking.model_dump(mode="json"),
        }
    )
    entries = entries_of(phase, edition)
    entrants = entrants_of(phase.challenge, entries)
    results_hash = _results_hash(entries, entrants, edition, spec)
    newest = Snapshot.objects.filter(edition=edition).first()
    if newest is not None and newest.results_hash == results_hash:
        return newest
    # Only now are the results themselves read: this is asked every few seconds, in a transaction.
    prefetch_related_objects(
        entries,
        Prefetch("runs", Run.objects.filter(case__in=cases_of(phase)).select_related("case")),
        Prefetch(
            "runs__results", CaseResult.objects.filter(edition=edition).select_related("target")
        ),
        Prefetch("runs__attempts", Attempt.objects.exclude(started_at=None).defer("log")),
    )
    log.info("leaderboard.refreshed", phase=str(phase), entries=len(entries))
    return Snapshot.objects.create(
        edition=edition,
        results_hash=results_hash,
        document=_table(entries, entrants, spec, hidden=phase.is_hidden).to_json(),
    )


def reconcile() -> None:
    """Refresh what is not made of the present results; told by what it is made of, not by times."""
    scored = Submission.objects.filter(state=Submission.State.SCORED)
    for phase in Phase.objects.filter(submissions__in=scored).distinct():
        refresh(phase=phase)


def _results_hash(
    entries: list[Submission],
    entrants: dict[int, Entrant],
    edition: Edition,
    spec: EvaluationSpec,
) -> str:
    """Of all that a snapshot is made from, so that it is made anew when a team is called otherwise,
    changes its members, or is found to be of the organisers."""
    results: dict[int, list[int]] = {entry.pk: [] for entry in entries}
    pairs = CaseResult.objects.filter(edition=edition, run__submission__in=entries)
    for submission, result in pairs.order_by("pk").values_list("run__submission_id", "pk"):
        results[submission].append(result)
    return content_hash(
        {
            "ranking": spec.ranking.model_dump(mode="json"),
            "entries": [
                [entry.public_id, results[entry.pk], *_hashed(entrants[entry.pk])]
                for entry in entries
            ],
        }
    )


def _hashed(entrant: Entrant) -> list[object]:
    """Nothing where there is nothing to tell: those snapshots were made before there were teams."""
    if entrant == ALONE:
        return []
    return [[entrant.team, list(entrant.members), entrant.of_organisers]]


def _results(entry: Submission) -> list[CaseResult]:
    return [result for run in entry.runs.all() for result in run.results.all()]


def _columns(spec: EvaluationSpec) -> tuple[Column, ...]:
    ranked = {metric.id for metric in spec.every_ranked}
    several = len(spec.labels) > 1
    return tuple(
        Column(
            key=f"{metric.id}.{label}" if several else metric.id,
            metric=metric.id,
            label=label,
            title=f"{metric.title} ({label})" if several else metric.title,
            short=f"{metric.short} ({label})" if several else metric.short,
            unit=metric.unit,
            direction=metric.direction.value,
            decimals=metric.decimals,
            ranked=metric.id in ranked,
            cohort=isinstance(metric, CohortMetric),
            interval=metric.interval if isinstance(metric, CohortMetric) else "",
        )
        for metric in spec.every
        for label in spec.labels
    )


def _table(
    entries: list[Submission],
    entrants: dict[int, Entrant],
    spec: EvaluationSpec,
    *,
    hidden: bool,
) -> Table:
    columns = _columns(spec)
    cohort = {entry.pk: _over_cohort(entry, spec) for entry in entries}
    cells = {
        entry.pk: tuple(_cell(entry, column, cohort[entry.pk]) for column in columns)
        for entry in entries
    }
    counting = [place for place, column in enumerate(columns) if column.ranked]
    metrics = {metric.id: metric for metric in spec.shown}
    directions = [Direction(columns[place].direction) for place in counting]
    competing = {
        entry.pk: spec.ranking.baselines_compete
        if entry.is_baseline
        else not entrants[entry.pk].of_organisers
        for entry in entries
    }
    aggregates = {
        entry.pk: [
            cohort[entry.pk][columns[place].metric][columns[place].label].ranked
            if columns[place].cohort
            else _ranked_mean(entry, columns[place], metrics[columns[place].metric])
            for place in counting
        ]
        for entry in entries
    }
    pool = {key: row for key, row in aggregates.items() if competing[key]}
    extra = {key: row for key, row in aggregates.items() if not competing[key]}
    ranks = aggregate_then_rank(pool, directions) | place_alone(pool, extra, directions)
    rows = [
        _row(
            entry,
            entrants[entry.pk],
            competing[entry.pk],
            ranks[entry.pk],
            cells[entry.pk],
            hidden=hidden,
        )
        for entry in entries
    ]
    # Of two at the same place, the one that is placed only comes first: it beat the other.
    rows.sort(key=lambda row: (row.rank, row.mean_rank, row.competes, row.algorithm))
    return Table(columns, tuple(rows))


def _row(
    entry: Submission,
    entrant: Entrant,
    competes: bool,
    rank: tuple[int, float],
    cells: tuple[Summary, ...],
    *,
    hidden: bool,
) -> Row:
    runs = list(entry.runs.all())
    attempts = [list(run.attempts.all())[-1] for run in runs if run.attempts.all()]
    seconds = summarise(attempt.seconds for attempt in attempts).mean
    if hidden and seconds is not None:
        seconds = round(seconds)  # each digit could carry data out
    return Row(
        submission=entry.public_id,
        algorithm=entry.version.algorithm.title,
        version=entry.version.number,
        owner=entry.submitted_by.get_username(),
        is_baseline=entry.is_baseline,
        kind=entry.version.kind,
        algorithm_id=entry.version.algorithm.public_id,
        competes=competes,
        sandboxed=all(attempt.sandbox != SANDBOX_NONE for attempt in attempts),
        rank=rank[0],
        mean_rank=rank[1],
        cases=len(runs),
        failed=sum(bool(run.reason_code) for run in runs),
        seconds_per_case=seconds,
        cells=cells,
        team=entrant.team,
        members=entrant.members,
        of_organisers=entrant.of_organisers,
    )


def _over_cohort(entry: Submission, spec: EvaluationSpec) -> Cohort:
    """Against each target, and averaged where there are two."""
    if not spec.cohort:
        return {}
    targets: dict[int | None, list[ScoredCase]] = {}
    for result in _results(entry):
        targets.setdefault(result.target.reader_id, []).append(
            ScoredCase(
                name=result.run.case.name,
                counts={label: Counts.from_json(one) for label, one in result.counts.items()},
                metadata={**result.run.case.metadata, "patient_id": result.run.case.patient},
            )
        )
    return mean_over_targets([over_cohort(spec, cases) for cases in targets.values()])


def _cell(entry: Submission, column: Column, cohort: Cohort) -> Summary:
    """Of the values as they were measured; a missing result counts as its worst."""
    if column.cohort:
        found = cohort[column.metric][column.label]
        return Summary(count=found.cases, mean=found.value, low=found.low, high=found.high)
    return summarise(
        average_over_readers([one["value"] for one in values]) for values in _values(entry, column)
    )


def _ranked_mean(entry: Submission, column: Column, metric: Metric) -> float | None:
    """Of the values with those worse than a missing result clipped to it."""
    return summarise(
        average_over_readers([clip_to_worst(metric, one["value"], one["worst"]) for one in values])
        for values in _values(entry, column)
    ).mean


def _values(entry: Submission, column: Column) -> Iterator[list[dict[str, float | None]]]:
    """Of each case the value and the worst against each target."""
    for run in entry.runs.all():
        yield [result.metrics[column.metric][column.label] for result in run.results.all()]
