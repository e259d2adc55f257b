"""Pictures of cases, made once at ingest: PET in inverted grey, as physicians read it."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evaluation.geometry import Geometry

PIXELS_HIGH = 560
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""Of Okabe and Ito (2008), told apart by colour-blind readers too, on white and on black; the
seventh reader has the first one's again."""
_GAP_PIXELS = 12
_DASH_PIXELS = 5
_LINE_PIXELS = 2
_GREYS = 64
"""More cannot be told apart beside each other, and cost half the file's size again."""
Grey = NDArray[np.float32]


@dataclass(frozen=True)
class Outlined:
    """png: coronal and sagittal projections side by side. legend: (reader, colour as #RRGGBB)."""

    png: bytes
    legend: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _View:
    """How an array ``[z, y, x]`` is seen along one of its axes: that axis, whether the two left
    are swapped, turned upside down or left to right, and the picture's size in mm."""

    along: int
    swapped: bool
    upside_down: bool
    turned: bool
    high_mm: float
    wide_mm: float

    def project(self, volume: NDArray[Any]) -> NDArray[Any]:
        """The maximum along the view: head up, from the patient's front or from the left."""
        flat: NDArray[Any] = volume.max(axis=self.along)
        if self.swapped:
            flat = flat.T
        return flat[:: -1 if self.upside_down else 1, :: -1 if self.turned else 1]

    def pixels(self, scale: float) -> tuple[int, int]:
        """(width, height)"""
        return max(1, round(self.wide_mm * scale)), max(1, round(self.high_mm * scale))


def legend(readers: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Each reader's colour in ``outlined_projections``."""
    return tuple((reader, COLOURS[number % len(COLOURS)]) for number, reader in enumerate(readers))


def coronal_projection(suv: NDArray[np.float32], geometry: Geometry, *, suv_max: float) -> bytes:
    """PNG of the coronal maximum-intensity projection of ``suv[z, y, x]``.

    Head up, the patient's right on the left; white is SUV 0, black ``suv_max`` and more; pixels
    are square in mm.
    """
    view = _coronal(geometry)
    size = view.pixels(_scale(view))
    grey = 255 - np.rint(np.clip(view.project(suv) / suv_max, 0, 1) * 255).astype(np.uint8)
    picture = Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC)
    return _png(picture)


def outlined_projections(
    suv: NDArray[np.float32],
    geometry: Geometry,
    masks: Mapping[str, NDArray[np.uint8]],
    *,
    suv_max: float,
) -> Outlined:
    """Coronal and sagittal projections of ``suv[z, y, x]``, in the greys of ``coronal_projection``,
    with the outline of each reader's mask (of all its labels together) projected likewise.

    The sagittal one is seen from the patient's left, the front on the left. Where outlines of
    several readers coincide their colours alternate.
    """
    views = [_coronal(geometry), _sagittal(geometry)]
    scale = min(_scale(view) for view in views)
    parts = [_outlined(view, scale, suv, list(masks.values()), suv_max) for view in views]
    gap = np.zeros((max(part.shape[0] for part in parts), _GAP_PIXELS), np.uint8)
    indices = np.hstack([_as_high(parts[0], gap), gap, _as_high(parts[1], gap)])
    picture = Image.frombytes("P", indices.shape[::-1], indices.tobytes())
    picture.putpalette(_palette())
    return Outlined(_png(picture), legend(masks))


def _as_high(part: NDArray[np.uint8], gap: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.pad(part, ((0, gap.shape[0] - part.shape[0]), (0, 0)))


def _outlined(
    view: _View,
    scale: float,
    suv: NDArray[np.float32],
    masks: list[NDArray[np.uint8]],
    suv_max: float,
) -> NDArray[np.uint8]:
    """Palette numbers: greys from white, then the colours."""
    size = view.pixels(scale)
    share = np.clip(view.project(suv) / suv_max, 0, 1).astype(np.float32)
    smooth = np.asarray(Image.fromarray(share).resize(size, Image.Resampling.BICUBIC))
    picture: NDArray[np.uint8] = np.rint(np.clip(smooth, 0, 1) * (_GREYS - 1)).astype(np.uint8)
    edges = [_edge(view.project(mask) > 0, size) for mask in masks]
    if not edges:
        return picture
    together = np.sum(edges, axis=0)
    y, x = np.indices(picture.shape)
    turn = (x + y) // _DASH_PIXELS % np.maximum(together, 1)
    before = np.zeros_like(together)
    for number, edge in enumerate(edges):
        picture[edge & (turn == before)] = _GREYS + number % len(COLOURS)
        before += edge
    return picture


def _edge(shadow: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels just outside of a shadow, so that a small one is not covered by its outline."""
    shown = np.asarray(
        Image.fromarray(shadow.astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
    )
    inner = np.pad(shown > 0, _LINE_PIXELS)
    grown = inner
    for _ in range(_LINE_PIXELS):
        grown = np.logical_or.reduce(
            [grown, *(np.roll(grown, step, axis) for axis in (0, 1) for step in (1, -1))]
        )
    within = slice(_LINE_PIXELS, -_LINE_PIXELS)
    found: NDArray[np.bool_] = (grown & ~inner)[within, within]
    return found


def _palette() -> list[int]:
    greys = [255 - round(255 * number / (_GREYS - 1)) for number in range(_GREYS)]
    colours = [int(colour[at : at + 2], 16) for colour in COLOURS for at in (1, 3, 5)]
    return [value for grey in greys for value in (grey, grey, grey)] + colours


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    # A twentieth smaller at level 9, and ten times slower.
    picture.save(file, "PNG", compress_level=6)
    return file.getvalue()


def _scale(view: _View) -> float:
    return PIXELS_HIGH / max(view.high_mm, view.wide_mm)


def _coronal(geometry: Geometry) -> _View:
    to_left, to_back, to_head = _patient_axes(geometry)
    return _view(geometry, along=to_back, across=to_left, up=to_head)


def _sagittal(geometry: Geometry) -> _View:
    to_left, to_back, to_head = _patient_axes(geometry)
    return _view(geometry, along=to_left, across=to_back, up=to_head)


def _view(
    geometry: Geometry,
    *,
    along: tuple[int, float],
    across: tuple[int, float],
    up: tuple[int, float],
) -> _View:
    """Each an image axis (0 x, 1 y, 2 z) and its sign: seen along one, the next grows to the right,
    the last upwards."""
    remaining = [axis for axis in (2, 1, 0) if axis != along[0]]
    return _View(
        along=2 - along[0],
        swapped=remaining[0] != up[0],
        upside_down=up[1] > 0,
        turned=across[1] < 0,
        high_mm=geometry.size[up[0]] * geometry.spacing[up[0]],
        wide_mm=geometry.size[across[0]] * geometry.spacing[across[0]],
    )


def _patient_axes(geometry: Geometry) -> tuple[tuple[int, float], ...]:
    """For left, posterior and superior: the image axis (0 x, 1 y, 2 z) nearest to it, and its sign.

    LPS: the rows of the direction matrix. Each image axis is used once, the clearest match first.
    """
    matrix = np.array(geometry.direction).reshape(3, 3)
    strength = np.abs(matrix)
    found: dict[int, tuple[int, float]] = {}
    for flat in np.argsort(-strength, axis=None, kind="stable"):
        patient, image = divmod(int(flat), 3)
        if patient not in found and image not in {axis for axis, _ in found.values()}:
            found[patient] = image, float(np.sign(matrix[patient, image]))
    return found[0], found[1], found[2]
