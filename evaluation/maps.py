"""Probability maps: when a file is accepted as one, and the form in which it is kept and scored."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError, MapRefused, VolumeRefused
from evaluation.geometry import Geometry, side_by_side
from evaluation.reliability import STEPS, Steps, to_steps
from evaluation.volumes import Header, chunks, open_volume, read_volume

_TOLERANCE = 1e-6
"""What a softmax in float32 may exceed 1 by."""
_CLIP = "Write probabilities (after the softmax or sigmoid), and clip them."


def read_map(source: Path | BinaryIO, expected: Geometry) -> Steps:
    """The map in a file as whole steps of 1/60 000, ``[z, y, x]``.

    Any type of voxel, scaled where the header has a slope or intercept. The grid is compared before
    a voxel is read, and no other is put onto it: between the voxels of a map nothing is stated.
    What lies at most 1e-6 outside 0 to 1 counts as 0 or 1. Raises MapRefused (codes map_unreadable,
    map_wrong_grid, map_not_finite, map_out_of_range).
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            return read_map(file, expected)
    try:
        header, pixels = open_volume(source)
        _require_grid(expected, header.geometry)
        return _read(header, pixels)
    except VolumeRefused as refusal:
        raise MapRefused(
            "map_unreadable", f"The probability map cannot be read: {refusal.message}"
        ) from refusal


def kept_map(source: Path | BinaryIO, expected: Geometry) -> Steps:
    """The steps in a file that was kept of ``read_map``. Raises EvaluationError for any other."""
    volume = read_volume(source)
    voxels = volume.voxels
    if voxels.dtype != np.uint16 or voxels.max(initial=0) > STEPS:
        raise EvaluationError("not_a_kept_map", f"No map in steps of 1/{STEPS} ({voxels.dtype}).")
    if differences := expected.differences(volume.geometry):
        raise EvaluationError(
            "wrong_grid", f"The map differs from the reference in {', '.join(differences)}."
        )
    return voxels.astype(np.uint16, copy=False)


def _require_grid(expected: Geometry, found: Geometry) -> None:
    if differences := expected.differences(found):
        raise MapRefused(
            "map_wrong_grid",
            f"The probability map differs from the PET image in {', '.join(differences)}. Copy the "
            "PET image's geometry to it (SimpleITK: probability.CopyInformation(pet)).\n"
            + side_by_side(expected, found),
        )


def _read(header: Header, pixels: BinaryIO) -> Steps:
    steps = np.empty(header.geometry.voxels, np.uint16)
    low, high = 0.0, 1.0
    for start, chunk in chunks(header, pixels):
        least, most = float(chunk.min()), float(chunk.max())
        if not (np.isfinite(least) and np.isfinite(most)):
            raise MapRefused(
                "map_not_finite",
                f"The probability map holds NaN or infinity; expected 0 to 1. {_CLIP}",
            )
        low, high = min(low, least), max(high, most)
        steps[start : start + chunk.size] = to_steps(_clipped(chunk))
    if low < -_TOLERANCE or high > 1.0 + _TOLERANCE:
        raise MapRefused(
            "map_out_of_range",
            f"The probability map holds values from {low:g} to {high:g}; expected 0 to 1. {_CLIP}",
        )
    return steps.reshape(header.geometry.shape)


def _clipped(chunk: NDArray[np.generic]) -> NDArray[np.float64]:
    return np.clip(chunk.astype(np.float64), 0.0, 1.0)
