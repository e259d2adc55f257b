"""Several experts' masks of one case: which reference is made of them, and for whom.

Masks are uint8 label arrays ``[z, y, x]`` of one shape; 0 is background. Recipes act per label.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError

Labels = NDArray[np.uint8]

STAPLE_MARGIN = 5
"""Voxels of background on each side of the union of masks. STAPLE takes the share of foreground in
what it is given as its prior, so that the result must not depend on how much lies around."""
STAPLE_ITERATIONS = 100
"""A cap: where readers have nothing in common the estimate creeps without end."""


class ReadersRefused(EvaluationError):
    """Masks of which no reference can be made."""


class Recipe(StrEnum):
    """How three or more masks become one."""

    MAJORITY = "majority"
    STAPLE = "staple"


def majority(masks: Sequence[Labels]) -> Labels:
    """Per voxel the label that more than half of the masks hold, else 0; one mask is itself.

    An empty mask is a vote for background. Raises ReadersRefused where there is no mask (code
    no_readers) or their shapes differ (different_shapes).
    """
    _check(masks)
    if len(masks) == 1:
        return masks[0]
    result = np.zeros_like(masks[0])
    for label in _labels(masks):
        result[_votes(masks, label) * 2 > len(masks)] = label
    return result


def staple(masks: Sequence[Labels], values: Collection[int]) -> Labels:
    """Each voxel whose probability, by SimpleITK's STAPLE of each of ``values``, is 0.5 or more.

    Where that holds of several labels the most probable takes the voxel; of equally probable ones
    that of the smallest value. Labels are estimated one by one, each in the box of all masks of it
    with STAPLE_MARGIN voxels around; one that nobody drew stays empty, one mask is itself. A mask
    that lacks a label takes part as a reader of sensitivity 0.

    Warfield et al., IEEE TMI 2004. Raises ReadersRefused: of two masks the estimate has no single
    solution, and what comes out is one of the two, their union or their intersection, as rounding
    has it (code staple_of_two); an estimate that is not finite (staple_failed); no_readers and
    different_shapes as ``majority``.
    """
    _check(masks)
    if len(masks) == 1:
        return masks[0]
    if len(masks) == 2:
        raise ReadersRefused(
            "staple_of_two",
            "STAPLE of two masks has no single solution; it needs three or more. "
            "Score against each of the two and take the mean.",
        )
    result = np.zeros_like(masks[0])
    outer = _box([mask > 0 for mask in masks])
    if outer is None:
        return result
    settled = result[outer]
    highest = np.zeros(settled.shape)
    for value in sorted(set(values) - {0}):
        drawn = [mask[outer] == value for mask in masks]
        inner = _box(drawn)
        if inner is None:
            continue
        probability = _foreground_probability([mask[inner] for mask in drawn])
        wins = (probability >= 0.5) & (probability > highest[inner])
        settled[inner][wins] = value
        highest[inner][wins] = probability[wins]
    return result


def reference_masks(masks: Sequence[Labels], recipe: Recipe) -> tuple[Labels, ...]:
    """The masks to score against, whose scores are averaged (``average_over_readers``).

    One reader: that mask. Two: both, whatever the recipe. Three or more: their consensus alone.
    Errors as ``majority`` and ``staple``.
    """
    _check(masks)
    if len(masks) <= 2:
        return tuple(masks)
    if recipe is Recipe.STAPLE:
        return (staple(masks, _labels(masks)),)
    return (majority(masks),)


def leave_one_out(
    masks: Mapping[str, Labels | None], recipe: Recipe
) -> dict[str, tuple[Labels, ...]]:
    """For each reader who read the case, the reference masks made of the *others*.

    None stands for a reader who did not read: never a vote, and not in the result. An empty mask is
    an annotation, and a vote. A reader whom no other can judge is not in the result.
    """
    read = {reader: mask for reader, mask in masks.items() if mask is not None}
    if len(read) < 2:
        return {}
    return {
        reader: reference_masks([read[other] for other in read if other != reader], recipe)
        for reader in read
    }


def soft_reference(masks: Sequence[Labels], value: int) -> NDArray[np.float32]:
    """The share of masks that hold ``value``, ``[z, y, x]``, 0 to 1. Errors as ``majority``."""
    _check(masks)
    return np.divide(_votes(masks, value), len(masks), dtype=np.float32)


def average_over_readers(values: Sequence[float | None]) -> float | None:
    """The mean of the values that apply; None where none does.

    So a metric that is null against one of two readers, whose mask is empty, is that of the other.
    """
    applicable = [value for value in values if value is not None]
    return float(np.mean(applicable)) if applicable else None


def _check(masks: Sequence[Labels]) -> None:
    if not masks:
        raise ReadersRefused("no_readers", "There is no mask; expected that of one reader or more.")
    shapes = sorted({mask.shape for mask in masks})
    if len(shapes) > 1:
        raise ReadersRefused(
            "different_shapes",
            f"The readers' masks have the shapes {', '.join(map(str, shapes))}; expected one. "
            "Draw or resample all of them on the grid of the PET image.",
        )


def _labels(masks: Sequence[Labels]) -> list[int]:
    return sorted({int(value) for mask in masks for value in np.unique(mask[mask > 0])})


def _votes(masks: Sequence[Labels], value: int) -> NDArray[np.uint16]:
    votes = np.zeros(masks[0].shape, np.uint16)
    for mask in masks:
        votes += mask == value
    return votes


def _box(drawn: Sequence[NDArray[np.bool_]]) -> tuple[slice, ...] | None:
    """The bounding box of the union of masks; None where all are empty."""
    hits = np.nonzero(np.logical_or.reduce(drawn))
    if not hits[0].size:
        return None
    return tuple(slice(int(hit.min()), int(hit.max()) + 1) for hit in hits)


def _foreground_probability(drawn: Sequence[NDArray[np.bool_]]) -> NDArray[np.float64]:
    # It costs seconds to import, and few challenges ask for STAPLE.
    import SimpleITK

    images = [
        SimpleITK.GetImageFromArray(np.pad(mask.astype(np.uint8), STAPLE_MARGIN)) for mask in drawn
    ]
    estimate = SimpleITK.STAPLEImageFilter()
    estimate.SetForegroundValue(1.0)
    estimate.SetMaximumIterations(STAPLE_ITERATIONS)
    padded: NDArray[np.float64] = SimpleITK.GetArrayFromImage(estimate.Execute(images))
    if not np.isfinite(padded).all():
        raise ReadersRefused(
            "staple_failed",
            f"STAPLE of {len(drawn)} masks found no estimate (NaN). "
            "Look at the masks, or choose the majority instead.",
        )
    within = slice(STAPLE_MARGIN, -STAPLE_MARGIN)
    return padded[within, within, within]
