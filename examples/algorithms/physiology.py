"""Which way is up in a PET, and which uptake is normal: what is known from position alone.

With PHYSIOLOGICAL=drop in the environment a baseline leaves out the components of its mask that lie
where a whole body shows brain, bladder, heart and kidneys. The default, keep, scores every voxel
that the threshold takes, as published figures for fixed thresholds do.
"""

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

if TYPE_CHECKING:
    from examples.algorithms import petio
else:
    import petio

Vector = NDArray[np.float64]
BODY_SUV = 0.2
BRAIN_ML = 300.0
BLADDER_ML = 15.0


class Organ(NamedTuple):
    """Level from the brain's base (0) to the bladder (1); mm to the left of the midline."""

    level: tuple[float, float]
    left: tuple[float, float]
    smallest_ml: float


ORGANS = (
    Organ((0.40, 0.66), (5, 95), 8.0),  # heart
    Organ((0.64, 0.90), (25, 110), 2.0),  # left kidney
    Organ((0.64, 0.90), (-110, -25), 2.0),  # right kidney
)


def upright(volume: NDArray[Any], header: "petio.Header") -> tuple[NDArray[Any], Vector]:
    """A view of `volume` [z, y, x] that grows to head, back and left; voxel size (z, y, x) mm."""
    spacing = np.array([float(s) for s in header.get("ElementSpacing", "1 1 1").split()])
    matrix = header.get("TransformMatrix", "1 0 0 0 1 0 0 0 1").split()
    axes = np.array([float(value) for value in matrix]).reshape(3, 3)
    along = np.abs(axes).argmax(axis=1)
    if sorted(along) != [0, 1, 2]:
        petio.stop("the PET's axes are too oblique to tell head from foot")
    flipped = tuple(2 - i for i in range(3) if axes[i, along[i]] < 0)
    order = [2 - int(np.flatnonzero(along == axis)[0]) for axis in (2, 1, 0)]
    return np.flip(volume, flipped).transpose(order), spacing[[2 - axis for axis in order]]


def outline(suv: "petio.Pet", spacing: Vector) -> tuple["petio.Pet", "petio.Mask", float]:
    """Of an upright PET: smoothed SUV, the body, and the index of its midline along x."""
    smooth = ndimage.gaussian_filter(suv, 5.0 / spacing)
    body = np.stack([ndimage.binary_fill_holes(plane) for plane in smooth > BODY_SUV])
    middle = float(np.median(np.nonzero(body)[2])) if body.any() else (suv.shape[2] - 1) / 2
    return smooth, body, middle


def apply(case: "petio.Case", mask: "petio.Mask") -> "petio.Mask":
    """`mask`, without physiological uptake where PHYSIOLOGICAL=drop asks for that."""
    choice = os.environ.get("PHYSIOLOGICAL") or "keep"
    if choice not in ("keep", "drop"):
        petio.stop(f"PHYSIOLOGICAL is {choice!r}, expected keep or drop")
    return without_organs(case, mask) if choice == "drop" else mask


def without_organs(case: "petio.Case", mask: "petio.Mask") -> "petio.Mask":
    """Drop 18-connected components by position; a field without a brain is left as it is."""
    suv, spacing = upright(case.suv, case.header)
    view, _ = upright(mask, case.header)
    labels, count = ndimage.label(view, ndimage.generate_binary_structure(3, 2))
    if not count:
        return mask
    index = np.arange(1, count + 1)
    millilitres = np.bincount(labels.ravel(), minlength=count + 1)[1:] * spacing.prod() / 1000
    middle = outline(suv, spacing)[2]
    centres = np.array(ndimage.center_of_mass(view, labels, index)).reshape(count, 3)
    heights, left = centres[:, 0] * spacing[0], (centres[:, 2] - middle) * spacing[2]
    field = suv.shape[0] * spacing[0]
    brain = (heights > 0.75 * field) & (millilitres >= BRAIN_ML)
    if not brain.any():
        return mask
    boxes = ndimage.find_objects(labels)
    base = min(boxes[i][0].start for i in np.flatnonzero(brain)) * spacing[0]
    bladder = (np.abs(left) < 40) & (heights < 0.3 * field) & (millilitres >= BLADDER_ML)
    drop = brain | bladder
    if bladder.any():
        floor = heights[bladder][np.argmax(millilitres[bladder])]
        level = (base - heights) / max(base - floor, 1.0)
        for organ in ORGANS:
            near = (level > organ.level[0]) & (level < organ.level[1])
            near &= (left > organ.left[0]) & (left < organ.left[1])
            drop |= near & (millilitres >= organ.smallest_ml)
    kept = mask.copy()
    target, _ = upright(kept, case.header)
    target[np.isin(labels, index[drop])] = False
    return kept
