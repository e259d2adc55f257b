"""Podium places over cases, and the stability of the order. Loads matplotlib."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from evaluation.standings import Resampled, Tested
from leaderboards.figures.canvas import FILL, SMALL, STRONG, paper, room_for, row_of, rows_of
from leaderboards.figures.inline import INK
from leaderboards.figures.numbers import bins_of

_STRENGTHS = (0.7, 0.4, 0.18)
_WIDE = 4.8
_LEAST_WRITTEN = 0.055


def draw_podium(tested: Tested, labels: Sequence[str]) -> Figure:
    number = len(labels)
    figure, axes = paper(
        _WIDE, row_of(number) * number, left=room_for(labels), top=0.45, bottom=0.5, right=0.3
    )
    places = min(3, number)
    whole = max(1, *(sum(row) for row in tested.case_ranks))
    starts = [0] * number
    for place in range(places):
        counts = [row[place] for row in tested.case_ranks]
        axes.barh(
            range(number),
            counts,
            left=starts,
            height=0.78,
            color=(FILL, _STRENGTHS[place]),
            edgecolor=INK,
            linewidth=0.5,
            label=f"rank {place + 1}",
        )
        for row, count in enumerate(counts):
            if count >= _LEAST_WRITTEN * whole:
                middle = starts[row] + count / 2
                axes.text(middle, row, str(count), ha="center", va="center_baseline", size=SMALL)
        starts = [start + count for start, count in zip(starts, counts, strict=True)]
    axes.set_xlim(0, whole)
    axes.set_xlabel(f"cases of {whole}")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    rows_of(axes, labels)
    figure.legend(
        loc="upper right",
        bbox_to_anchor=(1 - 0.2 / figure.get_figwidth(), 1 - 0.06 / figure.get_figheight()),
        ncols=places,
        handlelength=1.2,
        borderpad=0,
        columnspacing=1.4,
    )
    return figure


def draw_stability(resampled: Resampled) -> Figure:
    """ValueError where no resample has a τ."""
    if resampled.taus is None:
        raise ValueError("No resample orders the entries: there is no τ to draw.")
    bins = bins_of(resampled)
    figure, axes = paper(6.2, 2.3, left=0.75, top=0.75, bottom=0.55, right=0.3)
    first = next(at for at, (_, _, count) in enumerate(bins) if count)
    shown = bins[max(0, first - 1) :]
    axes.bar(
        [low for low, _, _ in shown],
        [count for _, _, count in shown],
        width=[high - low for low, high, _ in shown],
        align="edge",
        color=(FILL, 0.7),
        edgecolor=INK,
        linewidth=0.4,
    )
    low, _, median, _, high = resampled.taus
    tallest = max(count for _, _, count in shown)
    axes.set_ylim(0, tallest * 1.05)
    left = min(shown[0][0], 0.5)
    axes.set_xlim(left, 1.0 + 0.01 * (1 - left))
    axes.axvline(median, color=STRONG, linewidth=1.8, linestyle=(0, (4, 2)))
    axes.plot([low, high], [1.06, 1.06], transform=axes.get_xaxis_transform(), color=INK,
              linewidth=1.4, clip_on=False, marker="|", markersize=7)  # fmt: skip
    axes.text(1.0, 1.13, f"median τ {signed(median)} (dashed); 95 % of resamples: "
              f"{signed(low)} to {signed(high)}", transform=axes.transAxes, ha="right")  # fmt: skip
    axes.set_xlabel("Kendall’s τ of a resample’s ranking to the full one")
    axes.set_ylabel("resamples")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    return figure


def signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
