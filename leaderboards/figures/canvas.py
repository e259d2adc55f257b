"""What all figures have in common: paper, letters and colours. Loads matplotlib."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from leaderboards.figures.inline import INK, PAPER

FILL = "#0072b2"
STRONG = "#d55e00"
LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c8c8c")
"""Of Okabe and Ito, whom colour-blind readers can tell apart, but for the last."""
_ROW, _ROW_OF_FEW, _FEW = 0.26, 0.33, 12
POINTS = 72.0
SIZE = 9.0
SMALL = 8.0
RULES = {
    "font.family": "DejaVu Sans",
    "font.size": SIZE,
    "axes.labelsize": SIZE,
    "axes.titlesize": SIZE,
    "xtick.labelsize": SIZE,
    "ytick.labelsize": SIZE,
    "legend.fontsize": SIZE,
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.6,
    "axes.facecolor": "none",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": PAPER,
    "savefig.facecolor": "auto",
    "legend.frameon": False,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "path.simplify": False,
}


@contextmanager
def rules(**more: object) -> Iterator[None]:
    """Ours, whatever is set for matplotlib on this machine; nothing of them stays."""
    usual: dict[str, Any] = {
        key: value for key, value in mpl.rcParamsDefault.items() if not key.startswith("backend")
    }
    ours: Any = {**usual, **RULES, **more}
    with mpl.rc_context(ours):
        yield


def paper(
    wide: float, high: float, *, left: float, top: float, right: float = 0.2, bottom: float = 0.5
) -> tuple[Figure, Axes]:
    """A figure around axes of ``wide`` × ``high`` inches, with margins in inches."""
    whole_wide, whole_high = left + wide + right, top + high + bottom
    figure = Figure(figsize=(whole_wide, whole_high))
    axes = figure.add_axes(
        (left / whole_wide, bottom / whole_high, wide / whole_wide, high / whole_high)
    )
    return figure, axes


def row_of(number: int) -> float:
    """Inches between so many entries."""
    return _ROW_OF_FEW if number <= _FEW else _ROW


def room_for(labels: Sequence[str]) -> float:
    """Inches that they take beside the axes."""
    letters = FontProperties(family="DejaVu Sans", size=SIZE)
    widths = (
        text_to_path.get_text_width_height_descent(label, letters, ismath=False)[0]
        for label in labels
    )
    return max(widths) / POINTS + 0.2


def room_with_note(text: str, labels: Sequence[str], wide: float) -> float:
    """Inches left of axes of ``wide`` inches, so that labels and the ``note`` both have room."""
    return max(room_for(labels), room_for([text]) - wide)


def rows_of(axes: Axes, labels: Sequence[str]) -> None:
    """Entries from top to bottom, at 0, 1, 2, …"""
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def at_top(axes: Axes, label: str) -> None:
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel(label, labelpad=6)
    axes.spines["bottom"].set_visible(False)
    axes.spines["top"].set_visible(False)
    axes.tick_params(axis="x", length=0)


def note(figure: Figure, text: str) -> None:
    """Under the axes, at the right."""
    figure.text(
        1 - 0.3 / figure.get_figwidth(), 0.13 / figure.get_figheight(), text, ha="right", size=SMALL
    )


def some(number: int, most: int = 25) -> range:
    """1, 2, …, ``number``, or every fifth, so that at most ``most`` are written."""
    return range(1, number + 1) if number <= most else range(5, number + 1, 5)
