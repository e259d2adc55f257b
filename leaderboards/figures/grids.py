"""The numbers behind each figure as a table that people read, entries from top to bottom."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.standings import Otherwise, Resampled, Tested, Uncertainty
from leaderboards.figures.kinds import Kind, alternatives_of, made, missing
from leaderboards.figures.names import Name
from leaderboards.figures.numbers import QUANTILES, bins_of, ranks_told

PLACES = 3


@dataclass(frozen=True)
class Head:
    """whole: said of it where the head itself is short."""

    text: str
    whole: str = ""


@dataclass(frozen=True)
class Grid:
    """heads: of the columns, the first being that of what rows are called. note: under it."""

    heads: tuple[Head, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def grid_of(kind: Kind, uncertainty: Uncertainty, names: Sequence[Name]) -> Grid:
    """names: in the order of ``uncertainty.entries``. ValueError where there is no such figure."""
    if why := missing(kind, uncertainty):
        raise ValueError(f"There is no {kind} of this ranking: {why}")
    resampled, tested = uncertainty.resampled, uncertainty.tested
    match kind:
        case Kind.DISTRIBUTION if resampled is not None:
            return _distribution(uncertainty, resampled, names)
        case Kind.STABILITY if resampled is not None:
            return _stability(resampled)
        case Kind.SIGNIFICANCE if tested is not None:
            return _significance(uncertainty, tested, names)
        case Kind.PODIUM if tested is not None:
            return _podium(uncertainty, tested, names)
        case Kind.HEAT_MAP if tested is not None:
            return _heat_map(uncertainty, tested, names)
    return _otherwise(uncertainty, made(alternatives_of(kind, uncertainty)), names)


def _distribution(of: Uncertainty, resampled: Resampled, names: Sequence[Name]) -> Grid:
    return Grid(
        _heads("Median rank", "95 % range", *ranks_told(of, resampled)),
        tuple(
            (
                name.whole,
                str(of.ranks_resampled[at]),
                f"{resampled.medians[at]:g}",
                span(*resampled.ranges[at]),
                *(share_words(share) for share in resampled.shares[at]),
            )
            for at, name in enumerate(names)
        ),
        "Under each rank: the share of resamples in which the entry has it; empty where none.",
    )


def _significance(of: Uncertainty, tested: Tested, names: Sequence[Name]) -> Grid:
    numbered = [Head(str(at), name.whole) for at, name in enumerate(names, 1)]
    return Grid(
        (*_heads("Tier", "Rank set"), *numbered),
        tuple(
            (
                name.whole,
                str(of.ranks[at]),
                str(tested.tiers[at]),
                span(*tested.rank_sets[at]),
                *(_p(value) for value in tested.adjusted[at]),
            )
            for at, name in enumerate(names)
        ),
        "Columns 1, 2, … are the entries in the order of the rows; under each, Holm’s adjusted p "
        "that the row is better. The rank set holds the ranks that these tests leave open.",
    )


def _podium(of: Uncertainty, tested: Tested, names: Sequence[Name]) -> Grid:
    places = min(PLACES, len(names))
    return Grid(
        _heads(*(f"Rank {place} in" for place in range(1, places + 1)), "Lower in", "Cases"),
        tuple(
            (
                name.whole,
                str(of.ranks[at]),
                *(str(count) for count in tested.case_ranks[at][:places]),
                str(sum(tested.case_ranks[at][places:])),
                str(sum(tested.case_ranks[at])),
            )
            for at, name in enumerate(names)
        ),
    )


def _heat_map(of: Uncertainty, tested: Tested, names: Sequence[Name]) -> Grid:
    return Grid(
        _heads(*_places(len(names))),
        tuple(
            (
                name.whole,
                str(of.ranks[at]),
                *(str(count) if count else "" for count in tested.case_ranks[at]),
            )
            for at, name in enumerate(names)
        ),
        "Under each rank: the number of cases in which the entry has it; empty where none.",
    )


def _stability(resampled: Resampled) -> Grid:
    quantiles = tuple(
        (f"{name} quantile of the resamples", figure(value))
        for name, value in zip(QUANTILES, resampled.taus or (), strict=True)
    )
    bins = tuple(
        (f"from {figure(low)} to {figure(high)}", str(count))
        for low, high, count in bins_of(resampled)
        if count
    )
    return Grid((Head("Kendall’s τ"), Head("Value, or number of resamples")), (*quantiles, *bins))


def _otherwise(of: Uncertainty, alternatives: Sequence[Otherwise], names: Sequence[Name]) -> Grid:
    rows = [
        (name.whole, str(of.ranks[at]), *(str(one.ranks[at]) for one in alternatives))
        for at, name in enumerate(names)
    ]
    taus = ("–" if one.tau is None else figure(one.tau) for one in alternatives)
    rows.append(("Kendall’s τ to the ranking as declared", "", *taus))
    return Grid(_heads(*(one.name for one in alternatives)), tuple(rows))


def span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}–{high}"


def share_words(share: float) -> str:
    """All and none are said of these alone."""
    if not share:
        return ""
    if 0.99 < share < 1:
        return ">99 %"
    return "<1 %" if share < 0.01 else f"{share * 100:.0f} %"


def figure(value: float) -> str:
    """Two decimals, with a true minus sign."""
    text = f"{value:.2f}"
    return text.replace("-", "−") if text.strip("-0.") else text.lstrip("-")


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _places(number: int) -> tuple[str, ...]:
    return tuple(str(place) for place in range(1, number + 1))


def _heads(*texts: str) -> tuple[Head, ...]:
    return (Head("Entry"), Head("Rank"), *(Head(text) for text in texts))
