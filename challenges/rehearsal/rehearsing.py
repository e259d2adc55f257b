"""Score simulated participants, rank them, and say what that shows of the challenge."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from challenges.rehearsal.participants import BY_ID, EMPTY, FAILING, LEVELS, MIDDLE, PERFECT
from challenges.rehearsal.power import null_differences, smallest_difference
from challenges.rehearsal.ranks import (
    Ranked,
    Ranking,
    means,
    patient_means,
    rank_pool,
    ranked,
    resamples,
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
    Progress,
    RehearsalCase,
    Scores,
    failing_cases,
    score_all,
    with_failures,
    without_result,
)
from evaluation.metrics import CohortMetric, Direction, Metric
from evaluation.ranking import rank_values
from evaluation.spec import EvaluationSpec

REPEATS = 1000
_RESAMPLES_OVER_COHORT = 100
"""Metrics over the cohort are computed anew in each; some make intervals by resampling again."""
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
    """The report of scores made with this seed."""
    what = ranked(scores, spec)
    rehearsed = _Rehearsed(scores, spec, what, seed, repeats)
    everybody = rehearsed.rank(scores.participants)
    resampled = rehearsed.resampled([one for one in scores.participants if one != PERFECT])
    separation = _separation(everybody, what)
    heads = _heads(scores, spec, what)
    titles = {head.key: head.title for head in heads}
    return Report(
        cases=len(scores.cases),
        patients=len(set(scores.patients)),
        seed=seed,
        repeats=rehearsed.count,
        failed=len(scores.failed),
        reader_dice=scores.reader_dice,
        levels=tuple(
            LevelFacts(name, BY_ID[name].title, level.sigma_mm, level.dice)
            for name, level in scores.levels.items()
        ),
        metrics=heads,
        rows=_rows(scores, what, everybody, resampled),
        separation=separation,
        stability=_stability(resampled),
        similar=_similar(rehearsed),
        failure_costs=tuple(_failure_cost(rehearsed, level) for level in LEVELS),
        detectable=_detectable(rehearsed),
        warnings=_warnings(
            rehearsed,
            everybody,
            [titles[one.key] for one in separation if one.tau is None or not one.in_order],
        ),
    )


@dataclass(frozen=True)
class _Resampled:
    """ranks[resample][participant], and those of all cases."""

    whole: dict[str, int]
    ranks: list[dict[str, int]]

    def range_of(self, participant: str) -> tuple[int, int]:
        """95 % of resamples; quantiles that are ranks themselves."""
        own = [one[participant] for one in self.ranks]
        low, high = np.quantile(own, [0.025, 0.975], method="inverted_cdf")
        return int(low), int(high)


@dataclass(frozen=True)
class _Rehearsed:
    scores: Scores
    spec: EvaluationSpec
    what: Ranked
    seed: int
    repeats: int

    @property
    def count(self) -> int:
        return min(self.repeats, _RESAMPLES_OVER_COHORT) if self.what.cohort else self.repeats

    def rng(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, purpose])

    def values(self, participant: str) -> NDArray[np.float64]:
        found: NDArray[np.float64] = self.scores.values[self.scores.participants.index(participant)]
        return found

    def rank(self, names: Sequence[str], draw: NDArray[np.intp] | None = None) -> Ranking:
        values = {name: self.values(name) for name in names}
        return rank_pool(values, self.scores.counts, self.scores, self.spec, self.what, draw)

    def resampled(self, names: Sequence[str]) -> _Resampled:
        draws = resamples(self.scores.patients, self.count, self.rng(4))
        return _Resampled(
            _only_ranks(self.rank(names)), [_only_ranks(self.rank(names, one)) for one in draws]
        )


def _only_ranks(ranking: Ranking) -> dict[str, int]:
    return {name: rank for name, (rank, _) in ranking.ranks.items()}


def _heads(scores: Scores, spec: EvaluationSpec, what: Ranked) -> tuple[MetricHead, ...]:
    several = len(spec.labels) > 1
    heads = []
    metrics: list[Metric | CohortMetric] = [*spec.shown, *spec.ranked_cohort]
    for metric in metrics:
        for label in spec.labels:
            key = f"{metric.id}[{label}]"
            heads.append(
                MetricHead(
                    key=key,
                    title=f"{metric.title} ({label})" if several else metric.title,
                    unit=metric.unit,
                    decimals=metric.decimals,
                    higher=metric.direction is Direction.HIGHER,
                    ranked=key in what.keys,
                    cohort=metric in spec.ranked_cohort,
                )
            )
    return tuple(heads)


def _rows(
    scores: Scores, what: Ranked, everybody: Ranking, resampled: _Resampled
) -> tuple[Row, ...]:
    names = scores.participants
    places = {
        key: rank_values([everybody.aggregates[name][at] for name in names], direction)
        for at, (key, direction) in enumerate(zip(what.keys, what.directions, strict=True))
    }
    shown = [column.key for column in scores.columns] + list(what.keys[len(what.columns) :])
    rows = []
    for at, name in enumerate(names):
        low, high = resampled.range_of(name) if name != PERFECT else (None, None)
        rank, mean_rank = everybody.ranks[name]
        over_cohort = everybody.aggregates[name][len(what.columns) :]
        rows.append(
            Row(
                id=name,
                title=BY_ID[name].title,
                kind=BY_ID[name].kind,
                rank=rank,
                mean_rank=mean_rank,
                aggregates=(*means(scores.values[at]), *over_cohort),
                metric_ranks=tuple(places[key][at] if key in places else None for key in shown),
                rank_low=low,
                rank_high=high,
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.rank, row.mean_rank, row.id)))


def _separation(everybody: Ranking, what: Ranked) -> tuple[Separation, ...]:
    known = {one.id: one.grade for one in BY_ID.values() if one.grade is not None}
    flawed = [name for name in known if BY_ID[name].kind == "flawed"]
    graded = [PERFECT, *LEVELS]
    found = []
    for at, (key, direction) in enumerate(zip(what.keys, what.directions, strict=True)):
        values = [everybody.aggregates[name][at] for name in known]
        place = dict(zip(known, rank_values(values, direction), strict=True))
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
    if len(set(one)) < 2 or len(set(other)) < 2:
        return None
    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    upper = np.triu_indices(a.size, 1)
    first = np.sign(a[:, None] - a[None, :])[upper]
    second = np.sign(b[:, None] - b[None, :])[upper]
    untied = np.count_nonzero(first) * np.count_nonzero(second)
    return float((first * second).sum() / np.sqrt(untied))


def _stability(resampled: _Resampled) -> Stability:
    names = sorted(resampled.whole)
    winner = min(names, key=lambda name: (resampled.whole[name], name))
    whole = [resampled.whole[name] for name in names]
    taus = [kendall_tau(whole, [one[name] for name in names]) for one in resampled.ranks]
    told = [tau for tau in taus if tau is not None]
    return Stability(
        winner=winner,
        same_winner=float(np.mean([one[winner] == 1 for one in resampled.ranks])),
        mean_tau=float(np.mean(told)) if told else None,
    )


def _similar(rehearsed: _Rehearsed) -> Similar | None:
    """Contests between readers of the middle level: in each, every reader gets in each case one of
    the drawings at random. By the metrics of each case alone; None where none of them ranks."""
    scores, what = rehearsed.scores, rehearsed.what
    if not what.columns:
        return None
    several, _, cases = scores.similar.shape
    rng = rehearsed.rng(5)
    columns = list(what.columns)
    draws = max(50, rehearsed.repeats // _CONTESTS)
    widths, wins = [], []
    for _ in range(_CONTESTS):
        # In each case a shuffle of the drawings, so that no two readers have the same.
        order = np.argsort(rng.random((several, cases)), axis=0)
        values = {
            str(reader): scores.similar[order[reader], :, np.arange(cases)].T[columns]
            for reader in range(several)
        }
        contest = Ranked(
            tuple(range(len(columns))), (), what.labels, what.directions[: len(columns)], ()
        )
        ranks = [
            _only_ranks(rank_pool(values, {}, scores, rehearsed.spec, contest, draw))
            for draw in resamples(scores.patients, draws, rng)
        ]
        whole = _only_ranks(rank_pool(values, {}, scores, rehearsed.spec, contest))
        found = _Resampled(whole, ranks)
        ranges = [found.range_of(name) for name in values]
        widths.append(np.mean([high - low + 1 for low, high in ranges]))
        winner = min(whole, key=lambda name: (whole[name], name))
        wins.append(np.mean([one[winner] == 1 for one in ranks]))
    return Similar(several, float(np.mean(widths)), float(np.mean(wins)))


def _failure_cost(rehearsed: _Rehearsed, level: str) -> FailureCost:
    """Among all but the copy of the reference and the one made to fail."""
    scores, what = rehearsed.scores, rehearsed.what
    names = [name for name in scores.participants if name not in (PERFECT, FAILING)]
    values = {name: rehearsed.values(name) for name in names}
    before = rehearsed.rank(names)
    rng = rehearsed.rng(6)
    count = min(_FAILURES, rehearsed.count)
    changes, after = [], []
    for _ in range(count):
        failed = failing_cases(len(scores.cases), rng)
        counts = dict(scores.counts)
        counts[level] = tuple(
            without_result(one) if at in failed else one
            for at, one in enumerate(scores.counts[level])
        )
        changed = {**values, level: with_failures(values[level], scores.worst, failed)}
        ranking = rank_pool(changed, counts, scores, rehearsed.spec, what)
        changes.append(ranking.ranks[level][0] - before.ranks[level][0])
        after.append(ranking.aggregates[level])
    return FailureCost(
        participant=level,
        rank_change=float(np.mean(changes)),
        metric_changes={
            key: _mean_change(before.aggregates[level][at], [row[at] for row in after])
            for at, key in enumerate(what.keys)
        },
    )


def _mean_change(before: float | None, after: Sequence[float | None]) -> float | None:
    told = [one for one in after if one is not None]
    return float(np.mean(told)) - before if told and before is not None else None


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
    rank = {name: place for name, (place, _) in everybody.ranks.items()}
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
