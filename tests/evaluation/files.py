"""Image files, well formed and not, written by hand or by other libraries."""

import gzip
import io
import struct
import zlib
from pathlib import Path
from typing import Any, Literal

import nibabel
import numpy as np
from numpy.typing import NDArray

AFFINE = np.diag([2.0, 3.0, 4.0, 1.0])


def nifti(
    voxels: NDArray[Any], affine: NDArray[np.float64] = AFFINE, *, endian: Literal["<", ">"] = "<"
) -> bytes:
    """One NIfTI-1 file; voxels are [x, y, z], as nibabel has them."""
    header = nibabel.Nifti1Header(endianness=endian)
    header.set_data_dtype(voxels.dtype.newbyteorder(endian))
    image = nibabel.Nifti1Image(voxels, affine, header)
    content: bytes = image.to_bytes()
    return content


def patched(content: bytes, offset: int, form: str, *values: float) -> bytes:
    """``content`` with other bytes at ``offset``."""
    changed = bytearray(content)
    struct.pack_into(form, changed, offset, *values)
    return bytes(changed)


def mha(pixels: bytes, **changes: str | None) -> bytes:
    """A MetaImage file of 4 × 3 × 2 voxels of one byte, with fields changed or left out."""
    fields: dict[str, str | None] = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "0 0 0",
        "ElementSpacing": "1 1 1",
        "DimSize": "4 3 2",
        "ElementType": "MET_UCHAR",
        **changes,
    }
    data_file = fields.pop("ElementDataFile", "LOCAL")
    lines = [f"{name} = {value}" for name, value in fields.items() if value is not None]
    lines.append(f"ElementDataFile = {data_file}")
    return "\n".join(lines).encode() + b"\n" + pixels


PIXELS = bytes(range(24))
GOOD_NIFTI = nifti(np.arange(24, dtype=np.uint8).reshape(4, 3, 2))
GOOD_MHA = mha(PIXELS)
VOXEL_ROW = 348 + 4  # the pixels of a NIfTI-1 file begin here
HUGE = struct.pack("<3h", 32767, 32767, 32767)


NRRD: dict[str, str] = {
    "type": "uchar",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "4 3 2",
    "space directions": "(2,0,0) (0,3,0) (0,0,5)",
    "space origin": "(1.5,-2.5,3.5)",
    "encoding": "raw",
}


def nrrd(pixels: bytes = PIXELS, **changes: str | None) -> bytes:
    """A NRRD file with fields changed or left out; “_” in a name stands for a space."""
    fields = {**NRRD, **{name.replace("_", " "): value for name, value in changes.items()}}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return ("NRRD0004\n# by hand\n" + "\n".join(lines) + "\n\n").encode() + pixels


