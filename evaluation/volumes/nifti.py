"""NIfTI-1 and NIfTI-2 headers, by nibabel."""

import math
import sys
from threading import Lock
from types import ModuleType
from typing import Any, BinaryIO, cast

import numpy as np

from evaluation.errors import VolumeRefused
from evaluation.geometry import Geometry
from evaluation.volumes.volume import Header, checked_size

_LOADING = Lock()
_MAX_OFFSET_BYTES = 1024 * 1024
_MM_PER_UNIT = {1: 1000.0, 3: 0.001}  # NIfTI's codes of metres and microns; 2 is mm


def load_nibabel() -> Any:  # noqa: ANN401
    """nibabel, which a process that reads other formats is quicker without; and without pydicom,
    which it would load, at three times its own cost, for an extension that is never read here."""
    with _LOADING:
        hidden = not {"nibabel", "pydicom"} & set(sys.modules)
        if hidden:
            sys.modules["pydicom"] = cast(ModuleType, None)  # importing it fails, as if missing
        try:
            import nibabel
        finally:
            if hidden:
                del sys.modules["pydicom"]
    return nibabel


def read_header(stream: BinaryIO) -> Header:
    try:
        block = stream.read(348)
        version_two = block[:4] in (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")
        nibabel = load_nibabel()
        kind: Any = nibabel.Nifti2Header if version_two else nibabel.Nifti1Header
        if version_two:
            block += stream.read(540 - 348)
        header = kind(block, check=False)
        magic = bytes(header["magic"].item())[:3]
        dimensions = [int(value) for value in header["dim"]]
        dtype = header.get_data_dtype()
        slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
        offset = int(header["vox_offset"])
        with np.errstate(all="ignore"):
            affine = np.asarray(header.get_best_affine(), dtype=np.float64)
        affine[:3] *= _MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    except VolumeRefused:
        raise
    except Exception as error:  # nibabel raises many kinds on a malformed header
        raise VolumeRefused("bad_header", f"This is no readable NIfTI header ({error}).") from error
    if magic in (b"ni1", b"ni2"):
        raise VolumeRefused(
            "points_elsewhere",
            "The header is the first half of a NIfTI pair (.hdr/.img): it describes pixels in "
            "another file. Write one file, .nii.gz or .mha.",
        )
    if magic not in (b"n+1", b"n+2"):
        raise VolumeRefused("unknown_format", "The file is neither NIfTI, MetaImage nor NRRD.")
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise VolumeRefused("unsupported_type", f"Pixels of type {dtype} are not read; use uint8.")
    if not 3 <= dimensions[0] <= 7 or any(n != 1 for n in dimensions[4 : dimensions[0] + 1]):
        raise VolumeRefused(
            "not_three_dimensional",
            f"The image has dimensions {dimensions[1 : max(1, dimensions[0]) + 1]}; "
            "three are expected.",
        )
    size = checked_size(dimensions[1:4])
    header_bytes = 540 if version_two else 348
    if not header_bytes <= offset <= _MAX_OFFSET_BYTES:
        raise VolumeRefused("bad_header", f"The pixels are said to begin at byte {offset}.")
    scaled = math.isfinite(slope) and slope != 0
    return Header(
        geometry=Geometry.from_ras_affine(size, affine),
        dtype=dtype,
        slope=slope if scaled else 1.0,
        intercept=intercept if scaled and math.isfinite(intercept) else 0.0,
        skip_bytes=offset - header_bytes,
    )
