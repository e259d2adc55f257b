"""A PET series in DICOM files, read as one volume of SUVbw. The only module that knows pydicom."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.uid import EnhancedPETImageStorage, LegacyConvertedEnhancedPETImageStorage

from evaluation.errors import EvaluationError
from evaluation.geometry import (
    DIRECTION_TOLERANCE,
    MAX_SPACING_MM,
    MIN_SPACING_MM,
    ORIGIN_TOLERANCE_MM,
    SPACING_TOLERANCE_MM,
    Geometry,
)
from evaluation.suv import Conversion, Problem, SliceHeader, SuvRefused, conversion, suv_of
from evaluation.volumes import Volume

UNEVEN_FRACTION = 0.05
"""How far a slice may lie from its place on an even grid, of the spacing. Whole-body series are
rounded to the bed's steps: real ones are off by 1 to 2 %."""

_POSITION = "(0020,0032) ImagePositionPatient"
_ORIENTATION = "(0020,0037) ImageOrientationPatient"
_PIXEL_SPACING = "(0028,0030) PixelSpacing"
_PIXELS = "(7FE0,0010) PixelData"
_CLASS = "(0008,0016) SOPClassUID"
_SIZE = "(0028,0010) Rows, (0028,0011) Columns"
_MULTI_FRAME = (EnhancedPETImageStorage, LegacyConvertedEnhancedPETImageStorage)
_AGAIN = "Export the series again from the scanner or archive."
_UNREADABLE = "unreadable"
_MALFORMED = (ValueError, TypeError, ArithmeticError, LookupError, NotImplementedError)


@dataclass(frozen=True)
class _Slice:
    name: str
    header: SliceHeader
    multi_frame: bool
    size: tuple[int, int]  # columns, rows
    position: tuple[float, ...]  # these three are empty where the header has no such numbers
    orientation: tuple[float, ...]
    pixel_spacing: tuple[float, ...]
    stored: NDArray[np.generic] | None
    unread: str


def header_of(dataset: Dataset) -> SliceHeader:
    """What the conversion to SUV reads of one slice. Private tags count in the block of their own
    vendor alone, wherever it begins."""
    items = _value(dataset, "RadiopharmaceuticalInformationSequence")
    sequence = items if isinstance(items, pydicom.Sequence) else []
    item = sequence[0] if len(sequence) == 1 else Dataset()
    corrected = _text(_value(dataset, "CorrectedImage"))
    philips = "Philips PET Private Group"
    return SliceHeader(
        series_uid=_text(_value(dataset, "SeriesInstanceUID")),
        modality=_text(_value(dataset, "Modality")),
        corrected_image=tuple(corrected.split("\\")) if corrected else (),
        units=_text(_value(dataset, "Units")),
        suv_type=_text(_value(dataset, "SUVType")),
        decay_correction=_text(_value(dataset, "DecayCorrection")),
        slope=_number(_value(dataset, "RescaleSlope")),
        intercept=_number(_value(dataset, "RescaleIntercept")),
        weight_kg=_number(_value(dataset, "PatientWeight")),
        radiopharmaceuticals=len(sequence),
        dose_bq=_number(_value(item, "RadionuclideTotalDose")),
        half_life_seconds=_number(_value(item, "RadionuclideHalfLife")),
        injection_datetime=_text(_value(item, "RadiopharmaceuticalStartDateTime")),
        injection_time=_text(_value(item, "RadiopharmaceuticalStartTime")),
        series_date=_text(_value(dataset, "SeriesDate")),
        series_time=_text(_value(dataset, "SeriesTime")),
        acquisition_date=_text(_value(dataset, "AcquisitionDate")),
        acquisition_time=_text(_value(dataset, "AcquisitionTime")),
        utc_offset=_text(_value(dataset, "TimezoneOffsetFromUTC")),
        ge_scan_datetime=_text(_private(dataset, 0x0009, 0x0D, "GEMS_PETD_01")),
        siemens_scan_datetime=_text(_private(dataset, 0x0071, 0x22, "SIEMENS MED PT")),
        philips_suv_factor=_number(_private(dataset, 0x7053, 0x00, philips)),
        philips_activity_factor=_number(_private(dataset, 0x7053, 0x09, philips)),
    )


