"""Pictures of cases, made once at ingest: PET in inverted grey, as physicians read it."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evaluation.geometry import Geometry

PIXELS_HIGH = 560


def coronal_projection(suv: NDArray[np.float32], geometry: Geometry, *, suv_max: float) -> bytes:
    """PNG of the coronal maximum-intensity projection of ``suv[z, y, x]``.

    Head up, the patient's right on the left; white is SUV 0, black ``suv_max`` and more; pixels
    are square in mm.
    """
    to_left, to_back, to_head = _patient_axes(geometry)
    projected = suv.max(axis=2 - to_back[0])
    # Of the two array axes left, put the one towards the head first, from head to feet.
    remaining = [axis for axis in (2, 1, 0) if axis != to_back[0]]
    if remaining[0] != to_head[0]:
        projected = projected.T
    if to_head[1] > 0:
        projected = projected[::-1]
    if to_left[1] < 0:
        projected = projected[:, ::-1]
    grey = 255 - np.rint(np.clip(projected / suv_max, 0, 1) * 255).astype(np.uint8)
    height_mm = projected.shape[0] * geometry.spacing[to_head[0]]
    width_mm = projected.shape[1] * geometry.spacing[to_left[0]]
    scale = PIXELS_HIGH / max(height_mm, width_mm)
    size = max(1, round(width_mm * scale)), max(1, round(height_mm * scale))
    picture = Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC)
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()


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
