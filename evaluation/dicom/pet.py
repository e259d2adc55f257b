"""A PET series in DICOM files, read as one volume of SUVbw."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from evaluation.dicom.reading import (
    as_number,
    as_text,
    items_of,
    number_of,
    private_value,
    value_of,
)
from evaluation.dicom.slices import (
    frame_problems,
    geometry,
    grid_problems,
    in_order,
    pixel_problems,
    read_slices,
)
from evaluation.suv import Conversion, SliceHeader, SuvRefused, conversion, suv_of
from evaluation.volumes import Volume


def header_of(dataset: Dataset) -> SliceHeader:
    """What the conversion to SUV reads of one slice. Private tags count in the block of their own
    vendor alone, wherever it begins."""
    sequence = items_of(dataset, "RadiopharmaceuticalInformationSequence")
    item = sequence[0] if len(sequence) == 1 else Dataset()
    corrected = as_text(value_of(dataset, "CorrectedImage"))
    philips = "Philips PET Private Group"
    return SliceHeader(
        series_uid=as_text(value_of(dataset, "SeriesInstanceUID")),
        modality=as_text(value_of(dataset, "Modality")),
        corrected_image=tuple(corrected.split("\\")) if corrected else (),
        units=as_text(value_of(dataset, "Units")),
        suv_type=as_text(value_of(dataset, "SUVType")),
        decay_correction=as_text(value_of(dataset, "DecayCorrection")),
        slope=number_of(dataset, "RescaleSlope"),
        intercept=number_of(dataset, "RescaleIntercept"),
        weight_kg=number_of(dataset, "PatientWeight"),
        radiopharmaceuticals=len(sequence),
        dose_bq=number_of(item, "RadionuclideTotalDose"),
        half_life_seconds=number_of(item, "RadionuclideHalfLife"),
        injection_datetime=as_text(value_of(item, "RadiopharmaceuticalStartDateTime")),
        injection_time=as_text(value_of(item, "RadiopharmaceuticalStartTime")),
        series_date=as_text(value_of(dataset, "SeriesDate")),
        series_time=as_text(value_of(dataset, "SeriesTime")),
        acquisition_date=as_text(value_of(dataset, "AcquisitionDate")),
        acquisition_time=as_text(value_of(dataset, "AcquisitionTime")),
        utc_offset=as_text(value_of(dataset, "TimezoneOffsetFromUTC")),
        ge_scan_datetime=as_text(private_value(dataset, 0x0009, 0x0D, "GEMS_PETD_01")),
        siemens_scan_datetime=as_text(private_value(dataset, 0x0071, 0x22, "SIEMENS MED PT")),
        philips_suv_factor=as_number(private_value(dataset, 0x7053, 0x00, philips)),
        philips_activity_factor=as_number(private_value(dataset, 0x7053, 0x09, philips)),
    )


def read_pet_series(paths: Iterable[Path]) -> tuple[Volume, Conversion]:
    """The files of one series as SUVbw: float32 ``[z, y, x]``, LPS, slices along their normal.

    Files may come in any order. Raises SuvRefused with all that is wrong with the series, its
    headers, its grid and its pixels.
    """
    slices, problems = read_slices(paths, "PET")
    if many := frame_problems(slices, "PET"):
        raise SuvRefused([*problems, *many])
    made: Conversion | None = None
    try:
        made = conversion([header_of(one.dataset) for one in slices])
    except SuvRefused as refusal:
        problems += refusal.problems
    problems += grid_problems(slices)
    problems += pixel_problems(slices)
    if problems or made is None:
        raise SuvRefused(problems)
    ordered = in_order(slices)
    grid = geometry(ordered)
    voxels = np.empty(grid.shape, np.float32)
    for plane, one in zip(voxels, ordered, strict=True):
        if one.stored is not None and one.slope is not None and one.intercept is not None:
            plane[:] = suv_of(one.stored, one.slope, one.intercept, made)
    return Volume(voxels, grid), made