def read_pet_series(paths: Iterable[Path]) -> tuple[Volume, Conversion]:
    """The files of one series as SUVbw: float32 ``[z, y, x]``, LPS, slices along their normal.

    Files may come in any order. Raises SuvRefused with all that is wrong with the series, its
    headers, its grid and its pixels.
    """
    slices: list[_Slice] = []
    unreadable: list[str] = []
    for path in paths:
        try:
            slices.append(_read(path))
        except EvaluationError as error:
            unreadable.append(f"{path.name} ({error.message})")
    problems: list[Problem] = []
    if unreadable:
        remedy = "Name the files of the PET series alone."
        problems.append(Problem("Files", _first_few(unreadable), "DICOM files", remedy))
    if many := [one for one in slices if one.multi_frame]:
        found = f"several frames in {_files(many)}"
        remedy = "Export it as classic PET images, one slice in each file."
        problems.append(Problem(_CLASS, found, "one slice in each file", remedy))
        raise SuvRefused(problems)
    made: Conversion | None = None
    try:
        made = conversion([one.header for one in slices])
    except SuvRefused as refusal:
        problems += refusal.problems
    problems += _grid_problems(slices)
    if bad := [one for one in slices if one.unread]:
        found = f"{', '.join(dict.fromkeys(one.unread for one in bad))} in {_files(bad)}"
        problems.append(Problem(_PIXELS, found, "one image of numbers in each file", _AGAIN))
    if problems or made is None:
        raise SuvRefused(problems)
    axes = _axes(slices[0])
    ordered = sorted(slices, key=lambda one: _height(one, axes))
    geometry = _geometry(ordered)
    voxels = np.empty(geometry.shape, np.float32)
    for plane, one in zip(voxels, ordered, strict=True):
        header, stored = one.header, one.stored
        if stored is not None and header.slope is not None and header.intercept is not None:
            plane[:] = suv_of(stored, header.slope, header.intercept, made)
    return Volume(voxels, geometry), made


def _read(path: Path) -> _Slice:
    try:
        return _slice(path.name, pydicom.dcmread(path))
    except InvalidDicomError as error:
        raise EvaluationError("not_dicom", "not DICOM") from error
    except Exception as error:  # pydicom raises many kinds on a malformed file
        raise EvaluationError("not_dicom", f"malformed: {_brief(error)}") from error


def _slice(name: str, dataset: Dataset) -> _Slice:
    frames = _number(_value(dataset, "NumberOfFrames")) or 1.0
    multi_frame = _value(dataset, "SOPClassUID") in _MULTI_FRAME or frames != 1.0
    stored, unread = (None, "") if multi_frame else _stored(dataset)
    rows, columns = (_number(_value(dataset, key)) or 0.0 for key in ("Rows", "Columns"))
    return _Slice(
        name=name,
        header=header_of(dataset),
        multi_frame=multi_frame,
        size=(int(columns), int(rows)),
        position=_numbers(dataset, "ImagePositionPatient", 3),
        orientation=_numbers(dataset, "ImageOrientationPatient", 6),
        pixel_spacing=_numbers(dataset, "PixelSpacing", 2),
        stored=stored,
        unread=unread,
    )


def _stored(dataset: Dataset) -> tuple[NDArray[np.generic] | None, str]:
    """The stored values, or why there are none."""
    if not _value(dataset, "PixelData"):
        return None, "nothing"
    try:
        stored = _decoded(dataset)
    except EvaluationError as error:
        return None, error.message
    return (stored, "") if stored.ndim == 2 else (None, "colours or several images")


def _decoded(dataset: Dataset) -> NDArray[np.generic]:
    try:
        return dataset.pixel_array
    except Exception as error:  # its decoders raise many kinds
        raise EvaluationError("bad_pixels", f"unreadable pixels ({_brief(error)})") from error


def _brief(error: Exception) -> str:
    """Without a path on this machine, which an OSError's own text holds."""
    text = (error.strerror or "") if isinstance(error, OSError) else str(error)
    return (text.splitlines() or [type(error).__name__])[0][:200]


def _grid_problems(slices: Sequence[_Slice]) -> list[Problem]:
    """Whatever keeps the slices from being one even grid."""
    problems: list[Problem] = []
    for tag, name, good, expected in (
        (_POSITION, "position", lambda one: len(one.position) == 3, "3 numbers, mm"),
        (_ORIENTATION, "orientation", _upright, "two unit vectors at right angles"),
        (_PIXEL_SPACING, "pixel_spacing", _spaced, "2 positive numbers, mm"),
        (_SIZE, "size", lambda one: min(one.size) > 0, "the size of the image"),
    ):
        if bad := [one for one in slices if not good(one)]:
            found = f"{_words(getattr(bad[0], name))} in {_files(bad)}"
            problems.append(Problem(tag, found, expected, _AGAIN))
    if problems or not slices:
        return problems
    first = slices[0]
    for tag, name, tolerance in (
        (_ORIENTATION, "orientation", DIRECTION_TOLERANCE),
        (_PIXEL_SPACING, "pixel_spacing", SPACING_TOLERANCE_MM),
        (_SIZE, "size", 0.0),
    ):
        ours = np.array(getattr(first, name))
        if bad := [one for one in slices if np.abs(getattr(one, name) - ours).max() > tolerance]:
            theirs = _words(getattr(bad[0], name))
            found = f"{_words(getattr(first, name))} in {first.name}, {theirs} in {_files(bad)}"
            remedy = "Name the files of one reconstruction alone."
            problems.append(Problem(tag, found, "the same in every slice", remedy))
    if any(problem.tag == _ORIENTATION for problem in problems):
        return problems  # without one normal there is no order of slices
    return problems + _place_problems(slices)


