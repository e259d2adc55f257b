"""A small plot of one entry against another, as coordinates that a template draws in SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from challenges.models import Case
from leaderboards.comparing import Comparison, PairSummary, there_in_both

WIDE, HIGH = 320, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 22, 12, 44
_TICKS = 5
_SAME = 1e-9
"""Of the size of two values: what is nearer is drawn as one."""
_SMALLEST = 1e-9


@dataclass(frozen=True)
class Tick:
    """at: pixels from the left, or from the top."""

    at: float
    value: float


@dataclass(frozen=True)
class Point:
    case: Case
    x: float
    y: float
    first: float
    second: float


@dataclass(frozen=True)
class PairPlot:
    """Both axes have the same scale; where a point lies on the diagonal, both entries are equal.

    better_above: whether the second entry is better in the cases above the diagonal; None where
    neither side is better. decimals: of the ticks.
    """

    pair: PairSummary
    points: tuple[Point, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    decimals: int
    better_above: bool | None

    left, right, top, bottom = LEFT, WIDE - RIGHT, TOP, HIGH - BOTTOM
    wide, high = WIDE, HIGH

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


def plots_of(comparison: Comparison) -> tuple[PairPlot, ...]:
    """One for each pair that has a case to show."""
    letters = [letter for letter, _ in comparison.entries]
    return tuple(
        _plot(comparison, pair, letters.index(pair.first), letters.index(pair.second))
        for pair in comparison.pairs
        if pair.cases
    )


def ticks_of(low: float, high: float, number: int = _TICKS) -> tuple[float, ...]:
    """Round values, 1, 2 or 5 times a power of ten apart, from at most ``low`` to at least
    ``high``; about ``number`` of them."""
    size = max(abs(low), abs(high))
    span = high - low if high - low > max(_SAME * size, _SMALLEST) else max(size, _SMALLEST)
    rough = span / number
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return tuple(place * step for place in range(first, max(last, first + 1) + 1))


def _plot(comparison: Comparison, pair: PairSummary, one: int, other: int) -> PairPlot:
    measure = comparison.measure
    both = there_in_both(comparison.values[[one, other]])
    x, y = comparison.values[one][both], comparison.values[other][both]
    low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
    if measure.metric.is_share:
        low, high = 0.0, 1.0
    ticks = ticks_of(low, high)
    cases = [case for case, there in zip(comparison.cases, both, strict=True) if there]
    return PairPlot(
        pair=pair,
        points=tuple(
            Point(case, _across(a, ticks), _up(b, ticks), a, b)
            for case, a, b in zip(cases, x.tolist(), y.tolist(), strict=True)
        ),
        across=tuple(Tick(_across(value, ticks), value) for value in ticks),
        up=tuple(Tick(_up(value, ticks), value) for value in ticks),
        decimals=max(0, -floor(log10(ticks[1] - ticks[0]) + 1e-9)),
        better_above=None
        if measure.signed or not measure.comparable
        else measure.goodness(1.0) > measure.goodness(0.0),
    )


def _across(value: float, ticks: Sequence[float]) -> float:
    share = (value - ticks[0]) / (ticks[-1] - ticks[0])
    return round(LEFT + share * (WIDE - RIGHT - LEFT), 2)


def _up(value: float, ticks: Sequence[float]) -> float:
    share = (value - ticks[0]) / (ticks[-1] - ticks[0])
    return round(HIGH - BOTTOM - share * (HIGH - BOTTOM - TOP), 2)
