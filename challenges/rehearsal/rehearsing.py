"""Score simulated participants, rank them, and say what that shows of the challenge."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from challenges.rehearsal.participants import BY_ID, EMPTY, FAILING, LEVELS, MIDDLE, PERFECT
from challenges.rehearsal.power import null_differences, smallest_difference
from challenges.rehearsal.ranks import (
    Ranked,
    beside,
    key_of,
    of_cases_alone,
    patient_means,
    rank_of,
    ranked,
    resampled,
    table_of,
)
from challenges.rehearsal.report import (
    Detectable,
    FailureCost,
    LevelFacts,
    MetricHead,
    Report,
    Row,
    Separation,
    Similar,
    Stability,
)
from challenges.rehearsal.scores import (
    CaseCounts,
    Progress,
    RehearsalCase,
    RehearsalRefused,
    Scores,
    failing_cases,
    score_all,
    with_failures,
    without_result,
)
from evaluation.errors import RankingRefused
from evaluation.metrics import Direction
from evaluation.ranking import Ranking, ScoreTable, rank_table
from evaluation.ranking.order import rank_along
from evaluation.ranking.table import Values
from evaluation.ranking.words import recipe_in_words
from evaluation.spec import EvaluationSpec
from evaluation.uncertainty import Bootstrap
from evaluation.uncertainty import kendall_tau as taus_of

REPEATS = 1000
_FAILURES, _CONTESTS = 200, 20
_FAR = "reader_far"


def rehearse(
    cases: Sequence[RehearsalCase],
    spec: EvaluationSpec,
    *,
    seed: int,
    repeats: int = REPEATS,
    processes: int = 1,
    progress: Progress | None = None,
) -> Report:
    """What the challenge's metrics and ranking make of simulated participants; the same for a seed,
    whatever the order of the cases and the number of processes.

    repeats: resamples of patients, and simulated comparisons for the power. progress is called
    with (cases done, cases in all). Raises RehearsalRefused where nothing can be rehearsed, and
    EvaluationError for a file that cannot be read.
    """
    scores = score_all(cases, spec, seed, processes, progress or (lambda done, total: None))
    return report_on(scores, spec, seed, repeats)


def report_on(scores: Scores, spec: EvaluationSpec, seed: int, repeats: int) -> Report:
    """The report of scores made with this seed. RehearsalRefused where the declared ranking cannot
    be made of them."""
    try:
        return _report_on(scores, spec, seed, repeats)
    except RankingRefused as refused:
        raise RehearsalRefused(
            f"The declared ranking cannot be made of these cases: {refused.message}"
        ) from refused


def _report_on(scores: Scores, spec: EvaluationSpec, seed: int, repeats: int) -> Report:
    rehearsed = _Rehearsed(scores, spec, seed, repeats)
    everybody = rank_table(rehearsed.table, spec.recipe)
    others = rehearsed.resampled([one for one in scores.participants if one != PERFECT])
    separation = _separation(everybody, rehearsed.what)
    heads = _heads(rehearsed)
    titles = {head.key: head.title for head in heads}
    return Report(
        cases=len(scores.cases),
        patients=len(set(scores.patients)),
        seed=seed,
        repeats=repeats,
        failed=len(scores.failed),
        reader_dice=scores.reader_dice,
        levels=tuple(
            LevelFacts(name, BY_ID[name].title, level.sigma_mm, level.dice)
            for name, level in scores.levels.items()
        ),
        metrics=heads,
        rows=_rows(rehearsed, everybody, others),
        separation=separation,
        stability=_stability(others),
        similar=_similar(rehearsed),
        failure_costs=tuple(_failure_cost(rehearsed, level) for level in LEVELS),
        detectable=_detectable(rehearsed),
        warnings=_warnings(
            rehearsed,
            everybody,
            [titles[one.key] for one in separation if one.tau is None or not one.in_order],
        ),
        recipe=recipe_in_words(spec),
    )


@dataclass(frozen=True)
class _Rehearsed:
    scores: Scores
    spec: EvaluationSpec
    seed: int
    repeats: int

    @cached_property
    def values(self) -> dict[str, Values]:
        """``[columns, cases]`` of each participant."""
        return dict(zip(self.scores.participants, self.scores.values, strict=True))

    @cached_property
    def table(self) -> ScoreTable:
        return table_of(self.scores, self.spec, self.values, self.scores.counts)

    @cached_property
    def what(self) -> Ranked:
        return ranked(self.table, self.spec)

    @cached_property
    def shown(self) -> tuple[int, ...]:
        """Places in the table of what the report has a column for: all but what is of all cases and
        does not rank."""
        over_cohort = [at for at in self.what.places if at >= len(self.table.columns)]
        return (*range(len(self.table.columns)), *over_cohort)

    def rng(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, purpose])

    def resampled(self, names: Sequence[str]) -> Bootstrap:
        return resampled(
            self.table.only(names),
            self.spec.recipe,
            stratum=self.spec.ranking.stratum,
            repeats=self.repeats,
            rng=self.rng(4),
        )


def _heads(rehearsed: _Rehearsed) -> tuple[MetricHead, ...]:
    scores, what = rehearsed.scores, rehearsed.what
    several = len(rehearsed.spec.labels) > 1
    over_cohort = what.measures[len(what.columns) :]
    measures = [*((one.metric, one.label) for one in scores.columns), *over_cohort]
    return tuple(
        MetricHead(
            key=key_of(metric, label),
            title=f"{metric.title} ({label})" if several else metric.title,
            unit=metric.unit,
            decimals=metric.decimals,
            higher=metric.direction is Direction.HIGHER,
            ranked=(metric, label) in what.measures,
            cohort=(metric, label) in over_cohort,
        )
        for metric, label in measures
    )


def _rows(rehearsed: _Rehearsed, everybody: Ranking, others: Bootstrap) -> tuple[Row, ...]:
    ranges = dict(zip(others.full.entries, others.rank_ranges().tolist(), strict=True))
    ranks = rank_of(everybody)
    rows = []
    for at, name in enumerate(everybody.entries):
        low, high = ranges.get(name, (None, None))
        values = everybody.aggregates[at, list(rehearsed.shown)]
        rows.append(
            Row(
                id=name,
                title=BY_ID[name].title,
                kind=BY_ID[name].kind,
                rank=ranks[name],
                aggregates=tuple(None if np.isnan(value) else float(value) for value in values),
                rank_low=low,
                rank_high=high,
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.rank, row.id)))


def _separation(everybody: Ranking, what: Ranked) -> tuple[Separation, ...]:
    known = {one.id: one.grade for one in BY_ID.values() if one.grade is not None}
    flawed = [name for name in known if BY_ID[name].kind == "flawed"]
    graded = [PERFECT, *LEVELS]
    rows = [everybody.entries.index(name) for name in known]
    found = []
    for at, key, direction in zip(what.places, what.keys, what.directions, strict=True):
        ranks = rank_along(everybody.aggregates[rows, at], direction)
        place = dict(zip(known, ranks.tolist(), strict=True))
        found.append(
            Separation(
                key=key,
                tau=kendall_tau(list(known.values()), list(place.values())),
                in_order=all(place[better] < place[worse] for better, worse in pairwise(graded)),
                not_below=tuple(name for name in flawed if place[name] <= place[_FAR]),
            )
        )
    return tuple(found)


def kendall_tau(one: Sequence[float], other: Sequence[float]) -> float | None:
    """τ-b; None where one of the two is constant."""
    (tau,) = taus_of(np.asarray(one), np.asarray(other)[None])
    return None if np.isnan(tau) else float(tau)


def _stability(found: Bootstrap) -> Stability:
    winner = _winner(found.full)
    told = found.taus[~np.isnan(found.taus)]
    return Stability(
        winner=winner,
        same_winner=_wins_again(found, winner),
        mean_tau=float(told.mean()) if told.size else None,
    )


def _winner(ranking: Ranking) -> str:
    ranks = rank_of(ranking)
    return min(ranks, key=lambda name: (ranks[name], name))


def _wins_again(found: Bootstrap, winner: str) -> float:
    return float((found.ranks[:, found.full.entries.index(winner)] == 1).mean())


def _similar(rehearsed: _Rehearsed) -> Similar | None:
    """Contests between readers of the middle level: in each, every reader gets in each case one of
    the drawings at random. By the metrics of each case alone; None where none of them ranks."""
    scores, spec = rehearsed.scores, rehearsed.spec
    if not rehearsed.what.columns:
        return None
    several, _, cases = scores.similar.shape
    rng = rehearsed.rng(5)
    draws = max(50, rehearsed.repeats // _CONTESTS)
    widths, wins = [], []
    for _ in range(_CONTESTS):
        # In each case a shuffle of the drawings, so that no two readers have the same.
        order = np.argsort(rng.random((several, cases)), axis=0)
        values = {
            f"reader {reader}": scores.similar[order[reader], :, np.arange(cases)].T
            for reader in range(several)
        }
        # No counts of their own: metrics over the cohort take no part.
        counts: dict[str, Sequence[CaseCounts]] = dict.fromkeys(values, ((),) * cases)
        table, recipe = of_cases_alone(table_of(scores, spec, values, counts), spec.recipe)
        found = resampled(table, recipe, stratum=spec.ranking.stratum, repeats=draws, rng=rng)
        ranges = found.rank_ranges()
        widths.append(float((ranges[:, 1] - ranges[:, 0] + 1).mean()))
        wins.append(_wins_again(found, _winner(found.full)))
    return Similar(several, float(np.mean(widths)), float(np.mean(wins)))


def _failure_cost(rehearsed: _Rehearsed, level: str) -> FailureCost:
    """Among all but the copy of the reference and the one made to fail."""
    scores, what = rehearsed.scores, rehearsed.what
    others = rehearsed.table.only(set(scores.participants) - {PERFECT, FAILING, level})
    recipe = rehearsed.spec.recipe
    before = rank_table(beside(others, rehearsed.table.only([level])), recipe)
    own = before.entries.index(level)
    rng = rehearsed.rng(6)
    changes, after = [], []
    for _ in range(min(_FAILURES, rehearsed.repeats)):
        failed = failing_cases(len(scores.cases), rng)
        counts = tuple(
            without_result(one) if at in failed else one
            for at, one in enumerate(scores.counts[level])
        )
        values = with_failures(rehearsed.values[level], scores.worst, failed)
        changed = table_of(scores, rehearsed.spec, {level: values}, {level: counts})
        ranking = rank_table(beside(others, changed), recipe)
        changes.append(ranking.ranks[own] - before.ranks[own])
        after.append(ranking.aggregates[own])
    return FailureCost(
        participant=level,
        rank_change=float(np.mean(changes)),
        metric_changes={
            key: _mean_change(before.aggregates[own, at], np.stack(after)[:, at])
            for at, key in zip(what.places, what.keys, strict=True)
        },
    )


def _mean_change(before: float, after: NDArray[np.float64]) -> float | None:
    told = after[~np.isnan(after)]
    return float(told.mean() - before) if told.size and not np.isnan(before) else None


def _detectable(rehearsed: _Rehearsed) -> tuple[Detectable, ...]:
    scores = rehearsed.scores
    found = []
    for at in rehearsed.what.columns:
        similar = patient_means(scores.similar[:, at], scores.patients)
        patients = similar.shape[1]
        difference = None
        if patients:
            null = null_differences(similar, rehearsed.repeats, rehearsed.rng(7))
            difference = smallest_difference(null)
        found.append(Detectable(scores.columns[at].key, patients, difference))
    return tuple(found)


def _warnings(rehearsed: _Rehearsed, everybody: Ranking, lost: Sequence[str]) -> tuple[str, ...]:
    """lost: titles of ranked metrics that do not order the levels of reader."""
    rank = rank_of(everybody)
    basis = f"(n = {len(set(rehearsed.scores.patients))} patients, seed {rehearsed.seed})"
    warnings = []
    if rank[PERFECT] != 1:
        warnings.append(
            f"A perfect copy of the reference has rank {rank[PERFECT]} {basis}; 1 is expected. "
            "Look at the metrics and at the rules for empty masks."
        )
    beaten = [BY_ID[name].title for name in LEVELS if rank[EMPTY] <= rank[name]]
    if beaten:
        warnings.append(
            f"Empty masks have rank {rank[EMPTY]}, no worse than “{'”, “'.join(beaten)}” {basis}. "
            "Whoever draws nothing must not win: look at the metrics and at the rules for empty "
            "masks."
        )
    if rank[FAILING] < rank[MIDDLE]:
        warnings.append(
            f"Failing on some cases pays: rank {rank[FAILING]} instead of {rank[MIDDLE]} {basis}. "
            "Look at what a missing result counts as."
        )
    if lost:
        warnings.append(
            f"{', '.join(lost)} cannot tell simulated readers of three levels apart {basis}; look "
            "whether the rank should stand on it."
        )
    return tuple(warnings)
