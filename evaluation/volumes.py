"""Read and write volumes: NIfTI (.nii, .nii.gz) and MetaImage (.mha), header first.

The header is judged before one pixel is read: declared size, type and dimensions, and that it
describes only data inside its own file. Pixels are read as a stream that stops at the declared
size, so a file that inflates to more is never inflated.
"""

import gzip
import hashlib
import io
import json
import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import VolumeRefused
from evaluation.geometry import MAX_SPACING_MM, MIN_SPACING_MM, Geometry

MAX_VOXELS = 1_000_000_000
_MAX_HEADER_BYTES = 64 * 1024
_CHUNK = 4 * 1024 * 1024
_CHECKSUM_BYTES = 4
_CHECKSUM_REACH = 64 * 1024
_MM_PER_UNIT = {1: 1000.0, 3: 0.001}  # NIfTI's codes of metres and microns; 2 is mm

_MET_TYPES = {
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
_MET_NAMES = {"i1": "MET_CHAR", "u1": "MET_UCHAR", "i2": "MET_SHORT", "f4": "MET_FLOAT"}


@dataclass(frozen=True)
class Volume:
    """voxels: ``[z, y, x]`` (SUV g/ml for PET, HU for CT, labels for masks), on ``geometry``."""

    voxels: NDArray[np.generic]
    geometry: Geometry

    def sha256(self) -> str:
        """Of type, grid and pixels (hex): the same however the file is compressed."""
        digest = hashlib.sha256(self.voxels.dtype.str.encode())
        digest.update(json.dumps(self.geometry.to_json(), sort_keys=True).encode())
        digest.update(np.ascontiguousarray(self.voxels).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Header:
    """What a file says of itself, before its pixels are read."""

    geometry: Geometry
    dtype: np.dtype[np.generic]
    slope: float
    intercept: float
    skip_bytes: int
    compressed: bool


def read_volume(source: Path | BinaryIO, *, max_voxels: int = MAX_VOXELS) -> Volume:
    """Read a NIfTI or MetaImage file; the format is told by content, not by name.

    Raises VolumeRefused (codes: unknown_format, bad_header, bad_geometry, not_three_dimensional,
    unsupported_type, points_elsewhere, too_large, truncated).
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            return read_volume(file, max_voxels=max_voxels)
    header, pixels = open_volume(source, max_voxels=max_voxels)
    return Volume(read_voxels(header, pixels), header.geometry)


def open_volume(stream: BinaryIO, *, max_voxels: int = MAX_VOXELS) -> tuple[Header, BinaryIO]:
    """Read and judge the header alone; the stream returned stands right behind it."""
    buffered = io.BufferedReader(_Raw(stream))
    opened = cast(BinaryIO, buffered)
    start = buffered.peek(2)[:2]
    if start == b"\x1f\x8b":
        inflated = io.BufferedReader(_Raw(gzip.GzipFile(fileobj=buffered)))
        header = _nifti_header(cast(BinaryIO, inflated))
        opened = cast(BinaryIO, inflated)
    elif start[:1] in (b"\x5c", b"\x00", b"\x02", b"\x1c"):
        header = _nifti_header(buffered)
    elif start:
        header = _meta_header(buffered)
    else:
        raise VolumeRefused("unknown_format", "The file is empty. Write the mask before exiting.")
    if header.geometry.voxels > max_voxels:
        raise VolumeRefused(
            "too_large",
            f"The header declares {header.geometry.voxels:,} voxels "
            f"({' × '.join(map(str, header.geometry.size))}); at most {max_voxels:,} are read.",
        )
    return header, opened


def read_voxels(header: Header, stream: BinaryIO) -> NDArray[np.generic]:
    """The pixels as ``[z, y, x]``; scaled to float32 where the header has a slope or intercept."""
    wanted = header.geometry.voxels * header.dtype.itemsize
    buffer = bytearray()  # grows with what is there: a header alone takes no memory
    for chunk in _pixels(header, stream, wanted):
        buffer += chunk
    if len(buffer) < wanted:
        raise VolumeRefused(
            "truncated",
            f"The header declares {wanted:,} bytes of pixels, the file holds {len(buffer):,}. "
            "Was the program stopped while it wrote, or the disk full?",
        )
    voxels: NDArray[np.generic] = np.frombuffer(buffer, dtype=header.dtype).reshape(
        header.geometry.shape
    )
    if not header.dtype.isnative:
        voxels = voxels.astype(header.dtype.newbyteorder("="))
    if (header.slope, header.intercept) != (1.0, 0.0):
        return (voxels.astype(np.float64) * header.slope + header.intercept).astype(np.float32)
    return voxels


def _pixels(header: Header, stream: BinaryIO, wanted: int) -> Iterable[bytes]:
    """Chunks of pixels, never more than ``wanted`` bytes in all."""
    try:
        if header.skip_bytes and len(stream.read(header.skip_bytes)) < header.skip_bytes:
            return
        inflater = zlib.decompressobj() if header.compressed else None
        left = wanted
        while left > 0:
            raw = stream.read(min(_CHUNK, left) if inflater is None else _CHUNK)
            if not raw:
                return
            while left > 0:
                chunk = raw if inflater is None else inflater.decompress(raw, min(_CHUNK, left))
                left -= len(chunk)
                yield chunk
                if inflater is None or not (raw := inflater.unconsumed_tail):
                    break
            if inflater is not None and inflater.eof:
                return
        # Reading a little further makes zlib and gzip compare their checksums with the pixels.
        if inflater is None:
            stream.read(_CHECKSUM_REACH)
        elif inflater.decompress(inflater.unconsumed_tail + stream.read(_CHECKSUM_BYTES), 1):
            raise VolumeRefused(
                "truncated",
                f"The compressed pixels inflate to more than the {wanted:,} bytes that the header "
                "declares. Write the file again.",
            )
    except (zlib.error, EOFError, OSError) as error:
        raise VolumeRefused(
            "truncated",
            f"The compressed pixels cannot be inflated ({error}). Write the file again.",
        ) from error


def _nifti_header(stream: BinaryIO) -> Header:
    try:
        block = stream.read(348)
        version_two = block[:4] in (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")
        # Not at the top: the scorer reads what the platform wrote, and is quicker without it.
        import nibabel

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
        raise VolumeRefused(
            "bad_header", f"This is neither a readable NIfTI nor MetaImage header ({error})."
        ) from error
    if magic in (b"ni1", b"ni2"):
        raise VolumeRefused(
            "points_elsewhere",
            "The header is the first half of a NIfTI pair (.hdr/.img): it describes pixels in "
            "another file. Write one file, .nii.gz or .mha.",
        )
    if magic not in (b"n+1", b"n+2"):
        raise VolumeRefused("unknown_format", "The file is neither NIfTI nor MetaImage.")
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise VolumeRefused("unsupported_type", f"Pixels of type {dtype} are not read; use uint8.")
    if not 3 <= dimensions[0] <= 7 or any(n != 1 for n in dimensions[4 : dimensions[0] + 1]):
        raise VolumeRefused(
            "not_three_dimensional",
            f"The image has dimensions {dimensions[1 : max(1, dimensions[0]) + 1]}; "
            "three are expected.",
        )
    size = _size(dimensions[1:4])
    header_bytes = 540 if version_two else 348
    if not header_bytes <= offset <= _MAX_HEADER_BYTES * 16:
        raise VolumeRefused("bad_header", f"The pixels are said to begin at byte {offset}.")
    scaled = math.isfinite(slope) and slope != 0
    return Header(
        geometry=Geometry.from_ras_affine(size, affine),
        dtype=dtype,
        slope=slope if scaled else 1.0,
        intercept=intercept if scaled and math.isfinite(intercept) else 0.0,
        skip_bytes=offset - header_bytes,
        compressed=False,
    )


def _meta_header(stream: BinaryIO) -> Header:
    fields: dict[str, str] = {}
    read = 0
    while "ElementDataFile" not in fields:
        line = stream.readline(4096)
        read += len(line)
        name, separator, value = line.decode("ascii", "replace").partition("=")
        if not line or not separator or read > _MAX_HEADER_BYTES:
            raise VolumeRefused("unknown_format", "The file is neither NIfTI nor MetaImage.")
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
    code = _MET_TYPES.get(fields.get("ElementType", ""))
    if code is None:
        raise VolumeRefused(
            "unsupported_type", f"ElementType is “{fields.get('ElementType', '')}”; use MET_UCHAR."
        )
    big = _flag(fields, "BinaryDataByteOrderMSB") or _flag(fields, "ElementByteOrderMSB")
    size = _size([int(value) for value in _numbers(fields, ("DimSize",), 3)])
    spacing = _numbers(fields, ("ElementSpacing", "ElementSize"), 3, "1 1 1")
    origin = _numbers(fields, ("Offset", "Position", "Origin"), 3, "0 0 0")
    rows = _numbers(fields, ("TransformMatrix", "Rotation", "Orientation"), 9, "1 0 0 0 1 0 0 0 1")
    matrix = np.array(rows).reshape(3, 3)  # row i is the direction of axis i
    plausible = min(spacing) >= MIN_SPACING_MM and max(spacing) <= MAX_SPACING_MM
    if not plausible or np.abs(matrix @ matrix.T - np.eye(3)).max() > 1e-3:
        raise VolumeRefused(
            "bad_geometry",
            f"ElementSpacing {spacing} must be positive, in mm, and TransformMatrix orthonormal.",
        )
    return Header(
        geometry=Geometry(
            size,
            (spacing[0], spacing[1], spacing[2]),
            (origin[0], origin[1], origin[2]),
            tuple(float(value) for value in matrix.T.ravel()),
        ),
        dtype=np.dtype((">" if big else "<") + code),
        slope=1.0,
        intercept=0.0,
        skip_bytes=0,
        compressed=_flag(fields, "CompressedData"),
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


def _size(numbers: list[int]) -> tuple[int, int, int]:
    if min(numbers) < 1:
        raise VolumeRefused("bad_header", f"The image's size is {numbers}; each must be 1 or more.")
    return numbers[0], numbers[1], numbers[2]


class _Raw(io.RawIOBase):
    """Lets BufferedReader give any readable stream a peek."""

    def __init__(self, stream: BinaryIO | gzip.GzipFile) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        try:
            data = self._stream.read(len(buffer))
        except (zlib.error, EOFError, gzip.BadGzipFile) as error:
            raise VolumeRefused(
                "truncated", f"The file cannot be inflated ({error}). Write it again."
            ) from error
        buffer[: len(data)] = data
        return len(data)


def write_mha(volume: Volume) -> bytes:
    """One MetaImage file (uint8, int16 or float32), compressed; it carries geometry and pixels
    and nothing else."""
    voxels = np.ascontiguousarray(volume.voxels)
    code = voxels.dtype.kind + str(voxels.dtype.itemsize)
    geometry = volume.geometry
    matrix = np.array(geometry.direction).reshape(3, 3).T.ravel()
    pixels = zlib.compress(voxels.astype(voxels.dtype.newbyteorder("<")).data, 1)

    def text(values: Iterable[float]) -> str:
        return " ".join(repr(float(value)) for value in values)

    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        f"CompressedData = True\nCompressedDataSize = {len(pixels)}\n"
        f"TransformMatrix = {text(matrix)}\nOffset = {text(geometry.origin)}\n"
        f"CenterOfRotation = 0 0 0\nElementSpacing = {text(geometry.spacing)}\n"
        f"DimSize = {' '.join(map(str, geometry.size))}\nElementType = {_MET_NAMES[code]}\n"
        "ElementDataFile = LOCAL\n"
    )
    return header.encode("ascii") + pixels
