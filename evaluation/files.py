"""Read what scoring needs from files, and score two of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from evaluation.errors import EvaluationError
from evaluation.geometry import Geometry
from evaluation.maps import kept_map
from evaluation.masks import DrawnMask, read_mask
from evaluation.pair import SUV_MARGIN_MM, PetRegion
from evaluation.scoring import CaseScore, Confidence, score_masks
from evaluation.spec import EvaluationSpec
from evaluation.volumes import Box, open_volume, read_box


def score_files(
    reference: Path | BinaryIO,
    prediction: Path | BinaryIO | None,
    spec: EvaluationSpec,
    *,
    pet: Path | BinaryIO | None = None,
    probability: Path | BinaryIO | None = None,
    stated: float | None = None,
) -> CaseScore:
    """Score a prediction's file against a reference's; None where there is no usable result.

    ``pet``: SUVbw on the reference's grid, read where a metric needs it. ``probability``: the kept
    map of the prediction (``maps.kept_map``), or ``stated`` the one probability, where the
    challenge asks for it. Raises what ``read_mask``, ``read_pet``, ``kept_map`` and ``score_masks``
    raise.
    """
    values = spec.labels.values()
    masks = [read_mask(reference, None, values)]
    if prediction is not None:
        masks.append(read_mask(prediction, masks[0].geometry, values))
    region = read_pet(pet, masks) if spec.needs_pet and pet is not None else None
    confidence: Confidence | None = stated
    if probability is not None:
        confidence = kept_map(probability, masks[0].geometry)
    answer = masks[1] if prediction is not None else None
    return score_masks(masks[0], answer, spec, pet=region, confidence=confidence)


def geometry_of(path: Path) -> Geometry:
    """The grid of a volume, by its header."""
    with path.open("rb") as file:
        return open_volume(file)[0].geometry


def read_pet(pet: Path | BinaryIO, masks: Sequence[DrawnMask]) -> PetRegion:
    """The part of the PET in which masks of one grid lie, with the margin that SUVpeak needs.

    Raises EvaluationError (wrong_grid, pet_not_finite) and what reading a volume raises.
    """
    if isinstance(pet, Path):
        with pet.open("rb") as file:
            return read_pet(file, masks)
    drawn = np.concatenate([mask.voxels for mask in masks])
    grid = masks[0].geometry
    shape, spacing = grid.shape, grid.spacing[::-1]
    start, stop = [], []
    for axis, count, edge in zip(np.unravel_index(drawn, shape), shape, spacing, strict=True):
        margin = int(SUV_MARGIN_MM / edge) + 1
        low, high = (int(axis.min()), int(axis.max())) if axis.size else (0, 0)
        start.append(max(0, low - margin))
        stop.append(min(count, high + margin + 1))
    box = Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    header, pixels = open_volume(pet)
    differences = grid.differences(header.geometry)
    if differences:
        raise EvaluationError(
            "wrong_grid",
            f"The PET differs from the reference in {', '.join(differences)}; "
            "give the image that the reference was drawn on.",
        )
    return PetRegion(read_box(header, pixels, box).astype(np.float32, copy=False), box)
