"""Masks: when a file is accepted as one, and the form in which it is measured."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError, MaskRefused
from evaluation.geometry import Geometry, side_by_side
from evaluation.volumes import MAX_VOXELS, chunks, open_volume

_MOST_STRANGE = 1000


@dataclass(frozen=True)
class DrawnMask:
    """A label map, kept as what is drawn in it: of a whole body that is one voxel in a thousand.

    voxels: indices into ``[z, y, x]`` in C order, ascending (int32 ``[n]``); labels: the value of
    each (uint8 ``[n]``, never 0).
    """

    geometry: Geometry
    voxels: NDArray[np.int32]
    labels: NDArray[np.uint8]

    @classmethod
    def from_array(cls, array: NDArray[np.uint8], geometry: Geometry) -> "DrawnMask":
        """``array`` is ``[z, y, x]``. Raises EvaluationError where its shape is another."""
        if array.shape != geometry.shape:
            raise EvaluationError(
                "wrong_shape", f"The mask has shape {array.shape}; expected {geometry.shape}."
            )
        flat = np.ascontiguousarray(array).ravel()
        drawn = np.flatnonzero(flat != 0)
        return cls(geometry, drawn.astype(np.int32), flat[drawn].astype(np.uint8, copy=False))

    def to_array(self) -> NDArray[np.uint8]:
        array = np.zeros(self.geometry.voxels, np.uint8)
        array[self.voxels] = self.labels
        return array.reshape(self.geometry.shape)

    def where(self, label: int) -> NDArray[np.int32]:
        """The indices of the voxels of one label."""
        chosen: NDArray[np.int32] = self.voxels[self.labels == label]
        return chosen


def read_mask(
    source: Path | BinaryIO,
    expected: Geometry | None,
    values: Collection[int],
    *,
    max_voxels: int = MAX_VOXELS,
) -> DrawnMask:
    """The mask in a file, where 0 is background and ``values`` are the labels.

    The grid is compared before a pixel is read; ``expected`` is None for a reference, which brings
    its own. No array of the whole volume is made. Raises VolumeRefused for a file that cannot be
    read, MaskRefused for one on another grid (code wrong_grid) or with other values (wrong_values).
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            return read_mask(file, expected, values, max_voxels=max_voxels)
    header, pixels = open_volume(source, max_voxels=max_voxels)
    if expected is not None:
        require_grid(expected, header.geometry)
    allowed = sorted({0, *values})
    strange: NDArray[np.generic] = np.empty(0)
    voxels: list[NDArray[np.int32]] = []
    labels: list[NDArray[np.uint8]] = []
    for start, chunk in chunks(header, pixels):
        if not _anything(chunk):
            continue
        # NaN is not 0 either, so it is among the values that are looked at.
        drawn = np.flatnonzero(chunk != 0)
        found = chunk[drawn]
        strange = np.union1d(strange, _undeclared(found, allowed))
        if strange.size > _MOST_STRANGE:
            break
        drawn += start
        voxels.append(drawn.astype(np.int32))
        with np.errstate(invalid="ignore"):  # NaN is refused below
            labels.append(found.astype(np.uint8))
    _require_declared(strange, allowed)
    return DrawnMask(
        expected or header.geometry,
        np.concatenate(voxels) if voxels else np.empty(0, np.int32),
        np.concatenate(labels) if labels else np.empty(0, np.uint8),
    )


def require_grid(expected: Geometry, found: Geometry) -> None:
    """Raises MaskRefused (code wrong_grid) where a mask lies on another grid than its image."""
    differences = expected.differences(found)
    if differences:
        raise MaskRefused(
            "wrong_grid",
            f"The mask differs from the PET image in {', '.join(differences)}. "
            "Copy the PET image's geometry to the mask (SimpleITK: mask.CopyInformation(pet)).\n"
            + side_by_side(expected, found),
        )


def label_values(voxels: NDArray[np.generic], values: Collection[int]) -> NDArray[np.uint8]:
    """``voxels`` as uint8 where each is 0 or one of ``values``, else MaskRefused."""
    allowed = sorted({0, *values})
    _require_declared(_undeclared(voxels, allowed), allowed)
    return voxels.astype(np.uint8)


def _anything(chunk: NDArray[np.generic]) -> bool:
    """Whether any byte is not 0; eight at a time, as most of a mask is background."""
    wide = chunk.nbytes % 8 == 0 and chunk.flags.aligned
    return bool((chunk.view(np.uint64) if wide else chunk).any())


def _undeclared(found: NDArray[np.generic], allowed: list[int]) -> NDArray[np.generic]:
    """The distinct values that are not allowed, NaN and infinity among them."""
    if found.dtype == np.uint8:
        known = np.zeros(256, bool)
        known[allowed] = True
        declared = known[found]
    else:
        declared = np.zeros(found.shape, bool)
        for value in allowed:
            declared |= found == value
    return np.empty(0, found.dtype) if declared.all() else np.unique(found[~declared])


def _require_declared(strange: NDArray[np.generic], allowed: list[int]) -> None:
    if not strange.size:
        return
    if strange.dtype.kind == "f" and not np.isfinite(strange).all():
        raise MaskRefused(
            "wrong_values",
            f"The mask holds NaN or infinity; expected only {allowed}. "
            "Write whole numbers, as uint8.",
        )
    shown = ", ".join(
        f"{value:g}" if isinstance(value, float) else str(value) for value in strange[:6].tolist()
    )
    more = f" and {strange.size - 6} more" if strange.size > 6 else ""
    raise MaskRefused(
        "wrong_values",
        f"The mask holds the value{'s' if strange.size > 1 else ''} {shown}{more}; "
        f"expected only {allowed}. Write labels, not probabilities or 255.",
    )
