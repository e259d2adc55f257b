"""How far the standings can be trusted, and for whom they hold: all of ``ranking.md`` at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import RankingRefused
from evaluation.ranking import ScoreTable, rank_table
from evaluation.ranking.order import rank_along
from evaluation.ranking.table import Counts
from evaluation.standings.board import Board, make_board, pool_of
from evaluation.standings.groups import USUAL, Group, groups_of, protected
from evaluation.standings.scores import Scored
from evaluation.uncertainty import (
    Alternative,
    SignificanceMap,
    bootstrap,
    draw_patients,
    five_schemes,
    leaving_one_out,
    order_against_tests,
    significance_map,
    tiers,
    with_other_targets,
)

Made = TypeVar("Made")
TAU_BINS = 40


@dataclass(frozen=True)
class Resampled:
    """Of each entry, in the order of ``Uncertainty.entries``. shares: of resamples at rank 1, 2, …,
    as many as entries, and where ``among`` is more, of every rank beyond; ranges: first and last
    rank of the middle 95 %; medians: of its ranks. taus: 2.5, 25, 50, 75 and 97.5 % quantiles of
    Kendall's τ-b of these entries, None where no resample has one; tau_counts: in 40 bins of equal
    width from −1 to 1.

    among: how many entries are ranked in each resample; ranks: of these entries among them, by all
    cases. 0 and none in documents from before that was kept, of ``Uncertainty.entries`` alone: ask
    ``Uncertainty.among`` and ``Uncertainty.ranks_resampled``.
    """

    number: int
    seed: int
    stratum: str
    patients: int
    shares: tuple[tuple[float, ...], ...]
    ranges: tuple[tuple[int, int], ...]
    medians: tuple[float, ...]
    taus: tuple[float, ...] | None
    tau_counts: tuple[int, ...]
    among: int = 0
    ranks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Tested:
    """Of each ordered pair whether the row is better in ``column``: p, Holm-adjusted p (None on the
    diagonal), and the decision. against_means: better by the test, with the worse mean.
    against_ranks: pairs (better by test, ahead by rank). rank_sets: among all that compete.
    case_ranks: of each entry, in how many
    cases it has rank 1, 2, … ; ties share the smallest."""

    column: str
    alpha: float
    p: tuple[tuple[float | None, ...], ...]
    adjusted: tuple[tuple[float | None, ...], ...]
    better: tuple[tuple[bool, ...], ...]
    against_means: tuple[tuple[str, str], ...]
    against_ranks: tuple[tuple[str, str], ...]
    rank_sets: tuple[tuple[int, int], ...]
    tiers: tuple[int, ...]
    case_ranks: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Otherwise:
    """Ranks made otherwise, in the order of ``Uncertainty.entries``; empty where ``refused``."""

    name: str
    ranks: tuple[int, ...]
    tau: float | None
    refused: str = ""


@dataclass(frozen=True)
class Uncertainty:
    """Of the competing entries, best first, at most as many as the challenge says; ``pool`` compete
    in all. ranks: among these entries alone, as are tests and whatever is ranked otherwise; in
    resamples ``among`` are ranked. refused: what could not be made, and why."""

    entries: tuple[str, ...]
    pool: int
    ranks: tuple[int, ...]
    resampled: Resampled | None = None
    tested: Tested | None = None
    schemes: tuple[Otherwise, ...] = ()
    readers: tuple[Otherwise, ...] = ()
    centres: tuple[Otherwise, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def among(self) -> int:
        """How many entries are ranked in each resample."""
        return (self.resampled.among if self.resampled else 0) or len(self.entries)

    @property
    def ranks_resampled(self) -> tuple[int, ...]:
        """The ranks that are resampled: among those ``among``."""
        return (self.resampled.ranks if self.resampled else ()) or self.ranks


@dataclass(frozen=True)
class Slice:
    """The standings on one group of cases. withheld: not for the public of a hidden phase;
    withheld_columns: keys of those that are not, as they apply to too few of its patients."""

    grouping: str
    label: str
    board: Board
    withheld: bool = False
    withheld_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Analysis:
    board: Board
    slices: tuple[Slice, ...]
    uncertainty: Uncertainty | None


def analyse(
    scored: Scored,
    *,
    seed: int,
    hidden: bool,
    readers: Mapping[str, Scored] | None = None,
) -> Analysis:
    """Everything that a leaderboard shows. seed: of ``seed_of``. hidden: protect small groups.
    readers: the same entries scored against each single reader.

    Uncertainty is None where fewer than two entries compete. Nothing raises: what a recipe or the
    data do not allow is told in ``refused``.
    """
    if not scored.cases:
        return Analysis(make_board(scored), (), None)
    spec = scored.spec.ranking
    order = _order(scored)
    top = order[: spec.most_resampled]
    resampled = frozenset(top) | {one.key for one in scored.entries if not one.competes}
    board = make_board(scored, counts=_draws(scored, seed), resampled=resampled)
    groups = groups_of(scored.cases, USUAL if spec.subgroups is None else spec.subgroups)
    withheld: dict[str, tuple[Group, ...]] = {}
    if hidden:
        groups = protected(groups, frozenset(case.patient for case in scored.cases))
        withheld = _withheld_by_column(scored, groups)
    slices = []
    for number, group in enumerate(groups):
        kept = np.zeros(len(scored.cases), dtype=bool)
        kept[list(group.cases)] = True
        part = scored.of_cases(kept)
        made = make_board(part, counts=_draws(part, seed), resampled=resampled)
        columns = tuple(key for key, of_column in withheld.items() if of_column[number].withheld)
        slices.append(Slice(group.grouping, group.label, made, group.withheld, columns))
    uncertainty = _uncertainty(scored, order, seed, readers or {}) if len(top) > 1 else None
    return Analysis(board, tuple(slices), uncertainty)


def _withheld_by_column(scored: Scored, groups: tuple[Group, ...]) -> dict[str, tuple[Group, ...]]:
    """Of each column, ``groups`` of only those patients to whom it applies: a figure of two groups
    tells of their difference in these, which may be few where the groups differ by many."""
    table = scored.measured
    applies: NDArray[np.bool_] = np.any(~np.isnan(table.values), axis=0)
    found: dict[bytes, tuple[Group, ...]] = {}
    result = {}
    for at, column in enumerate(table.columns):
        there = applies[:, at]
        if there.tobytes() not in found:
            found[there.tobytes()] = protected(
                [group.among(there, scored.cases) for group in groups],
                _patients(scored, there),
            )
        result[column.key] = found[there.tobytes()]
    return result


def _patients(scored: Scored, there: NDArray[np.bool_]) -> frozenset[str]:
    return frozenset(case.patient for case, one in zip(scored.cases, there, strict=True) if one)


def _order(scored: Scored) -> tuple[str, ...]:
    """All that compete, the best first; nobody where they cannot be ranked."""
    pool = pool_of(scored)
    if not pool:
        return ()
    try:
        ranking = rank_table(scored.ranked.only(pool), scored.spec.recipe)
    except RankingRefused:
        return ()
    return ranking.top(len(pool))


def _draws(scored: Scored, seed: int) -> Counts | None:
    """None where the stratum does not fit the patients; ``Uncertainty.refused`` says so."""
    spec = scored.spec.ranking
    try:
        return draw_patients(scored.measured, seed, number=spec.resamples, stratum=spec.stratum)
    except RankingRefused:
        return None


def _uncertainty(
    scored: Scored, order: tuple[str, ...], seed: int, readers: Mapping[str, Scored]
) -> Uncertainty:
    """order: all that compete, the best first."""
    recipe = scored.spec.recipe
    top = order[: scored.spec.ranking.most_resampled]
    table = _in_order(scored, top)
    refused: dict[str, str] = {}
    primary = scored.spec.primary
    if primary is None:
        refused["tests"] = "Only metrics over the cohort rank; tests need values of single cases."
    return Uncertainty(
        entries=top,
        pool=len(order),
        ranks=tuple(rank_table(table, recipe).ranks.tolist()),
        resampled=_tried("resamples", refused, lambda: _resampled(scored, order, top, seed)),
        tested=None
        if primary is None
        else _tried("tests", refused, lambda: _tested(table, scored, primary, len(order))),
        schemes=_otherwise(five_schemes(table, recipe)),
        readers=_otherwise(
            _tried(
                "readers",
                refused,
                lambda: with_other_targets(
                    table,
                    recipe,
                    {
                        name: _in_order(one, top)
                        for name, one in readers.items()
                        if {*top} <= {entry.key for entry in one.entries}
                    },
                ),
            )
            or ()
        ),
        centres=_otherwise(
            _tried(
                "centres",
                refused,
                lambda: leaving_one_out(table, recipe, scored.spec.ranking.centres),
            )
            or ()
        ),
        refused=refused,
    )


def _tried(name: str, refused: dict[str, str], make: Callable[[], Made]) -> Made | None:
    try:
        return make()
    except RankingRefused as error:
        refused[name] = error.message
        return None


def _in_order(scored: Scored, top: tuple[str, ...]) -> ScoreTable:
    """The table of these entries alone, best first, so that ties are told in one order."""
    by_key = {entry.key: entry for entry in scored.entries}
    return Scored(scored.spec, scored.cases, tuple(by_key[key] for key in top)).ranked


def _resampled(
    scored: Scored, order: tuple[str, ...], top: tuple[str, ...], seed: int
) -> Resampled:
    """Among all of ``order`` where the scheme can rank them all so often, else among ``top``."""
    spec, recipe = scored.spec.ranking, scored.spec.recipe
    crowd = recipe.scheme.takes_crowds and len(order) > len(top)
    # Not in order, as what metrics over the cohort have prepared of all entries is large.
    table = scored.ranked.only(order) if crowd else _in_order(scored, top)
    counts = draw_patients(table, seed, number=spec.resamples, stratum=spec.stratum)
    found = bootstrap(table, recipe, counts, reported=top)
    taus = found.taus[~np.isnan(found.taus)]
    return Resampled(
        number=spec.resamples,
        seed=seed,
        stratum=spec.stratum,
        patients=len(table.patient_names),
        shares=tuple(map(tuple, found.rank_shares().tolist())),
        ranges=tuple((low, high) for low, high in found.rank_ranges().tolist()),
        medians=tuple(found.rank_quantiles([0.5])[0].tolist()),
        taus=tuple(np.quantile(taus, [0.025, 0.25, 0.5, 0.75, 0.975]).tolist())
        if taus.size
        else None,
        tau_counts=tuple(np.histogram(taus, bins=TAU_BINS, range=(-1.0, 1.0))[0].tolist()),
        among=len(table.entries),
        ranks=tuple(found.full.ranks[found.reported].tolist()),
    )


def _tested(table: ScoreTable, scored: Scored, primary: str, pool: int) -> Tested:
    alpha = scored.spec.ranking.alpha
    found = significance_map(table, primary, alpha=alpha)
    ranking = rank_table(table, scored.spec.recipe)
    at = table.column(primary)
    values = table.values[:, :, at].T
    ranks = rank_along(values, table.all_columns[at].direction)
    judged = ranks[~np.isnan(values).all(axis=1)]
    places = np.arange(1, len(table.entries) + 1)
    return Tested(
        column=primary,
        alpha=alpha,
        p=_matrix(found.p),
        adjusted=_matrix(found.adjusted),
        better=tuple(tuple(row) for row in found.better.tolist()),
        against_means=_pairs(found),
        against_ranks=tuple(order_against_tests(ranking, found)),
        rank_sets=tuple((low, high) for low, high in found.rank_sets(pool).tolist()),
        tiers=tuple(tiers(ranking, found).tolist()),
        case_ranks=tuple(map(tuple, (judged[:, :, None] == places).sum(axis=0).tolist())),
    )


def _pairs(found: SignificanceMap) -> tuple[tuple[str, str], ...]:
    rows, columns = np.nonzero(found.against_means)
    return tuple((found.entries[i], found.entries[j]) for i, j in zip(rows, columns, strict=True))


def _matrix(values: NDArray[Any]) -> tuple[tuple[float | None, ...], ...]:
    return tuple(tuple(None if np.isnan(one) else float(one) for one in row) for row in values)


def _otherwise(found: tuple[Alternative, ...]) -> tuple[Otherwise, ...]:
    return tuple(
        Otherwise(
            one.name,
            tuple(one.ranking.ranks.tolist()) if one.ranking is not None else (),
            one.tau,
            one.refused,
        )
        for one in found
    )
