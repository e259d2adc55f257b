"""The texts in an image's header, whatever its format: (where, text). No pixel is read."""

import gzip
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

_MOST_BYTES = 4 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_NUMERIC_MHA = re.compile(
    r"(?i)(ndims|binarydata\w*|compressed\w*|transformmatrix|offset|position|origin|orientation"
    r"|rotation|centerofrotation|anatomicalorientation|element\w+|dimsize|objecttype|headersize"
    r"|modality)"
)


def texts_of(path: Path) -> Iterator[tuple[str, str]]:
    """Of a NIfTI, MetaImage or NRRD file; nothing of any other. Raises OSError."""
    start = _beginning(path, 1024)
    if start[:4] in (
        b"\x5c\x01\x00\x00",
        b"\x00\x00\x01\x5c",
        b"\x1c\x02\x00\x00",
        b"\x00\x00\x02\x1c",
    ):
        yield from _nifti(path, start)
    elif start[:4] == b"NRRD":
        yield from _nrrd(_beginning(path, _MOST_BYTES))
    elif re.match(rb"\s*\w+\s*=", start):
        yield from _metaimage(_beginning(path, _MOST_BYTES))


def _beginning(path: Path, size: int) -> bytes:
    """The first bytes, inflated where the file is; fewer of a damaged one."""
    with path.open("rb") as file:
        start = file.read(2)
        file.seek(0)
        if start != _GZIP:
            return file.read(size)
        held = bytearray()
        try:
            with gzip.open(file) as inflated:
                while len(held) < size and (chunk := inflated.read1(size - len(held))):
                    held += chunk
        except (EOFError, zlib.error, gzip.BadGzipFile):
            pass
        return bytes(held)


def _nifti(path: Path, start: bytes) -> Iterator[tuple[str, str]]:
    little = start[0] != 0
    order, second = "<" if little else ">", start[0] == 0x1C or start[3] == 0x1C
    fields = (
        {"descrip": (240, 80), "aux_file": (320, 24), "intent_name": (508, 16)}
        if second
        else {
            "data_type": (4, 10),
            "db_name": (14, 18),
            "descrip": (148, 80),
            "aux_file": (228, 24),
            "intent_name": (328, 16),
        }
    )
    for name, (at, length) in fields.items():
        yield name, _clean(start[at : at + length].split(b"\0")[0])
    size = 540 if second else 348
    form, at = ("q", 168) if second else ("f", 108)
    if len(start) < size + 4 or start[size] == 0:
        return
    (offset,) = struct.unpack_from(order + form, start, at)
    end = int(min(max(offset, 0), _MOST_BYTES)) if offset == offset else 0
    content, at = _beginning(path, end), size + 4
    while at + 8 <= len(content):
        length, code = struct.unpack_from(order + "2i", content, at)
        if length < 8:
            return
        yield f"extension {code}", _clean(content[at + 8 : at + length])
        at += length


def _nrrd(content: bytes) -> Iterator[tuple[str, str]]:
    header = re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0]
    for line in _clean(header).splitlines()[1:]:
        if line.startswith("#"):
            yield "comment", line[1:].strip()
        elif ":=" in line:
            key, _, value = line.partition(":=")
            yield key.strip(), value.strip()
        elif line.lower().startswith("content:"):
            yield "content", line.partition(":")[2].strip()


def _metaimage(content: bytes) -> Iterator[tuple[str, str]]:
    for line in re.split(rb"ElementDataFile", content, maxsplit=1)[0].splitlines():
        key, _, value = _clean(line).partition("=")
        if key.strip() and not _NUMERIC_MHA.fullmatch(key.strip()):
            yield key.strip(), value.strip()


def _clean(content: bytes) -> str:
    text = content.decode("utf-8", "replace")
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text).strip()
