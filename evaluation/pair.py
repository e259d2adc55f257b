"""A reference and a predicted mask of one label: what metrics share is computed once, here."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from evaluation.components import Components, components
from evaluation.distances import REACH, Engine, Frame, Indices, Millimetres, nearest_mm
from evaluation.errors import EvaluationError
from evaluation.geometry import Geometry
from evaluation.lesions import Matching, Overlaps, match, overlaps
from evaluation.volumes import Box

SUV_MARGIN_MM = (3000.0 / (4.0 * math.pi)) ** (1.0 / 3.0)
"""Radius of a sphere of 1 cm³, 6.204 mm: SUVpeak looks this far beyond a mask."""
_IN_REFERENCE, _IN_PREDICTION, _REFERENCE_BORDER, _PREDICTION_BORDER = 1, 2, 4, 8


@dataclass(frozen=True)
class PetRegion:
    """SUV (g/ml, float32 ``[z, y, x]``) in a box of the reference's grid, which must hold all drawn
    voxels and SUV_MARGIN_MM around them, as far as the image goes.

    Raises EvaluationError (code pet_not_finite) where it holds NaN or infinity.
    """

    suv: NDArray[np.float32]
    box: Box

    def __post_init__(self) -> None:
        if not np.isfinite(self.suv).all():
            raise EvaluationError("pet_not_finite", "The PET image holds NaN or infinity.")

    @classmethod
    def whole(cls, suv: NDArray[np.float32]) -> "PetRegion":
        z, y, x = suv.shape
        return cls(suv, Box((0, 0, 0), (z, y, x)))


@dataclass(frozen=True)
class Side:
    """One of the two masks within the pair's frame. voxels: flat indices there, ascending."""

    voxels: Indices
    geometry: Geometry
    frame: Frame
    pet: PetRegion | None

    @property
    def ml(self) -> float:
        return self.voxels.size * self.geometry.voxel_volume_ml

    @cached_property
    def lesions(self) -> Components:
        """Its connected components (18-connectivity)."""
        return components(self.voxels, self.frame)

    @cached_property
    def lesions_ml(self) -> NDArray[np.float64]:
        return np.asarray(self.lesions.sizes * self.geometry.voxel_volume_ml, np.float64)

    @cached_property
    def centroids_mm(self) -> NDArray[np.float64]:
        """Of each lesion, ``[n, (z, y, x)]`` in mm from the frame's first voxel."""
        of_voxel, sizes = self.lesions.of_voxel, self.lesions.sizes
        axes = self.frame.coordinates(self.voxels).T
        sums = [np.bincount(of_voxel, weights=axis, minlength=sizes.size) for axis in axes]
        means = np.stack(sums, axis=1) / sizes[:, None]
        return np.asarray(means * np.array(self.frame.spacing), np.float64)

    @property
    def region(self) -> PetRegion:
        """Raises EvaluationError (code needs_pet) where there is no PET."""
        if self.pet is None:
            raise EvaluationError("needs_pet", "SUV metrics need the PET image; give it.")
        return self.pet

    @cached_property
    def suv(self) -> NDArray[np.float64]:
        """SUV of each voxel. Raises EvaluationError (code needs_pet)."""
        at = self.frame.coordinates(self.voxels) + np.array(self.frame.start)
        z, y, x = (at - np.array(self.region.box.start)).T
        values: NDArray[np.float64] = self.region.suv[z, y, x].astype(np.float64)
        return values


