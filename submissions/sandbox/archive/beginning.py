"""What the first mebibyte of an upload tells, so that what is no image is not sent to its end."""

import os
from pathlib import Path

from .headers import walk
from .model import MEBIBYTE, ArchiveRefused
from .streams import PIECE, Section, unpacked

_WHERE = "the file"
_OF_A_FILE_SYSTEM = {"bin", "boot", "dev", "etc", "home", "lib", "opt", "proc", "root", "sys",
                     "tmp", "usr", "var", ".dockerenv"}  # fmt: skip


def judge_beginning(path: Path) -> None:
    """Raises ArchiveRefused for what cannot become an image, however it goes on.

    path: the upload so far. Nothing is said of what has not arrived yet.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        members = walk(_Beginning(_first_bytes(descriptor)), _WHERE)
        for member in members:
            top = member.name.decode("utf-8", "surrogateescape").removeprefix("./").split("/")[0]
            if top in _OF_A_FILE_SYSTEM:
                raise ArchiveRefused(
                    "no_manifest",
                    f"The file holds a file system (it begins with “{top}”), as `docker export` "
                    "writes it: expected an image, as `docker save` writes it.",
                )
    except ArchiveRefused as refusal:
        if refusal.code != "truncated":  # the rest is on its way
            raise
    finally:
        os.close(descriptor)


def _first_bytes(descriptor: int) -> bytes:
    """Decompressed; as many as have come, up to a mebibyte."""
    size = min(os.fstat(descriptor).st_size, MEBIBYTE)
    section = Section(descriptor, 0, size, heard=lambda _: None)
    data = b""
    try:
        for piece in unpacked(section, _WHERE):
            data += piece[:PIECE]
            if len(data) >= MEBIBYTE:
                break
    except ArchiveRefused as refusal:
        if refusal.code != "truncated":
            raise
    return data[:MEBIBYTE]


class _Beginning:
    """The bytes as headers.Blocks."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        piece = self._data[self._at : self._at + size]
        self._at += len(piece)
        if not piece:
            raise ArchiveRefused("truncated", f"{_WHERE} goes on")
        return piece

    def skip(self, size: int) -> int:
        passed = min(size, len(self._data) - self._at)
        self._at += passed
        return passed
