"""The consensus of masks that are kept in files, without an array of the whole volume for each."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.geometry import Geometry
from evaluation.masks import DrawnMask, read_mask
from evaluation.readers import Labels, ReadersRefused, Recipe, reference_masks


def consensus_of_files(files: Sequence[Path], values: Collection[int], recipe: Recipe) -> DrawnMask:
    """What three or more masks of one grid become by ``recipe``; ``values`` are the labels.

    The same as ``reference_masks`` of whole arrays, worked out in the box that holds all that is
    drawn. Raises ReadersRefused as that does, and for fewer than three (code too_few_readers);
    what ``masks.read_mask`` raises, for one on another grid than the first's too.
    """
    if len(files) < 3:
        raise ReadersRefused(
            "too_few_readers",
            f"A consensus of {len(files)} was asked for; expected three masks or more. "
            "Score against each and take the mean.",
        )
    first = read_mask(files[0], None, values)
    masks = [first, *(read_mask(path, first.geometry, values) for path in files[1:])]
    box = _box(masks)
    (consensus,) = reference_masks([_within(mask, box) for mask in masks], recipe)
    return _whole(consensus, box, first.geometry)


Box = tuple[slice, slice, slice]


def _box(masks: Sequence[DrawnMask]) -> Box:
    """That holds whatever is drawn in any of them, ``[z, y, x]``; a voxel where nothing is."""
    shape = masks[0].geometry.shape
    drawn = np.concatenate([mask.voxels for mask in masks])
    axes = np.unravel_index(drawn if drawn.size else np.zeros(1, np.int32), shape)
    z, y, x = (slice(int(axis.min()), int(axis.max()) + 1) for axis in axes)
    return z, y, x


def _within(mask: DrawnMask, box: Box) -> Labels:
    shape = tuple(edge.stop - edge.start for edge in box)
    array: NDArray[np.uint8] = np.zeros(shape, np.uint8)
    axes = np.unravel_index(mask.voxels, mask.geometry.shape)
    array[tuple(axis - edge.start for axis, edge in zip(axes, box, strict=True))] = mask.labels
    return array


def _whole(part: Labels, box: Box, geometry: Geometry) -> DrawnMask:
    """``voxels`` of a DrawnMask ascend, as indices of a box in C order do."""
    axes = np.nonzero(part)
    places = tuple(axis + edge.start for axis, edge in zip(axes, box, strict=True))
    voxels = np.ravel_multi_index(places, geometry.shape)
    return DrawnMask(geometry, voxels.astype(np.int32), part[axes])