class Pair:
    """Geometry and voxel volume are the reference's, never the submission's.

    reference, prediction: indices of the drawn voxels in the volume ``[z, y, x]``, C order,
    ascending. threads: for the search of neighbours; no result depends on it.
    """

    def __init__(
        self,
        reference: NDArray[np.int32],
        prediction: NDArray[np.int32],
        geometry: Geometry,
        *,
        pet: PetRegion | None = None,
        threads: int = 1,
        engine: Engine = Engine.AUTO,
    ) -> None:
        self.geometry, self._threads, self._engine = geometry, threads, engine
        self.frame, (inside_r, inside_p) = _framed(reference, prediction, geometry)
        if pet is not None and (reference.size or prediction.size):
            _require_covered(self.frame, pet.box)
        self.reference = Side(inside_r, geometry, self.frame, pet)
        self.prediction = Side(inside_p, geometry, self.frame, pet)
        self._matchings: dict[float, Matching] = {}

    @classmethod
    def of_arrays(
        cls,
        reference: NDArray[np.bool_],
        prediction: NDArray[np.bool_],
        geometry: Geometry,
        pet: PetRegion | None = None,
        engine: Engine = Engine.AUTO,
    ) -> "Pair":
        """From boolean arrays ``[z, y, x]``."""
        drawn = [np.flatnonzero(mask).astype(np.int32) for mask in (reference, prediction)]
        return cls(drawn[0], drawn[1], geometry, pet=pet, engine=engine)

    def without_prediction(self) -> Self:
        """The same reference beside an empty mask: what a missing result counts as."""
        empty = object.__new__(type(self))
        empty.__dict__.update(
            geometry=self.geometry,
            frame=self.frame,
            reference=self.reference,
            prediction=replace(self.prediction, voxels=np.empty(0, np.int64)),
            _threads=self._threads,
            _engine=self._engine,
            _matchings={},
        )
        return empty

    @cached_property
    def _cells(self) -> NDArray[np.uint8]:
        """The frame, with a bit for each mask and later for each border."""
        cells = np.zeros(self.frame.voxels, np.uint8)
        cells[self.reference.voxels] = _IN_REFERENCE
        cells[self.prediction.voxels] |= _IN_PREDICTION
        return cells

    @cached_property
    def in_both(self) -> NDArray[np.bool_]:
        """For each voxel of the reference whether it is in the prediction too."""
        drawn: NDArray[np.bool_] = (self._cells[self.reference.voxels] & _IN_PREDICTION) != 0
        return drawn

    @cached_property
    def intersection_voxels(self) -> int:
        return int(np.count_nonzero(self.in_both))

    @cached_property
    def borders(self) -> tuple[Indices, Indices]:
        """B(R) and B(P): voxels with a face neighbour outside their mask, and outside the array
        counts as outside."""
        dense = 8 * max(self.reference.voxels.size, self.prediction.voxels.size)
        found = self._dense_borders() if dense > self.frame.voxels else self._sparse_borders()
        for border, bit in zip(found, (_REFERENCE_BORDER, _PREDICTION_BORDER), strict=True):
            self._cells[border] |= bit
        return found

    def _sparse_borders(self) -> tuple[Indices, Indices]:
        borders = []
        for side, inside in ((self.reference, _IN_REFERENCE), (self.prediction, _IN_PREDICTION)):
            surrounded = np.full(side.voxels.size, inside, np.uint8)
            for stride in self.frame.strides:
                surrounded &= self._cells[side.voxels + stride]
                surrounded &= self._cells[side.voxels - stride]
            borders.append(side.voxels[surrounded == 0])
        return borders[0], borders[1]

    def _dense_borders(self) -> tuple[Indices, Indices]:
        """The same by shifted views of the whole frame."""
        surrounded = self._cells.copy()
        for stride in self.frame.strides:
            surrounded[stride:] &= self._cells[:-stride]
            surrounded[:-stride] &= self._cells[stride:]
        border = self._cells & ~surrounded
        return np.flatnonzero(border & _IN_REFERENCE), np.flatnonzero(border & _IN_PREDICTION)

    @cached_property
    def reference_to_prediction_mm(self) -> Millimetres:
        """D_RP: from each border voxel of R to the nearest border voxel of P, mm."""
        reference, prediction = self.borders
        return self._nearest(reference, prediction, _PREDICTION_BORDER)

    @cached_property
    def prediction_to_reference_mm(self) -> Millimetres:
        """D_PR: from each border voxel of P to the nearest border voxel of R, mm."""
        reference, prediction = self.borders
        return self._nearest(prediction, reference, _REFERENCE_BORDER)

    def _nearest(self, start: Indices, target: Indices, bit: int) -> Millimetres:
        return nearest_mm(
            start,
            target,
            self._cells,
            bit,
            self.frame,
            threads=self._threads,
            engine=self._engine,
        )

    @cached_property
    def overlaps(self) -> Overlaps:
        """Which lesions of R and P share voxels, and how many."""
        in_reference = (self._cells[self.prediction.voxels] & _IN_REFERENCE) != 0
        return overlaps(
            self.reference.lesions.of_voxel[self.in_both],
            self.prediction.lesions.of_voxel[in_reference],
            self.reference.lesions.sizes,
            self.prediction.lesions.sizes,
        )

    def matching(self, min_iou: float) -> Matching:
        """Lesions of R and P one to one, IoU at least ``min_iou``, by the largest total IoU."""
        if min_iou not in self._matchings:
            self._matchings[min_iou] = match(self.overlaps, min_iou)
        return self._matchings[min_iou]


def _require_covered(frame: Frame, box: Box) -> None:
    """Raises EvaluationError (code pet_too_small) where a drawn voxel lies outside the PET."""
    for low, size, start, stop in zip(frame.start, frame.shape, box.start, box.stop, strict=True):
        if low + REACH < start or low + size - REACH > stop:
            raise EvaluationError(
                "pet_too_small",
                f"The PET holds the voxels {box.start} to {box.stop} (z, y, x), and something is "
                "drawn outside; give the PET on the reference's grid.",
            )


def _framed(
    reference: NDArray[np.int32], prediction: NDArray[np.int32], geometry: Geometry
) -> tuple[Frame, tuple[Indices, Indices]]:
    """The frame round both masks, and their voxels in it."""
    _, ny, nx = geometry.shape
    coordinates = []
    for voxels in (reference, prediction):
        rows = voxels // nx
        slices = rows // ny
        coordinates.append((slices, rows - slices * ny, voxels - rows * nx))
    start, shape = [], []
    for one, other in zip(*coordinates, strict=True):
        ends = [end for axis in (one, other) if axis.size for end in (axis.min(), axis.max())]
        low, high = (int(min(ends)), int(max(ends))) if ends else (0, 0)
        start.append(low - REACH)
        shape.append(high - low + 1 + 2 * REACH)
    sx, sy, sz = geometry.spacing
    frame = Frame((start[0], start[1], start[2]), (shape[0], shape[1], shape[2]), (sz, sy, sx))
    inside = []
    for slices, rows, columns in coordinates:
        flat = (slices - start[0]).astype(np.int64)
        for stride, first, axis in ((shape[1], start[1], rows), (shape[2], start[2], columns)):
            flat *= stride
            flat += axis
            flat -= first
        inside.append(flat)
    return frame, (inside[0], inside[1])