def refused_files(somewhere: Path) -> dict[str, tuple[bytes, str]]:
    """Each kind of bad file: its bytes, and the code that it is refused with."""
    huge = GOOD_NIFTI[:42] + HUGE + GOOD_NIFTI[48:]
    colours = np.zeros((4, 3, 2), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    packed = zlib.compress(PIXELS)
    damaged = packed[:-1] + bytes([packed[-1] ^ 1])
    gzipped = gzip.compress(GOOD_NIFTI)
    return {
        "nothing": (b"", "unknown_format"),
        "text": (b"hello, world\n", "unknown_format"),
        "zeros": (bytes(1000), "unknown_format"),
        "gzip of nothing": (gzip.compress(b""), "bad_header"),
        "NIfTI header cut": (GOOD_NIFTI[:200], "bad_header"),
        "NIfTI pixels cut": (GOOD_NIFTI[:-1], "truncated"),
        "NIfTI header alone": (GOOD_NIFTI[:VOXEL_ROW], "truncated"),
        "gzip cut": (gzipped[: len(gzipped) // 2], "truncated"),
        "gzip with a wrong checksum": (
            gzipped[:-8] + bytes([gzipped[-8] ^ 1]) + gzipped[-7:], "truncated",
        ),
        "not really gzip": (b"\x1f\x8b" + bytes(100), "truncated"),
        "half a NIfTI pair": (GOOD_NIFTI[:344] + b"ni1\0" + GOOD_NIFTI[348:], "points_elsewhere"),
        "Analyze": (GOOD_NIFTI[:344] + bytes(4) + GOOD_NIFTI[348:], "unknown_format"),
        "huge NIfTI": (huge, "too_large"),
        "size of nothing": (patched(GOOD_NIFTI, 44, "<h", 0), "bad_header"),
        "negative size": (patched(GOOD_NIFTI, 44, "<h", -3), "bad_header"),
        "4-D NIfTI": (nifti(np.zeros((4, 3, 2, 5), np.uint8)), "not_three_dimensional"),
        "2-D NIfTI": (nifti(np.zeros((4, 3), np.uint8)), "not_three_dimensional"),
        "vectors": (nifti(np.zeros((4, 3, 2, 1, 3), np.uint8)), "not_three_dimensional"),
        "colours": (nifti(colours), "unsupported_type"),
        "complex": (nifti(np.zeros((4, 3, 2), np.complex64)), "unsupported_type"),
        "unknown type": (patched(GOOD_NIFTI, 70, "<h", 9999), "bad_header"),
        "quaternion of no turn": (
            patched(patched(GOOD_NIFTI, 252, "<2h", 1, 0), 256, "<3f", 9, 9, 9), "bad_header",
        ),
        "pixels inside the header": (patched(GOOD_NIFTI, 108, "<f", 100.0), "bad_header"),
        "pixels far behind": (patched(GOOD_NIFTI, 108, "<f", 1e30), "bad_header"),
        "pixels at NaN": (patched(GOOD_NIFTI, 108, "<f", float("nan")), "bad_header"),
        "sheared": (
            nifti(np.zeros((4, 3, 2), np.uint8), AFFINE + np.eye(4, k=1)), "bad_geometry",
        ),
        "MHA pixels cut": (GOOD_MHA[:-1], "truncated"),
        "MHA with no end of header": (GOOD_MHA.split(b"ElementDataFile")[0], "unknown_format"),
        "MHA of an absolute path": (
            mha(b"", ElementDataFile=str(somewhere / "pixels.raw")), "points_elsewhere",
        ),
        "MHA of a relative path": (mha(b"", ElementDataFile="pixels.raw"), "points_elsewhere"),
        "MHA of a list": (mha(b"pixels.raw\n", ElementDataFile="LIST"), "points_elsewhere"),
        "MHA of a pattern": (mha(b"", ElementDataFile="p%d.raw 1 9 1"), "points_elsewhere"),
        "huge MHA": (mha(PIXELS, DimSize="99999 99999 99999"), "too_large"),
        "MHA size in words": (mha(PIXELS, DimSize="four 3 2"), "bad_header"),
        "MHA of no size": (mha(PIXELS, DimSize=None), "bad_header"),
        "MHA of negative size": (mha(PIXELS, DimSize="-4 -3 2"), "bad_header"),
        "2-D MHA": (mha(PIXELS, NDims="2", DimSize="4 6"), "not_three_dimensional"),
        "4-D MHA": (mha(PIXELS, NDims="4", DimSize="4 3 2 1"), "not_three_dimensional"),
        "MHA of vectors": (mha(PIXELS, ElementNumberOfChannels="3"), "unsupported_type"),
        "MHA of arrays": (mha(PIXELS, ElementType="MET_UCHAR_ARRAY"), "unsupported_type"),
        "MHA of text": (mha(b"1 2 3", BinaryData="False"), "bad_header"),
        "MHA with a header to skip": (mha(PIXELS, HeaderSize="-1"), "bad_header"),
        "MHA with a field twice": (b"NDims = 3\n" + GOOD_MHA, "bad_header"),
        "MHA of no spacing": (mha(PIXELS, ElementSpacing="1 0 1"), "bad_geometry"),
        "MHA of endless spacing": (mha(PIXELS, ElementSpacing="1 inf 1"), "bad_header"),
        "MHA of immense spacing": (mha(PIXELS, ElementSpacing="1 1e200 1"), "bad_geometry"),
        "sheared MHA": (mha(PIXELS, TransformMatrix="1 1 0 0 1 0 0 0 1"), "bad_geometry"),
        "MHA cut in its compression": (mha(packed[:-9], CompressedData="True"), "truncated"),
        "MHA with a wrong checksum": (mha(damaged, CompressedData="True"), "truncated"),
        "MHA that inflates to more": (
            mha(zlib.compress(PIXELS + b"!"), CompressedData="True"), "truncated",
        ),
        "MHA not really compressed": (mha(PIXELS, CompressedData="True"), "truncated"),
    }  # fmt: skip


def stream(content: bytes) -> io.BytesIO:
    return io.BytesIO(content)
