"""From standings to the rows that a leaderboard shows: who, and what it took."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evaluation.metrics import CohortMetric
from evaluation.spec import EvaluationSpec
from evaluation.standings import Board, Standing, Uncertainty, aggregate_of
from leaderboards.entries import Entrant
from leaderboards.models import Scores
from leaderboards.readers import KEY
from leaderboards.tables import Column, Row, Table
from submissions.models import Submission

_MEMORY_STEP = 1 << 28
"""Of what is told of a hidden phase: each digit could carry data out."""


def columns_of(spec: EvaluationSpec) -> tuple[Column, ...]:
    several = len(spec.labels) > 1
    aggregate = aggregate_of(spec.recipe).value
    return tuple(
        Column(
            key=spec.column_key(metric.id, label),
            metric=metric.id,
            label=label,
            title=f"{metric.title} ({label})" if several else metric.title,
            short=f"{metric.short} ({label})" if several else metric.short,
            unit=metric.unit,
            direction=metric.direction.value,
            decimals=metric.decimals,
            ranked=spec.ranks(metric, label),
            cohort=isinstance(metric, CohortMetric),
            interval=metric.interval if isinstance(metric, CohortMetric) else "",
            aggregate=aggregate,
            share=metric.is_share,
        )
        for metric in spec.every
        for label in spec.labels
    )


def table_of(
    columns: tuple[Column, ...],
    board: Board,
    uncertainty: Uncertainty | None,
    entries: Sequence[Submission],
    kept: Mapping[int, Scores],
    entrants: Mapping[int, Entrant],
    *,
    hidden: bool,
    withheld: tuple[str, ...] = (),
) -> Table:
    standings = {one.key: one for one in board.standings}
    sure = _sure(uncertainty)
    rows = [
        _row(
            entry,
            standings[entry.public_id],
            kept[entry.pk],
            entrants[entry.pk],
            sure.get(entry.public_id, {}),
            hidden=hidden,
        )
        for entry in entries
    ] + [_reader(one) for one in board.standings if one.key.startswith(KEY)]
    tested = uncertainty.tested.column if uncertainty and uncertainty.tested else ""
    among = uncertainty.among if uncertainty and uncertainty.resampled else None
    table = Table(
        columns, tuple(rows), board.cases, board.patients, board.refused, withheld, tested, among
    )
    return replace(table, rows=table.by_rank())


def _sure(uncertainty: Uncertainty | None) -> dict[str, dict[str, int]]:
    """How sure the rank of each entry is, as fields of its row."""
    found: dict[str, dict[str, int]] = {}
    if uncertainty is None:
        return found
    for at, key in enumerate(uncertainty.entries):
        told = found.setdefault(key, {})
        if uncertainty.resampled is not None:
            told["low"], told["high"] = uncertainty.resampled.ranges[at]
        if uncertainty.tested is not None:
            told["set_low"], told["set_high"] = uncertainty.tested.rank_sets[at]
            told["tier"] = uncertainty.tested.tiers[at]
    return found


def _row(
    entry: Submission,
    standing: Standing,
    kept: Scores,
    entrant: Entrant,
    sure: Mapping[str, int],
    *,
    hidden: bool,
) -> Row:
    return Row(
        submission=entry.public_id,
        algorithm=entry.version.algorithm.title,
        version=entry.version.number,
        owner=entry.submitted_by.get_username(),
        is_baseline=entry.is_baseline,
        kind=entry.version.kind,
        algorithm_id=entry.version.algorithm.public_id,
        competes=standing.competes,
        sandboxed=kept.sandboxed,
        rank=standing.rank,
        mean_rank=standing.score,
        cases=standing.cases,
        failed=standing.failed,
        seconds_per_case=_told(kept.seconds, 1, hidden),
        peak_memory_bytes=_whole(_told(kept.peak_memory_bytes, _MEMORY_STEP, hidden)),
        cells=standing.cells,
        team=entrant.team,
        members=entrant.members,
        of_organisers=entrant.of_organisers,
        **sure,
    )


def _reader(standing: Standing) -> Row:
    return Row(
        submission=standing.key,
        algorithm=standing.key.removeprefix(KEY),
        version=0,
        owner="",
        is_baseline=False,
        kind="reader",
        competes=False,
        sandboxed=True,
        rank=standing.rank,
        mean_rank=standing.score,
        cases=standing.cases,
        failed=standing.failed,
        seconds_per_case=None,
        cells=standing.cells,
    )


def _told(value: float | None, step: int, hidden: bool) -> float | None:
    return round(value / step) * step if hidden and value is not None else value


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
