"""Connected components of a mask (18-connectivity: voxels that share a face or an edge).

They are found from runs, the rows of drawn voxels along x: a mask of millions of voxels has some
ten thousand. Where there are too many runs (noise) the whole frame is labelled instead.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.distances import Frame, Indices

_MANY_RUNS = 300_000
# Rows that touch a row, (z, y), half of them; a diagonal one touches only face to face along x.
_ROWS = ((0, 1, 1), (1, 0, 1), (1, 1, 0), (1, -1, 0))


@dataclass(frozen=True)
class Components:
    """of_voxel: for each voxel of the mask the number of its component, from 0 in the order of
    their first voxels; sizes: voxels of each component."""

    of_voxel: NDArray[np.int32]
    sizes: Indices

    @property
    def count(self) -> int:
        return int(self.sizes.size)


def components(voxels: Indices, frame: Frame) -> Components:
    """``voxels``: flat indices in ``frame``, ascending; none gives no component."""
    if not voxels.size:
        return Components(np.empty(0, np.int32), np.empty(0, np.int64))
    breaks = np.flatnonzero(np.diff(voxels) != 1)
    firsts = voxels[np.concatenate([[0], breaks + 1])]
    lasts = voxels[np.concatenate([breaks, [voxels.size - 1]])]
    if firsts.size > _MANY_RUNS:
        return by_labelling(voxels, frame)
    labels = _join(firsts, lasts, frame)
    of_voxel = np.repeat(labels, lasts - firsts + 1)
    return Components(of_voxel, np.bincount(of_voxel))


def _join(firsts: Indices, lasts: Indices, frame: Frame) -> NDArray[np.int32]:
    """The component of each run. The background round a frame keeps runs of two rows apart."""
    # SciPy is loaded where it is needed, here and below: a process that scores one case is quicker
    # without, and the web process needs it only to mark lesions.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ones, others = [], []
    for dz, dy, slack in _ROWS:
        step = dz * frame.strides[0] + dy * frame.strides[1]
        low = np.searchsorted(lasts, firsts + step - slack, "left")
        high = np.searchsorted(firsts, lasts + step + slack, "right")
        touching = np.maximum(high - low, 0)
        within = np.arange(touching.sum()) - np.repeat(np.cumsum(touching) - touching, touching)
        ones.append(np.repeat(np.arange(firsts.size), touching))
        others.append(within + np.repeat(low, touching))
    one, other = np.concatenate(ones), np.concatenate(others)
    graph = coo_array((np.ones(one.size, np.int8), (one, other)), shape=(firsts.size,) * 2)
    _, labels = connected_components(graph, directed=False)
    return in_order(labels)


def by_labelling(voxels: Indices, frame: Frame) -> Components:
    """The same by labelling every voxel of the frame."""
    from scipy.ndimage import generate_binary_structure, label

    drawn = np.zeros(frame.voxels, bool)
    drawn[voxels] = True
    labelled, _ = label(drawn.reshape(frame.shape), generate_binary_structure(3, 2))
    of_voxel = in_order(np.asarray(labelled).ravel()[voxels].astype(np.int32))
    return Components(of_voxel, np.bincount(of_voxel))


def in_order(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """``labels`` renumbered from 0 in the order in which they first appear."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    place = np.empty(first.size, np.int32)
    place[np.argsort(first)] = np.arange(first.size, dtype=np.int32)
    return place[inverse]
