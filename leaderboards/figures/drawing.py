"""Every figure, as a file. Loads matplotlib: for workers and commands alone."""

import io
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from evaluation.standings import Uncertainty
from leaderboards.figures import bars, distribution, lines, squares, svg
from leaderboards.figures.canvas import rules
from leaderboards.figures.kinds import Format, Kind, about, alternatives_of, made, missing
from leaderboards.figures.names import Name

DOTS_PER_INCH = 200
_COLOURS = 128
_SAYS_NOTHING: dict[Format, dict[str, Any]] = {
    Format.SVG: {"Date": None, "Creator": None},
    Format.PNG: {"Software": None},
    Format.PDF: {"CreationDate": None, "Creator": None, "Producer": None},
}


def draw(kind: Kind, uncertainty: Uncertainty, names: Sequence[Name]) -> Figure:
    """names: in the order of ``uncertainty.entries``. ValueError where there is no such figure."""
    if why := missing(kind, uncertainty):
        raise ValueError(f"There is no {kind} of this ranking: {why}")
    of_resamples = kind in (Kind.DISTRIBUTION, Kind.STABILITY)
    ranks = uncertainty.ranks_resampled if of_resamples else uncertainty.ranks
    labels = [f"{rank}  {name.short}" for rank, name in zip(ranks, names, strict=True)]
    with rules():
        return _drawn(kind, uncertainty, labels)


def files_of(
    kind: Kind,
    uncertainty: Uncertainty,
    names: Sequence[Name],
    formats: Sequence[Format],
    *,
    metric: str = "",
) -> dict[Format, bytes]:
    """The same bytes for the same numbers and names, whenever they are made. metric: what the
    tested column is called."""
    figure = draw(kind, uncertainty, names)
    told = about(kind, uncertainty, metric=metric)
    return {one: _written(figure, one, kind, told.title, told.reading) for one in formats}


def _drawn(kind: Kind, of: Uncertainty, labels: Sequence[str]) -> Figure:
    resampled, tested = of.resampled, of.tested
    match kind:
        case Kind.DISTRIBUTION if resampled is not None:
            return distribution.draw(resampled, labels)
        case Kind.STABILITY if resampled is not None:
            return bars.draw_stability(resampled)
        case Kind.SIGNIFICANCE if tested is not None:
            return squares.draw_significance(tested, labels)
        case Kind.PODIUM if tested is not None:
            return bars.draw_podium(tested, labels)
        case Kind.HEAT_MAP if tested is not None:
            return squares.draw_heat_map(tested, labels)
    alternatives = made(alternatives_of(kind, of))
    return lines.draw(of, alternatives, labels, without=kind is Kind.CENTRES)


def _written(figure: Figure, as_: Format, kind: Kind, title: str, reading: str) -> bytes:
    file = io.BytesIO()
    with rules(**{"svg.hashsalt": kind.value}):
        figure.savefig(file, format=as_.value, dpi=DOTS_PER_INCH, metadata=_SAYS_NOTHING[as_])
    match as_:
        case Format.SVG:
            return svg.tidied(file.getvalue(), title=title, description=reading)
        case Format.PNG:
            return _with_few_colours(file)
    return file.getvalue()


def _with_few_colours(file: io.BytesIO) -> bytes:
    """A third of the bytes; a figure has some ten colours and what lies between them."""
    few = io.BytesIO()
    with Image.open(file) as picture:
        reduced = picture.convert("RGB").quantize(
            _COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
        )
    reduced.save(few, "png", optimize=True, dpi=(DOTS_PER_INCH, DOTS_PER_INCH))
    return few.getvalue()
