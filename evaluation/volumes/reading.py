"""Open a file by its content, judge its header, and stream its pixels."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import VolumeRefused
from evaluation.volumes import metaimage, nifti, nrrd
from evaluation.volumes.inflating import GZIP_MAGIC, MOST_INFLATED, inflated
from evaluation.volumes.volume import Header, Packing, Volume

MAX_VOXELS = 1_000_000_000
_CHUNK_BYTES = 2 * 1024 * 1024
_CHECKSUM_REACH = 64 * 1024


@dataclass(frozen=True)
class Box:
    """A part of a volume: ``start`` (inclusive) and ``stop`` (exclusive), each (z, y, x)."""

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        (az, ay, ax), (bz, by, bx) = self.start, self.stop
        return bz - az, by - ay, bx - ax


def read_volume(source: Path | BinaryIO, *, max_voxels: int = MAX_VOXELS) -> Volume:
    """Read a NIfTI, MetaImage or NRRD file; the format is told by content, not by name.

    Raises VolumeRefused (codes: unknown_format, bad_header, bad_geometry, not_three_dimensional,
    unsupported_type, points_elsewhere, too_large, truncated).
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            return read_volume(file, max_voxels=max_voxels)
    header, pixels = open_volume(source, max_voxels=max_voxels)
    return Volume(read_voxels(header, pixels), header.geometry)


def open_volume(stream: BinaryIO, *, max_voxels: int = MAX_VOXELS) -> tuple[Header, BinaryIO]:
    """Read and judge the header alone; the stream returned stands at the pixels, inflated."""
    length = _length(stream)
    buffered = io.BufferedReader(_Raw(stream), 128 * 1024)
    opened = cast(BinaryIO, buffered)
    start = buffered.peek(4)[:4]
    packed = start[:2] == GZIP_MAGIC
    if packed:
        opened = inflated(opened, Packing.GZIP)
        header = nifti.read_header(opened)
    elif start[:1] in (b"\x5c", b"\x00", b"\x02", b"\x1c"):
        header = nifti.read_header(opened)
    elif start == b"NRRD":
        header = nrrd.read_header(opened)
    elif start:
        header = metaimage.read_header(opened)
    else:
        raise VolumeRefused("unknown_format", "The file is empty. Write the mask before exiting.")
    if header.geometry.voxels > max_voxels:
        raise VolumeRefused(
            "too_large",
            f"The header declares {header.geometry.voxels:,} voxels "
            f"({' × '.join(map(str, header.geometry.size))}); at most {max_voxels:,} are read.",
        )
    if length is not None:
        deflated = packed or header.packing is not Packing.NONE
        _require_room(header, length * (MOST_INFLATED if deflated else 1), length)
    return header, inflated(opened, header.packing)


def _length(stream: BinaryIO) -> int | None:
    """Bytes from here to the end; None for a pipe."""
    if not stream.seekable():
        return None
    here = stream.tell()
    end = stream.seek(0, io.SEEK_END)
    stream.seek(here)
    return end - here


def _require_room(header: Header, most: int, length: int) -> None:
    if header.pixel_bytes > most:
        raise VolumeRefused(
            "truncated",
            f"The header declares {header.pixel_bytes:,} bytes of pixels; a file of {length:,} "
            f"bytes holds at most {most:,}. Was the program stopped while it wrote, or the disk "
            "full?",
        )


def read_voxels(header: Header, stream: BinaryIO) -> NDArray[np.generic]:
    """The pixels as ``[z, y, x]``; scaled to float32 where the header has a slope or intercept."""
    # Fresh memory costs nothing until it is written to, so a header alone takes none.
    voxels: NDArray[np.generic] = np.empty(header.geometry.voxels, _read_as(header))
    for start, chunk in chunks(header, stream):
        voxels[start : start + chunk.size] = chunk
    return voxels.reshape(header.geometry.shape)


def read_box(header: Header, stream: BinaryIO, box: Box) -> NDArray[np.generic]:
    """Of the pixels those in ``box``, ``[z, y, x]``; one slice more is in memory meanwhile."""
    _, ny, nx = header.geometry.shape
    part: NDArray[np.generic] = np.empty(box.shape, _read_as(header))
    for start, chunk in chunks(header, stream, voxels=ny * nx):
        z = start // (ny * nx)
        if box.start[0] <= z < box.stop[0]:
            part[z - box.start[0]] = chunk.reshape(ny, nx)[
                box.start[1] : box.stop[1], box.start[2] : box.stop[2]
            ]
    return part


def _read_as(header: Header) -> np.dtype[np.generic]:
    return np.dtype(np.float32) if header.scaled else header.dtype.newbyteorder("=")


def chunks(
    header: Header, stream: BinaryIO, *, voxels: int | None = None
) -> Iterator[tuple[int, NDArray[np.generic]]]:
    """All pixels in order, some at a time: (index of the first, values, one-dimensional).

    Values are scaled where the header has a slope or intercept. A chunk is overwritten by the next.
    Raises VolumeRefused (code truncated) where there are fewer or where a checksum is wrong.
    """
    _skip(stream, header.skip_bytes)
    total, size = header.geometry.voxels, header.dtype.itemsize
    count = min(total, voxels or _CHUNK_BYTES // size)
    buffer = np.empty(count, header.dtype)
    view = memoryview(buffer.view(np.uint8).data)
    for start in range(0, total, count):
        wanted = min(count, total - start)
        filled = _fill(stream, view[: wanted * size])
        if filled < wanted * size:
            raise VolumeRefused(
                "truncated",
                f"The header declares {total * size:,} bytes of pixels, the file holds "
                f"{start * size + filled:,}. Was the program stopped while it wrote, or the disk "
                "full?",
            )
        yield start, _scaled(header, buffer[:wanted])
    # Reading a little further makes a compressed stream compare its checksum with the pixels.
    rest = stream.read(_CHECKSUM_REACH)
    if rest and header.packing is not Packing.NONE:
        raise VolumeRefused(
            "truncated",
            f"The compressed pixels inflate to more than the {total * size:,} bytes that the "
            "header declares. Write the file again.",
        )


def _scaled(header: Header, chunk: NDArray[np.generic]) -> NDArray[np.generic]:
    if header.scaled:
        return (chunk.astype(np.float64) * header.slope + header.intercept).astype(np.float32)
    return chunk if header.dtype.isnative else chunk.astype(header.dtype.newbyteorder("="))


def _fill(stream: BinaryIO, view: memoryview) -> int:
    read: Callable[[memoryview], int] = stream.readinto  # type: ignore[attr-defined]
    filled = 0
    while filled < len(view) and (count := read(view[filled:])):
        filled += count
    return filled


def _skip(stream: BinaryIO, count: int) -> None:
    while count > 0 and (data := stream.read(min(count, _CHUNK_BYTES))):
        count -= len(data)


class _Raw(io.RawIOBase):
    """Lets BufferedReader give any readable stream a peek."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
