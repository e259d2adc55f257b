"""MetaImage headers (.mha): lines of ``name = value``, then the pixels in the same file."""

import math
from typing import BinaryIO

import numpy as np

from evaluation.errors import VolumeRefused
from evaluation.geometry import MAX_ORIGIN_MM, MAX_SPACING_MM, MIN_SPACING_MM, Geometry
from evaluation.volumes.volume import Header, Packing, checked_size

_MAX_HEADER_BYTES = 64 * 1024
_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}


def read_header(stream: BinaryIO) -> Header:
    fields: dict[str, str] = {}
    read = 0
    while "ElementDataFile" not in fields:
        line = stream.readline(_MAX_HEADER_BYTES)
        read += len(line)
        name, separator, value = line.decode("ascii", "replace").partition("=")
        if not line or not separator or read > _MAX_HEADER_BYTES:
            raise VolumeRefused("unknown_format", "The file is neither NIfTI, MetaImage nor NRRD.")
        if name.strip() in fields:
            raise VolumeRefused("bad_header", f"The header has “{name.strip()}” twice.")
        fields[name.strip()] = value.strip()
    if fields["ElementDataFile"].upper() != "LOCAL":
        raise VolumeRefused(
            "points_elsewhere",
            f"ElementDataFile is “{fields['ElementDataFile'][:100]}”: a header may describe only "
            "pixels in its own file. Write one .mha file (ElementDataFile = LOCAL).",
        )
    if fields.get("NDims") != "3":
        raise VolumeRefused(
            "not_three_dimensional", f"NDims is “{fields.get('NDims', '')}”; 3 is expected."
        )
    if fields.get("ElementNumberOfChannels", "1") != "1":
        raise VolumeRefused("unsupported_type", "The image has several channels; 1 is expected.")
    if fields.get("HeaderSize", "0") != "0" or not _flag(fields, "BinaryData", default=True):
        raise VolumeRefused(
            "bad_header", "HeaderSize and text pixels are not read; write binary pixels."
        )
    code = _TYPES.get(fields.get("ElementType", ""))
    if code is None:
        raise VolumeRefused(
            "unsupported_type", f"ElementType is “{fields.get('ElementType', '')}”; use MET_UCHAR."
        )
    big = _flag(fields, "BinaryDataByteOrderMSB") or _flag(fields, "ElementByteOrderMSB")
    sizes = _numbers(fields, ("DimSize",), 3)
    size = checked_size([int(value) if value.is_integer() else 0 for value in sizes])
    spacing = _numbers(fields, ("ElementSpacing", "ElementSize"), 3, "1 1 1")
    origin = _numbers(fields, ("Offset", "Position", "Origin"), 3, "0 0 0")
    rows = _numbers(fields, ("TransformMatrix", "Rotation", "Orientation"), 9, "1 0 0 0 1 0 0 0 1")
    matrix = np.array(rows).reshape(3, 3)  # row i is the direction of axis i
    plausible = min(spacing) >= MIN_SPACING_MM and max(spacing) <= MAX_SPACING_MM
    plausible = plausible and max(map(abs, origin)) <= MAX_ORIGIN_MM
    if not plausible or np.abs(matrix @ matrix.T - np.eye(3)).max() > 1e-3:
        raise VolumeRefused(
            "bad_geometry",
            f"ElementSpacing {spacing} must be positive, in mm, Offset {origin} near, and "
            "TransformMatrix orthonormal.",
        )
    return Header(
        geometry=Geometry(
            size,
            (spacing[0], spacing[1], spacing[2]),
            (origin[0], origin[1], origin[2]),
            tuple(float(value) for value in matrix.T.ravel()),
        ),
        dtype=np.dtype((">" if big else "<") + code),
        packing=Packing.ZLIB if _flag(fields, "CompressedData") else Packing.NONE,
    )


def _flag(fields: dict[str, str], name: str, *, default: bool = False) -> bool:
    return fields.get(name, str(default)).lower() in ("true", "1")


def _numbers(
    fields: dict[str, str], names: tuple[str, ...], count: int, default: str = ""
) -> list[float]:
    text = next((fields[name] for name in names if name in fields), default)
    try:
        numbers = [float(part) for part in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(math.isfinite(number) for number in numbers):
        raise VolumeRefused(
            "bad_header", f"{names[0]} is “{text[:100]}”; {count} finite numbers are expected."
        )
    return numbers
