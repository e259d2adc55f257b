"""NRRD headers (.nrrd): lines of ``field: value`` up to an empty one, then the pixels.

Format: https://teem.sourceforge.net/nrrd/format.html
"""

import re
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import VolumeRefused
from evaluation.geometry import Geometry
from evaluation.volumes.volume import Header, Packing, checked_size

_MAX_HEADER_BYTES = 64 * 1024
_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(
        ("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"
    ),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "long long int", "int64", "int64_t"), "i8"),
    **dict.fromkeys(
        ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"), "u8"
    ),
    "float": "f4",
    "double": "f8",
}
_PACKINGS = {"raw": Packing.NONE, "gzip": Packing.GZIP, "gz": Packing.GZIP}
# What places an image somewhere, though without a "space" it is not known in what.
_PLACED = (
    *("space dimension", "space directions", "space origin"),
    *("axis mins", "axismins", "axis maxs", "axismaxs"),
)
# What turns each space into LPS, along its three axes.
_SIGNS = {
    "left-posterior-superior": (1.0, 1.0, 1.0),
    "lps": (1.0, 1.0, 1.0),
    "right-anterior-superior": (-1.0, -1.0, 1.0),
    "ras": (-1.0, -1.0, 1.0),
    "left-anterior-superior": (1.0, -1.0, 1.0),
    "las": (1.0, -1.0, 1.0),
}


def read_header(stream: BinaryIO) -> Header:
    fields = _fields(stream)
    for name in ("data file", "datafile"):
        if name in fields:
            raise VolumeRefused(
                "points_elsewhere",
                f"“{name}” is “{fields[name][:100]}”: a header may describe only pixels in its own "
                "file. Write one .nrrd file.",
            )
    if fields.get("dimension") != "3":
        raise VolumeRefused(
            "not_three_dimensional",
            f"“dimension” is “{fields.get('dimension', '')}”; 3 is expected.",
        )
    code = _TYPES.get(fields.get("type", ""))
    if code is None:
        raise VolumeRefused(
            "unsupported_type", f"“type” is “{fields.get('type', '')[:100]}”; use uint8."
        )
    packing = _PACKINGS.get(fields.get("encoding", "").lower())
    if packing is None:
        raise VolumeRefused(
            "bad_header",
            f"“encoding” is “{fields.get('encoding', '')[:100]}”; raw or gzip is expected.",
        )
    endian = fields.get("endian", "little" if code[1] == "1" else "")
    if endian not in ("little", "big"):
        raise VolumeRefused("bad_header", f"“endian” is “{endian[:100]}”; little or big is needed.")
    for name in ("line skip", "lineskip", "byte skip", "byteskip"):
        if fields.get(name, "0") != "0":
            raise VolumeRefused("bad_header", f"“{name}” is not read; write the pixels at once.")
    sizes = _numbers(fields, "sizes", 3)
    size = checked_size([int(value) if value.is_integer() else 0 for value in sizes])
    return Header(
        geometry=Geometry.from_axes(size, _axes(fields)),
        dtype=np.dtype((">" if endian == "big" else "<") + code),
        packing=packing,
    )


def _axes(fields: dict[str, str]) -> NDArray[np.float64]:
    """A step along each axis and the origin as columns, LPS mm."""
    axes = np.zeros((3, 4))
    if "space" not in fields:
        for name in _PLACED:
            if name in fields:
                raise VolumeRefused(
                    "bad_geometry",
                    f"“{name}” without “space” does not tell how the image lies in the patient; "
                    "give “space: left-posterior-superior”.",
                )
        axes[:, :3] = np.diag(_numbers(fields, "spacings", 3, "1 1 1"))
        return axes
    signs = _SIGNS.get(fields["space"].lower())
    if signs is None:
        raise VolumeRefused(
            "bad_geometry",
            f"“space” is “{fields['space'][:100]}”; left-posterior-superior is expected.",
        )
    units = re.findall(r'"([^"]*)"', fields.get("space units", ""))
    if set(units) - {"mm"}:
        raise VolumeRefused("bad_geometry", f"“space units” are {units}; mm is expected.")
    axes[:, :3] = np.array(_numbers(fields, "space directions", 9)).reshape(3, 3).T
    axes[:, 3] = _numbers(fields, "space origin", 3, "(0,0,0)")
    axes *= np.array(signs)[:, None]
    return axes


def _fields(stream: BinaryIO) -> dict[str, str]:
    fields: dict[str, str] = {}
    read = 0
    stream.readline(4096)  # the magic word, which led here
    while True:
        line = stream.readline(_MAX_HEADER_BYTES)
        read += len(line)
        if not line or read > _MAX_HEADER_BYTES:
            raise VolumeRefused("bad_header", "The NRRD header has no end (an empty line).")
        text = line.decode("utf-8", "replace").strip()
        if not text:
            return fields
        if text.startswith("#") or ":=" in text:
            continue
        name, separator, value = text.partition(":")
        name = name.strip().lower()
        if not separator or name in fields:
            raise VolumeRefused("bad_header", f"The NRRD header has the line “{text[:100]}”.")
        fields[name] = value.strip()


def _numbers(fields: dict[str, str], name: str, count: int, default: str = "") -> list[float]:
    text = fields.get(name, default)
    try:
        numbers = [float(part) for part in re.sub(r"[(),]", " ", text).split()]
    except ValueError:
        numbers = []
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise VolumeRefused(
            "bad_header", f"“{name}” is “{text[:100]}”; {count} finite numbers are expected."
        )
    return numbers