def _place_problems(slices: Sequence[_Slice]) -> list[Problem]:
    axes = _axes(slices[0])
    placed = sorted(slices, key=lambda one: _height(one, axes))
    heights = np.array([_height(one, axes) for one in placed])
    steps = np.diff(heights)
    problems = []

    def refuse(found: str, expected: str, remedy: str) -> None:
        problems.append(Problem(_POSITION, found, expected, remedy))

    def where(bad: NDArray[np.bool_]) -> str:
        places = [
            f"{heights[i]:.2f} and {heights[i + 1]:.2f} mm along the normal "
            f"({placed[i].name}, {placed[i + 1].name})"
            for i in np.flatnonzero(bad)
        ]
        return _first_few(places)

    same = steps < ORIGIN_TOLERANCE_MM
    if same.any():
        remedy = "Name one time frame or reconstruction alone."
        refuse(f"two slices in one place, {where(same)}", "one slice in each place", remedy)
    if len(placed) - same.sum() < 2:
        refuse("one place alone", "at least two slices", "Name all files of the series.")
        return problems
    spacing = float(np.median(steps[~same]))
    gap, tolerance = steps > 1.5 * spacing, UNEVEN_FRACTION * spacing
    uneven = (np.abs(steps - spacing) > tolerance) & ~gap & ~same
    even = f"slices every {spacing:.3f} mm"
    if gap.any():
        refuse(f"a gap between {where(gap)}", even, "Name all files of the series.")
    if uneven.any():
        refuse(f"uneven spacing between {where(uneven)}", even, _AGAIN)
    if not (same | gap | uneven).any():
        drift = np.abs(heights - np.linspace(heights[0], heights[-1], len(heights)))
        if drift.max() > tolerance:
            worst = int(drift.argmax())
            found = f"uneven spacing, {placed[worst].name} is off by {drift[worst]:.2f} mm"
            refuse(found, even, _AGAIN)
    across = np.array([one.position for one in placed]) @ axes[:, :2]
    aside = np.abs(across - across[0]).max(axis=1)
    if aside.max() > UNEVEN_FRACTION * min(slices[0].pixel_spacing):
        worst = int(aside.argmax())
        found = f"{placed[worst].name} {aside[worst]:.2f} mm aside of {placed[0].name}"
        refuse(found, "slices in one line along their normal (no tilt)", _AGAIN)
    return problems


def _axes(one: _Slice) -> NDArray[np.float64]:
    """Columns: the unit vectors of x (along a row), y (along a column) and z (the normal)."""
    row, column = (np.array(part) for part in (one.orientation[:3], one.orientation[3:]))
    row, column = row / np.linalg.norm(row), column / np.linalg.norm(column)
    return np.stack([row, column, np.cross(row, column)], axis=1)


def _height(one: _Slice, axes: NDArray[np.float64]) -> float:
    return float(np.dot(one.position, axes[:, 2]))


def _geometry(ordered: Sequence[_Slice]) -> Geometry:
    first, last = ordered[0], ordered[-1]
    axes = _axes(first)
    between_rows, between_columns = first.pixel_spacing
    thickness = (_height(last, axes) - _height(first, axes)) / (len(ordered) - 1)
    x, y, z = first.position
    return Geometry(
        size=(*first.size, len(ordered)),
        spacing=(between_columns, between_rows, thickness),
        origin=(x, y, z),
        direction=tuple(float(value) + 0.0 for value in axes.ravel()),
    )


def _upright(one: _Slice) -> bool:
    if len(one.orientation) != 6:
        return False
    pair = np.array(one.orientation).reshape(2, 3)
    return bool(np.abs(pair @ pair.T - np.eye(2)).max() <= 1e-3)


def _spaced(one: _Slice) -> bool:
    return len(one.pixel_spacing) == 2 and all(
        MIN_SPACING_MM <= value <= MAX_SPACING_MM for value in one.pixel_spacing
    )


def _files(slices: Sequence[_Slice]) -> str:
    return _first_few([one.name for one in slices])


def _first_few(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
    return ", ".join(texts[:3]) + more


def _words(numbers: Sequence[float]) -> str:
    return " ".join(f"{number:g}" for number in numbers) or "nothing usable"


def _value(dataset: Dataset, keyword: str) -> object:
    try:
        return dataset.get(keyword)
    except _MALFORMED:
        return _UNREADABLE


def _private(dataset: Dataset, group: int, offset: int, creator: str) -> object:
    try:
        return dataset.private_block(group, creator)[offset].value
    except KeyError:
        return None
    except _MALFORMED:
        return _UNREADABLE


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):  # a private tag that pydicom does not know
        value = value.decode("ascii", "replace")
    text = "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value)
    return text.strip(" \0") or None


def _number(value: object) -> float | None:
    text = _text(value)
    try:
        return None if text is None else float(text)
    except ValueError:
        return math.nan


def _numbers(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...]:
    """As many finite numbers, or none at all."""
    value = _value(dataset, keyword)
    if not isinstance(value, MultiValue) or len(value) != count:
        return ()
    numbers = [_number(one) for one in value]
    return tuple(one for one in numbers if one is not None and math.isfinite(one))
