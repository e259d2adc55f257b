"""The jobs that open an untrusted mask or map, in a process that opens nothing else (``nurse``)."""

import json
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError
from evaluation.geometry import Geometry
from evaluation.maps import read_map
from evaluation.masks import DrawnMask
from evaluation.resampling import read_on_grid

_BLOCK_VOXELS = 64 * 1024


def decode(order: dict[str, Any], files: Sequence[BinaryIO], answer: BinaryIO) -> None:
    """order: {geometry, values, resample}; files: the mask.

    Writes one line of JSON and, where the mask is accepted, its voxels (uint8, ``[z, y, x]``).
    """
    try:
        grid = Geometry.from_json(order["geometry"])
        mask = read_on_grid(files[0], grid, order["values"], order["resample"])
    except EvaluationError as refusal:
        _say(answer, accepted=False, code=refusal.code, message=refusal.message)
        return
    _say(answer, accepted=True)
    _write(answer, mask)


def decode_map(order: dict[str, Any], files: Sequence[BinaryIO], answer: BinaryIO) -> None:
    """order: {geometry}; files: the map.

    Writes one line of JSON and, where the map is accepted, its steps (uint16, ``[z, y, x]``).
    """
    try:
        steps = read_map(files[0], Geometry.from_json(order["geometry"]))
    except EvaluationError as refusal:
        _say(answer, accepted=False, code=refusal.code, message=refusal.message)
        return
    _say(answer, accepted=True)
    answer.write(steps.data)


def _say(answer: BinaryIO, **words: object) -> None:
    answer.write(json.dumps(words).encode() + b"\n")


def _write(answer: BinaryIO, mask: DrawnMask) -> None:
    """What is drawn; the background between is left a hole, which is read as zeros."""
    voxels: NDArray[np.uint8] = mask.to_array().ravel()
    start = answer.tell()
    for block in np.unique(mask.voxels // _BLOCK_VOXELS).tolist():
        first = block * _BLOCK_VOXELS
        answer.seek(start + first)
        answer.write(voxels[first : first + _BLOCK_VOXELS].data)
    answer.truncate(start + voxels.size)
