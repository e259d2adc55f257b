"""Lesions that a prediction missed, and those that it drew where there is none, as a mask."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from evaluation.lesions import Numbers
from evaluation.masks import DrawnMask
from evaluation.pair import Pair
from evaluation.spec import EvaluationSpec

MISSED = 1
"""Bit of the voxels of a reference's lesion that no lesion of the prediction is matched to."""
FALSE = 2
"""Bit of the voxels of a prediction's lesion that is matched to none of the reference. A voxel may
have both: two lesions that overlap by less than the challenge asks for."""
DEFAULT_MIN_IOU = 0.1


def least_iou(spec: EvaluationSpec) -> float:
    """At which the challenge counts a lesion as found; the catalogue's own where it says none."""
    for metric in spec.every:
        if "min_iou" in metric.settings:
            return float(metric.settings["min_iou"])
    return DEFAULT_MIN_IOU


def marked(
    reference: DrawnMask, prediction: DrawnMask | None, labels: Iterable[int], min_iou: float
) -> NDArray[np.uint8]:
    """MISSED and FALSE at each voxel ``[z, y, x]`` of the reference's grid, of each label apart.

    Lesions are what the scorer counts: 18-connected components, matched one to one at an IoU of at
    least ``min_iou``. prediction: on the same grid; None where there is no usable result, so that
    every lesion is missed.
    """
    marks = np.zeros(reference.geometry.voxels, np.uint8)
    for label in labels:
        for voxels, mark in _of_label(reference, prediction, label, min_iou):
            marks[voxels] |= mark
    return marks.reshape(reference.geometry.shape)


def _of_label(
    reference: DrawnMask, prediction: DrawnMask | None, label: int, min_iou: float
) -> Iterator[tuple[NDArray[np.int32], int]]:
    held = reference.where(label)
    drawn = np.empty(0, np.int32) if prediction is None else prediction.where(label)
    pair = Pair(held, drawn, reference.geometry)
    places = pair.matching(min_iou).places
    missed = _others(pair.reference.lesions.count, pair.overlaps.reference[places])
    false = _others(pair.prediction.lesions.count, pair.overlaps.prediction[places])
    yield held[missed[pair.reference.lesions.of_voxel]], MISSED
    yield drawn[false[pair.prediction.lesions.of_voxel]], FALSE


def _others(count: int, matched: Numbers) -> NDArray[np.bool_]:
    """For each lesion whether it is not among ``matched``."""
    found = np.ones(count, bool)
    found[matched] = False
    return found
