"""Bytes of a file, decompressed piece by piece: a piece never exceeds a mebibyte."""

import hashlib
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Literal, Protocol, cast

import zstandard

from .model import MEBIBYTE, ArchiveRefused

PIECE = MEBIBYTE
READ = 1 << 16
# Each further stream of a concatenation costs a copy of what was read ahead.
MOST_STREAMS = 1_000_000
XZ_MEMORY = 256 * MEBIBYTE
ZSTD_WINDOW = 128 * MEBIBYTE

Compression = Literal["gzip", "xz", "zstd"]
MAGIC: dict[bytes, Compression] = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}


class Section:
    """`size` bytes of an open file from `offset`, read once, from front to back.

    `heard` is told how many bytes each read returned. `sha256`, once all is read, is the digest
    of the section where `hashed` was asked for.
    """

    def __init__(
        self,
        descriptor: int,
        offset: int,
        size: int,
        *,
        heard: Callable[[int], None],
        hashed: bool = False,
    ) -> None:
        self._descriptor = descriptor
        self._at = offset
        self._end = offset + size
        self._heard = heard
        self._sha256 = hashlib.sha256() if hashed else None

    @property
    def compression(self) -> Compression | None:
        head = os.pread(self._descriptor, min(6, self._end - self._at), self._at)
        return next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)

    @property
    def sha256(self) -> str | None:
        return self._sha256.hexdigest() if self._sha256 else None

    def read(self, size: int = -1) -> bytes:
        left = self._end - self._at
        piece = os.pread(self._descriptor, left if size < 0 else min(size, left), self._at)
        self._at += len(piece)
        if self._sha256:
            self._sha256.update(piece)
        self._heard(len(piece))
        return piece

    def drain(self) -> None:
        while self.read(PIECE):
            pass


def unpacked(section: Section, where: str) -> Iterator[bytes]:
    """The section's content, decompressed if its first bytes say gzip, xz or zstd.

    Raises ArchiveRefused (`damaged`, `truncated`). A zstd stream that ends within a frame only
    ends early: what is read from it must notice.
    """
    try:
        match section.compression:
            case None:
                yield from iter(lambda: section.read(PIECE), b"")
            case "gzip":
                yield from _joined(section, _Gzip, where)
            case "xz":
                yield from _joined(section, _xz, where)
            case "zstd":
                yield from _zstd(section)
    except (zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        raise ArchiveRefused(
            "damaged",
            f"{where} cannot be decompressed ({error}): save the image and upload it again.",
        ) from error


class _Decompressor(Protocol):
    """The part of lzma.LZMADecompressor that is used here."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gzip:
    """zlib's decompressor behind the interface of lzma's."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._full and not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        piece = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._full = len(piece) == max_length
        return piece


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)


def _joined(section: Section, start: Callable[[], _Decompressor], where: str) -> Iterator[bytes]:
    """One stream after the other: pigz, pixz and lazily pulled layers concatenate them."""
    data = b""
    for _ in range(MOST_STREAMS):
        decompressor = start()
        while not decompressor.eof:
            if not data and decompressor.needs_input:
                data = section.read(READ)
                if not data:
                    raise ArchiveRefused(
                        "truncated",
                        f"{where} ends within its compressed data: upload it again.",
                    )
            piece = decompressor.decompress(data, PIECE)
            data = b""
            if piece:
                yield piece
        data = decompressor.unused_data.lstrip(b"\0")
        while not data:
            more = section.read(READ)
            if not more:
                return
            data = more.lstrip(b"\0")
    raise ArchiveRefused(
        "damaged",
        f"{where} is made of more than {MOST_STREAMS:,} compressed streams: compress it as one.",
    )


def _zstd(section: Section) -> Iterator[bytes]:
    reader = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).stream_reader(
        cast(IO[bytes], section), read_size=READ, read_across_frames=True
    )
    while piece := reader.read(PIECE):
        yield piece
