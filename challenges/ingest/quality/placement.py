"""Whether two masks of one grid lie in the same place, or would after a shift."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from challenges.ingest.quality.body import Coarse
from challenges.ingest.quality.facts import PlaceFacts

Mask = NDArray[np.bool_]
REACH_MM = 20.0
"""The farthest shift looked for along each axis."""
_MOST_VOXELS = 20_000
"""Of a larger mask every n-th voxel is looked at."""
_FILLS_THE_FIELD = 0.95


def place(
    one: Mask, other: Mask, spacing: tuple[float, float, float], reach_mm: float = REACH_MM
) -> PlaceFacts | None:
    """How far ``one`` lies from ``other`` (``[z, y, x]``; spacing in mm, likewise).

    The shift is that of ``one``, at most reach_mm along each axis, after which they agree best; of
    equally good ones the shortest. None where one of them is empty.
    """
    sizes = int(np.count_nonzero(one)), int(np.count_nonzero(other))
    if not all(sizes):
        return None
    sz, sy, sx = spacing
    reach = int(reach_mm / sz), int(reach_mm / sy), int(reach_mm / sx)
    room = np.pad(other, [(step, step) for step in reach])
    looked_at = np.flatnonzero(one)[:: max(1, sizes[0] // _MOST_VOXELS)]
    z, y, x = np.unravel_index(looked_at, one.shape)
    start = np.ravel_multi_index((z + reach[0], y + reach[1], x + reach[2]), room.shape)
    strides = room.shape[1] * room.shape[2], room.shape[2], 1
    flat = room.ravel()

    def dice(k: int, j: int, i: int) -> float:
        hits = int(np.count_nonzero(flat[start + (k * strides[0] + j * strides[1] + i)]))
        return 2.0 * hits / looked_at.size * sizes[0] / sum(sizes)

    def goodness(shift: tuple[int, int, int]) -> tuple[float, float]:
        k, j, i = shift
        return dice(k, j, i), -((k * sz) ** 2 + (j * sy) ** 2 + (i * sx) ** 2)

    steps = [range(-step, step + 1) for step in reach]
    k, j, i = max(product(steps[0], steps[1], steps[2]), key=goodness)
    return PlaceFacts(dice(0, 0, 0), dice(k, j, i), (i, j, k), (i * sx, j * sy, k * sz))


def bodies_place(ct: Coarse, pet: Coarse) -> PlaceFacts | None:
    """Of two bodies on one coarse grid, at shifts of up to three blocks. A body that fills its
    field shows no outline that could tell a place: None."""
    if max(ct.inside.mean(), pet.inside.mean()) > _FILLS_THE_FIELD:
        return None
    return place(ct.inside, pet.inside, pet.spacing, reach_mm=3.5 * min(pet.spacing))
