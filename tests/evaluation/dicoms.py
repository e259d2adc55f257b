"""DICOM files of a few pixels, made by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    PositronEmissionTomographyImageStorage,
    RTStructureSetStorage,
    SegmentationStorage,
    generate_uid,
)

from evaluation.geometry import Geometry

GRID = Geometry(size=(6, 5, 4), spacing=(2.0, 3.0, 4.0), origin=(-10.0, 20.0, -300.0))
FRAME = generate_uid()


def empty(kind: UID, **tags: Any) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = kind
    uid = generate_uid()
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = uid
    dataset.PatientID, dataset.FrameOfReferenceUID = "P-01", FRAME
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    return dataset


def written(folder: Path, datasets: Sequence[Dataset], start: str = "") -> tuple[Path, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = tuple(folder / f"{start}{number:03}" for number in range(len(datasets)))
    for path, dataset in zip(paths, datasets, strict=True):
        dataset.save_as(path, enforce_file_format=True)
    return paths


def placed(dataset: Dataset, grid: Geometry, k: int) -> Dataset:
    x, y, z = grid.origin
    dataset.ImagePositionPatient = [x, y, z + k * grid.spacing[2]]
    dataset.ImageOrientationPatient = list(grid.direction[:6])
    dataset.PixelSpacing = [grid.spacing[1], grid.spacing[0]]
    return dataset


def with_pixels(dataset: Dataset, pixels: NDArray[np.int16]) -> Dataset:
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    dataset.PixelData = pixels.astype("<i2").tobytes()
    return dataset


def ct_series(grid: Geometry = GRID, **tags: Any) -> list[Dataset]:
    """Slices of the value of their number, stored with 1024 more."""
    series = generate_uid()
    made = []
    for k in range(grid.size[2]):
        dataset = empty(CTImageStorage, Modality="CT", SeriesInstanceUID=series, **tags)
        dataset.RescaleSlope, dataset.RescaleIntercept = "1", "-1024"
        pixels = np.full((grid.size[1], grid.size[0]), 1024 + k, np.int16)
        made.append(with_pixels(placed(dataset, grid, k), pixels))
    return made


def pet_series(grid: Geometry = GRID, **tags: Any) -> list[Dataset]:
    """Slices in Bq/ml that are 70 000 g / 350 MBq, an hour decayed, of an SUV."""
    series = generate_uid()
    made = []
    for k in range(grid.size[2]):
        dataset = empty(
            PositronEmissionTomographyImageStorage, Modality="PT", SeriesInstanceUID=series
        )
        dataset.CorrectedImage, dataset.Units = ["ATTN", "DECY"], "BQML"
        dataset.DecayCorrection, dataset.PatientWeight = "START", "70"
        dataset.SeriesDate = dataset.AcquisitionDate = "20240229"
        dataset.SeriesTime = dataset.AcquisitionTime = "110000.00"
        item = Dataset()
        item.RadionuclideTotalDose, item.RadionuclideHalfLife = "3.5E8", "6586.2"
        item.RadiopharmaceuticalStartTime = "100000"
        dataset.RadiopharmaceuticalInformationSequence = [item]
        dataset.RescaleSlope, dataset.RescaleIntercept = "2", "0"
        for keyword, value in tags.items():
            setattr(dataset, keyword, value)
        pixels = np.full((grid.size[1], grid.size[0]), 1000 * (k + 1), np.int16)
        made.append(with_pixels(placed(dataset, grid, k), pixels))
    return made


def contours_of(polygons: Sequence[Sequence[tuple[float, float]]], k: float, grid: Geometry = GRID):
    """ContourData of polygons in voxels of slice ``k``."""
    turn = np.array(grid.direction).reshape(3, 3)
    made = []
    for polygon in polygons:
        points = np.array([(x, y, k) for x, y in polygon]) * grid.spacing @ turn.T
        made.append([f"{value:.10g}" for value in (points + grid.origin).ravel()])
    return made


def rtstruct(rois: dict[str, list[list[str]]], refers_to: str = "", **tags: Any) -> Dataset:
    """ROIs by name, each of contours as ``contours_of`` makes them."""
    dataset = empty(RTStructureSetStorage, Modality="RTSTRUCT", **tags)
    dataset.StructureSetROISequence, dataset.ROIContourSequence = [], []
    for number, (name, contours) in enumerate(rois.items(), start=1):
        roi, drawn = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, name
        drawn.ReferencedROINumber, drawn.ContourSequence = number, []
        for data in contours:
            contour = Dataset()
            contour.ContourGeometricType = "CLOSED_PLANAR"
            contour.NumberOfContourPoints = len(data) // 3
            contour.ContourData = data
            drawn.ContourSequence.append(contour)
        dataset.StructureSetROISequence.append(roi)
        dataset.ROIContourSequence.append(drawn)
    if refers_to:
        series, study, frame = Dataset(), Dataset(), Dataset()
        series.SeriesInstanceUID = refers_to
        study.RTReferencedSeriesSequence = [series]
        frame.RTReferencedStudySequence, frame.FrameOfReferenceUID = [study], FRAME
        dataset.ReferencedFrameOfReferenceSequence = [frame]
    return dataset


def seg(
    segments: dict[str, NDArray[np.uint8]], grid: Geometry = GRID, kind: str = "BINARY", **tags: Any
) -> Dataset:
    """Masks ``[z, y, x]`` by label, of which the empty slices are left out."""
    dataset = empty(SegmentationStorage, Modality="SEG", SegmentationType=kind, **tags)
    dataset.SegmentSequence, dataset.PerFrameFunctionalGroupsSequence, frames = [], [], []
    for number, (label, mask) in enumerate(segments.items(), start=1):
        segment = Dataset()
        segment.SegmentNumber, segment.SegmentLabel = number, label
        dataset.SegmentSequence.append(segment)
        for k in np.flatnonzero(mask.any(axis=(1, 2))):
            frame, identified, place = Dataset(), Dataset(), Dataset()
            identified.ReferencedSegmentNumber = number
            x, y, z = grid.origin
            place.ImagePositionPatient = [x, y, z + int(k) * grid.spacing[2]]
            frame.SegmentIdentificationSequence, frame.PlanePositionSequence = [identified], [place]
            dataset.PerFrameFunctionalGroupsSequence.append(frame)
            frames.append(mask[k])
    shared, measures, turn = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [grid.spacing[1], grid.spacing[0]]
    measures.SpacingBetweenSlices = grid.spacing[2]
    turn.ImageOrientationPatient = list(grid.direction[:6])
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [turn]
    dataset.SharedFunctionalGroupsSequence = [shared]
    stacked = np.array(frames, np.uint8)
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = stacked.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.PixelRepresentation = 0
    bits = 1 if kind == "BINARY" else 8
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    if kind == "FRACTIONAL":
        dataset.MaximumFractionalValue = 255
    packed = np.packbits(stacked, bitorder="little") if bits == 1 else stacked
    content = packed.tobytes()
    dataset.PixelData = content + bytes(len(content) % 2)
    return dataset
