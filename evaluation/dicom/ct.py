"""A CT series in DICOM files, read as one volume of HU."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from evaluation.dicom.reading import AGAIN, DicomRefused, first_few, text_of
from evaluation.dicom.slices import (
    Slice,
    frame_problems,
    geometry,
    grid_problems,
    in_order,
    pixel_problems,
    read_slices,
)
from evaluation.suv import Problem
from evaluation.volumes import Volume

_ONE = "Name the files of one CT series alone."


def read_ct_series(paths: Iterable[Path]) -> Volume:
    """The files of one series as HU (stored · RescaleSlope + RescaleIntercept, slice by slice):
    float32 ``[z, y, x]``, LPS, slices along their normal.

    Files may come in any order. Raises DicomRefused with all that is wrong with the series.
    """
    slices, problems = read_slices(paths, "CT")
    problems += frame_problems(slices, "CT")
    if problems or not slices:
        raise DicomRefused(problems or [Problem("Series", "no slice", "at least one", _ONE)])
    problems += _header_problems(slices)
    problems += grid_problems(slices)
    problems += pixel_problems(slices)
    if problems:
        raise DicomRefused(problems)
    ordered = in_order(slices)
    grid = geometry(ordered)
    voxels = np.empty(grid.shape, np.float32)
    for plane, one in zip(voxels, ordered, strict=True):
        if one.stored is not None and one.slope is not None and one.intercept is not None:
            plane[:] = one.stored.astype(np.float64) * one.slope + one.intercept
    return Volume(voxels, grid)


def _header_problems(slices: Sequence[Slice]) -> list[Problem]:
    problems = []
    for keyword, tag, allowed, expected in (
        ("Modality", "(0008,0060) Modality", {"CT"}, "CT"),
        ("RescaleType", "(0028,1054) RescaleType", {"", "HU"}, "HU, or nothing"),
    ):
        if bad := [one for one in slices if text_of(one.dataset, keyword) not in allowed]:
            values = dict.fromkeys(text_of(one.dataset, keyword) or "nothing" for one in bad)
            found = f"{first_few(list(values))} in {_named(bad)}"
            problems.append(Problem(tag, found, expected, _ONE))
    if len({text_of(one.dataset, "SeriesInstanceUID") for one in slices}) > 1:
        found = "several series"
        problems.append(Problem("(0020,000E) SeriesInstanceUID", found, "one series", _ONE))
    for name, tag in (
        ("slope", "(0028,1053) RescaleSlope"),
        ("intercept", "(0028,1052) RescaleIntercept"),
    ):
        bad = [one for one in slices if not _usable(name, getattr(one, name))]
        if bad:
            found = f"nothing usable in {_named(bad)}"
            problems.append(Problem(tag, found, "a finite number, a slope other than 0", AGAIN))
    return problems


def _usable(name: str, number: float | None) -> bool:
    return number is not None and bool(np.isfinite(number)) and (name != "slope" or number != 0)


def _named(slices: Sequence[Slice]) -> str:
    return first_few([one.name for one in slices])
