"""Lesions of the reference and of the prediction: which overlap, and which are found."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

_TIE = 1e-9


@dataclass(frozen=True)
class Overlaps:
    """Pairs of lesions that share voxels: their numbers, and how many voxels they share.

    reference_count, prediction_count: lesions in each mask, with those that overlap none.
    """

    reference: Numbers
    prediction: Numbers
    shared: Numbers
    iou: NDArray[np.float64]
    reference_count: int
    prediction_count: int


@dataclass(frozen=True)
class Matching:
    """Lesions that were found, one to one. places: of ``Overlaps`` those that are matched."""

    places: Numbers
    true_positives: int
    false_positives: int
    false_negatives: int


def overlaps(
    reference: NDArray[np.int32],
    prediction: NDArray[np.int32],
    reference_sizes: Numbers,
    prediction_sizes: Numbers,
) -> Overlaps:
    """reference, prediction: the lesion numbers at each voxel that both masks hold; sizes: voxels
    of each lesion."""
    width = max(1, prediction_sizes.size)
    at_voxel = reference.astype(np.int64) * width + prediction
    # Neighbours mostly stand in the same two lesions: stretches first, as sorting is slow.
    ends = np.append(np.flatnonzero(np.diff(at_voxel)), at_voxel.size - 1)[: at_voxel.size]
    pairs, place = np.unique(at_voxel[ends], return_inverse=True)
    lengths = np.diff(ends, prepend=-1)
    shared = np.bincount(place, weights=lengths, minlength=pairs.size).astype(np.int64)
    one, other = np.divmod(pairs, width)
    union = reference_sizes[one] + prediction_sizes[other] - shared
    return Overlaps(one, other, shared, shared / union, reference_sizes.size, prediction_sizes.size)


def match(found: Overlaps, min_iou: float) -> Matching:
    """Pairs of an IoU of at least ``min_iou``, each lesion in one at most, of the largest total IoU
    (the assignment problem, solved apart for each group of lesions that touch one another). Among
    equal ones that of the largest total Dice, so more pairs rather than fewer, whatever the order
    of the lesions."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    fit = np.flatnonzero(found.iou >= min_iou)
    if not fit.size:
        return Matching(fit, 0, found.prediction_count, found.reference_count)
    total = found.reference_count + found.prediction_count
    one, other = found.reference[fit], found.prediction[fit] + found.reference_count
    graph = coo_array((np.ones(fit.size, np.int8), (one, other)), shape=(total, total))
    _, groups = connected_components(graph, directed=False)
    of_pair = groups[one]
    order = np.argsort(of_pair, kind="stable")
    sizes = np.unique(of_pair, return_counts=True)[1]
    places = [
        group if group.size == 1 else _assign(found, group)
        for group in np.split(fit[order], np.cumsum(sizes)[:-1])
    ]
    matched = np.sort(np.concatenate(places))
    return Matching(
        places=matched,
        true_positives=int(matched.size),
        false_positives=found.prediction_count - int(matched.size),
        false_negatives=found.reference_count - int(matched.size),
    )


def _assign(found: Overlaps, group: Numbers) -> Numbers:
    from scipy.optimize import linear_sum_assignment

    rows, row = np.unique(found.reference[group], return_inverse=True)
    columns, column = np.unique(found.prediction[group], return_inverse=True)
    gain = np.zeros((rows.size, columns.size))
    place = np.full(gain.shape, -1)
    iou = found.iou[group]
    gain[row, column], place[row, column] = iou + _TIE * (2.0 * iou / (1.0 + iou)), group
    chosen: Numbers = place[linear_sum_assignment(gain, maximize=True)]
    return chosen[chosen >= 0]
