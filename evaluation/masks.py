"""When a file is accepted as a mask: on the reference's grid, with declared values only."""

from collections.abc import Collection
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import MaskRefused
from evaluation.geometry import Geometry, side_by_side
from evaluation.volumes import open_volume, read_voxels


def read_mask(stream: BinaryIO, expected: Geometry, values: Collection[int]) -> NDArray[np.uint8]:
    """The mask in ``stream`` as uint8 ``[z, y, x]``; 0 is background, ``values`` are the labels.

    The grid is compared before a pixel is read. Raises VolumeRefused for a file that cannot be
    read, MaskRefused for one on another grid (code wrong_grid) or with other values (wrong_values).
    """
    header, pixels = open_volume(stream)
    differences = expected.differences(header.geometry)
    if differences:
        raise MaskRefused(
            "wrong_grid",
            f"The mask differs from the PET image in {', '.join(differences)}. "
            "Copy the PET image's geometry to the mask (SimpleITK: mask.CopyInformation(pet)).\n"
            + side_by_side(expected, header.geometry),
        )
    return label_values(read_voxels(header, pixels), values)


def label_values(voxels: NDArray[np.generic], values: Collection[int]) -> NDArray[np.uint8]:
    """``voxels`` as uint8 where each is 0 or one of ``values``, else MaskRefused."""
    allowed = sorted({0, *values})
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        raise MaskRefused(
            "wrong_values",
            f"The mask holds NaN or infinity; expected only {allowed}. "
            "Write whole numbers, as uint8.",
        )
    declared = np.zeros(voxels.shape, bool)
    for value in allowed:
        declared |= voxels == value
    strange = np.unique(voxels[~declared])
    if strange.size:
        shown = ", ".join(f"{value:g}" for value in strange[:6].tolist())
        more = f" and {strange.size - 6} more" if strange.size > 6 else ""
        raise MaskRefused(
            "wrong_values",
            f"The mask holds the value{'s' if strange.size > 1 else ''} {shown}{more}; "
            f"expected only {allowed}. Write labels, not probabilities or 255.",
        )
    return voxels.astype(np.uint8)
