"""Entries through rankings made otherwise. Loads matplotlib."""

from collections.abc import Sequence
from math import cos, degrees, radians, sin

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.standings import Otherwise, Uncertainty
from leaderboards.figures.bars import signed
from leaderboards.figures.canvas import LINES, SMALL, paper, room_for, row_of, rows_of
from leaderboards.figures.inline import INK, PAPER
from leaderboards.figures.names import cut

_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)))
_LONGEST_ABOVE = 18
_TILT = radians(40)
_LEAST_STEP, _MOST_STEP, _WIDE = 0.62, 1.15, 5.4


def draw(
    uncertainty: Uncertainty,
    alternatives: Sequence[Otherwise],
    labels: Sequence[str],
    *,
    without: bool,
) -> Figure:
    """alternatives: that have ranks. without: each leaves out what it is called by."""
    number = len(labels)
    heads = ["as declared", *(_head(one, without=without) for one in alternatives)]
    taus = ["", *("" if one.tau is None else f"τ {signed(one.tau)}" for one in alternatives)]
    step = max(_LEAST_STEP, min(_MOST_STEP, _WIDE / len(heads)))
    slanted = room_for(heads[-1:]) * cos(_TILT)
    figure, axes = paper(
        step * (len(heads) - 1) + 0.5, row_of(number) * number, left=room_for(labels) - 0.1,
        top=room_for(heads) * sin(_TILT) + 0.15, right=max(0.2, slanted - 0.25), bottom=0.4,
    )  # fmt: skip
    ranks = [uncertainty.ranks, *(one.ranks for one in alternatives)]
    places = [places_of(of) for of in ranks]
    for entry in range(number):
        _line(axes, entry, [of[entry] for of in places], [of[entry] for of in ranks])
    rows_of(axes, labels)
    axes.set_xlim(-0.25 / step, len(heads) - 1 + 0.25 / step)
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.tick_top()
    axes.tick_params(axis="x", length=0, pad=3)
    axes.set_xticks(
        range(len(heads)), heads, rotation=degrees(_TILT), ha="left", rotation_mode="anchor"
    )
    for at, text in enumerate(taus):
        axes.text(at, number - 0.32, text, ha="center", va="top", size=SMALL)
    return figure


def places_of(ranks: Sequence[int]) -> tuple[int, ...]:
    """From 0, one for each: those of one rank follow one another as they were given."""
    order = sorted(range(len(ranks)), key=lambda at: (ranks[at], at))
    places = [0] * len(ranks)
    for place, at in enumerate(order):
        places[at] = place
    return tuple(places)


def _line(axes: Axes, entry: int, places: Sequence[int], ranks: Sequence[int]) -> None:
    color = LINES[entry % len(LINES)]
    axes.plot(
        range(len(places)),
        places,
        color=color,
        linestyle=_DASHES[entry // len(LINES) % len(_DASHES)],
        linewidth=1.8,
        zorder=2,
    )
    axes.scatter(
        range(len(places)),
        places,
        s=165,
        facecolor=PAPER,
        edgecolor=color,
        linewidths=1.3,
        zorder=3,
    )
    for at, (place, rank) in enumerate(zip(places, ranks, strict=True)):
        axes.text(at, place, str(rank), ha="center", va="center_baseline", size=SMALL, color=INK)


def _head(one: Otherwise, *, without: bool) -> str:
    name = cut("".join(c if c.isprintable() else " " for c in one.name), _LONGEST_ABOVE)
    return f"without {name or '–'}" if without else name
