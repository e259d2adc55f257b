"""A plot of one point for each case, as coordinates that a template draws in SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from leaderboards.plots import ticks_of

WIDE, HIGH = 420, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 16, 12, 46


@dataclass(frozen=True)
class Mark:
    """One case: where it lies, and what is said of it."""

    x: float
    y: float
    case: str
    words: str


@dataclass(frozen=True)
class Tick:
    """at: pixels from the left, or from the top."""

    at: float
    text: str


@dataclass(frozen=True)
class Rule:
    """A line across, with its words at the right."""

    y: float
    words: str
    dashed: bool


@dataclass(frozen=True)
class Scatter:
    across: str
    up: str
    marks: tuple[Mark, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    rules: tuple[Rule, ...]

    left, right, top, bottom = _LEFT, WIDE - _RIGHT, _TOP, HIGH - _BOTTOM
    wide, high = WIDE, HIGH

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


@dataclass(frozen=True)
class Case:
    """name: its public id, or empty where the viewer may not see it; x, y: in the axes' units."""

    name: str
    x: float
    y: float
    words: str


def scatter(
    cases: Sequence[Case],
    *,
    across: str,
    up: str,
    share: bool = False,
    rules: Sequence[tuple[float, str, bool]] = (),
) -> Scatter | None:
    """x on a logarithmic axis; of cases whose x is above 0. rules: (y, words, dashed). None where
    there is nothing to draw."""
    drawn = [case for case in cases if case.x > 0]
    if not drawn:
        return None
    logs = [math.log10(case.x) for case in drawn]
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    high = high if high > low else low + 1
    heights = [case.y for case in drawn] + [one[0] for one in rules]
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0) if share else ticks_of(min(heights), max(heights))
    decimals = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    decimals = 2 if share else decimals

    def at_x(log: float) -> float:
        return round(_LEFT + (log - low) / (high - low) * (WIDE - _RIGHT - _LEFT), 1)

    def at_y(value: float) -> float:
        room = HIGH - _BOTTOM - _TOP
        return round(HIGH - _BOTTOM - (value - ticks[0]) / (ticks[-1] - ticks[0]) * room, 1)

    return Scatter(
        across=across,
        up=up,
        marks=tuple(
            Mark(at_x(log), at_y(case.y), case.name, case.words)
            for log, case in zip(logs, drawn, strict=True)
        ),
        x_ticks=tuple(Tick(at_x(power), f"{10.0**power:g}") for power in range(low, high + 1)),
        y_ticks=tuple(
            Tick(at_y(value), f"{value:.{decimals}f}".replace("-", "\u2212")) for value in ticks
        ),
        rules=tuple(Rule(at_y(value), words, dashed) for value, words, dashed in rules),
    )
