"""A tar's headers, walked by hand.

The engine reads layers with Go's archive/tar. This reader takes the same name, size and kind from
a header as that one does, and refuses a header that other readers could take differently, so that
what was judged here is what is unpacked there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from .model import MEBIBYTE, ArchiveRefused, shown

BLOCK = 512
ZEROS = bytes(BLOCK)
MOST_EXTENSION_BYTES = MEBIBYTE  # as in Go
OCTAL = re.compile(rb"[ \0]*([0-7]*)[ \0]*")
DECIMAL = re.compile(rb"[0-9]{1,19}")
SPARSE_SIZES = (b"GNU.sparse.realsize", b"GNU.sparse.size")
WHITEOUTS_OF_NOTHING = {b".wh.", b".wh..", b".wh..."}

Kind = Literal["file", "directory", "symbolic link", "hard link", "device", "FIFO"]
KINDS: dict[bytes, Kind] = {
    b"0": "file",
    b"\0": "file",
    b"S": "file",
    b"1": "hard link",
    b"2": "symbolic link",
    b"3": "device",
    b"4": "device",
    b"5": "directory",
    b"6": "FIFO",
}


class Blocks(Protocol):
    """A tar that is read forwards. At its end both return less than was asked for."""

    def take(self, size: int) -> bytes: ...
    def skip(self, size: int) -> int: ...


@dataclass(frozen=True, slots=True)
class Member:
    """One entry: `stored` bytes of data follow its header, which unpack to `logical` bytes."""

    name: bytes
    kind: Kind
    link: bytes
    stored: int
    logical: int
    sparse: bool


@dataclass(slots=True)
class _Extension:
    """What extra headers say about the member that follows them."""

    name: bytes | None = None
    link: bytes | None = None
    records: dict[bytes, bytes] | None = None

    @property
    def empty(self) -> bool:
        return self.name is None and self.link is None and self.records is None


def walk(blocks: Blocks, where: str) -> Iterator[Member]:
    """Every member in order, with its name and a hard link's target checked to stay inside.

    A member is yielded before its data is passed over. `where` names the tar in messages.
    Raises ArchiveRefused (`not_a_tar`, `damaged`, `truncated`, `member_path`,
    `unsupported_member`).
    """
    extension = _Extension()
    first = True
    while (header := _next_header(blocks, where, first=first)) is not None:
        first = False
        flag = header[156:157]
        if flag in b"xgLK":
            _extend(extension, flag, _extension_data(blocks, header, where), where)
            continue
        member = _member(header, extension, where)
        if flag == b"S":
            _pass_sparse_map(blocks, header, where)
        extension = _Extension()
        _check_paths(member, where)
        yield member
        _pass(blocks, member.stored + -member.stored % BLOCK, where)
    if not extension.empty:
        raise _damaged(where, "it ends after an extended header")


def _next_header(blocks: Blocks, where: str, *, first: bool) -> bytes | None:
    header = blocks.take(BLOCK)
    if not header and not first:
        return None
    if header == ZEROS:
        if blocks.take(BLOCK) not in (b"", ZEROS):
            raise _damaged(where, "a single empty block stands between its members")
        return None
    if len(header) == BLOCK and _checksum_holds(header):
        return header
    if first:
        raise ArchiveRefused(
            "not_a_tar",
            f"{where} does not start with a tar header: expected what `docker save` writes, as it"
            " is or compressed with gzip, xz or zstd.",
        )
    if len(header) < BLOCK:
        raise _truncated(where)
    raise _damaged(where, "a header's checksum is wrong")


def _checksum_holds(header: bytes) -> bool:
    field = OCTAL.fullmatch(header[148:156])
    if field is None or not field[1]:
        return False
    stored = int(field[1], 8)
    total = sum(header) - sum(header[148:156]) + 8 * 32
    if stored == total:
        return True
    negative = sum(256 for byte in header[:148] + header[156:] if byte > 127)
    return stored == total - negative  # old writers summed signed bytes


def _number(field: bytes, where: str) -> int:
    if field[0] & 0x80:
        value = int.from_bytes(field, "big") ^ (0x80 << 8 * (len(field) - 1))
        if field[0] & 0x40 or value >> 63:
            raise _damaged(where, "a size is negative or too large")
        return value
    octal = OCTAL.fullmatch(field)
    if octal is None:
        raise _damaged(where, "a size is not a number")
    return int(octal[1] or b"0", 8)


def _extension_data(blocks: Blocks, header: bytes, where: str) -> bytes:
    size = _number(header[124:136], where)
    if size > MOST_EXTENSION_BYTES:
        raise _damaged(where, f"an extended header has {size:,} bytes")
    data = blocks.take(size)
    if len(data) < size:
        raise _truncated(where)
    _pass(blocks, -size % BLOCK, where)
    return data


def _extend(extension: _Extension, flag: bytes, data: bytes, where: str) -> None:
    """Only one way to say a thing about a member: readers differ in which of two they believe."""
    if flag == b"g":
        # Go ignores these and forgets what came before them; other readers do neither.
        if not extension.empty or any(map(_is_about_content, _records(data, where))):
            raise _damaged(where, "a global header renames or resizes members")
    elif flag == b"x" and extension.empty:
        extension.records = _records(data, where)
    elif flag == b"L" and extension.name is None and extension.records is None:
        extension.name = data.partition(b"\0")[0]
    elif flag == b"K" and extension.link is None and extension.records is None:
        extension.link = data.partition(b"\0")[0]
    else:
        raise _damaged(where, "a member has several extended headers that can contradict")


def _is_about_content(key: bytes) -> bool:
    return key in (b"path", b"linkpath", b"size") or key.startswith(b"GNU.sparse.")


def _records(data: bytes, where: str) -> dict[bytes, bytes]:
    """The records `<length> <key>=<value>\\n` of a pax header; of equal keys the last counts."""
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(data):
        digits, space, _ = data[at : at + 20].partition(b" ")
        end = at + int(digits) if space and DECIMAL.fullmatch(digits) else 0
        key, equals, value = data[at + len(digits) + 1 : end].partition(b"=")
        if end > len(data) or not key or not equals or not value.endswith(b"\n"):
            raise _damaged(where, "an extended header cannot be read")
        if _is_about_content(key) and (value == b"\n" or b"\0" in value):
            raise _damaged(where, "an extended header has an empty or broken value")
        records[key] = value[:-1]
        at = end
    return records


def _decimal(value: bytes, where: str) -> int:
    if not DECIMAL.fullmatch(value) or int(value) >> 63:
        raise _damaged(where, "an extended header's size is not a number")
    return int(value)


def _member(header: bytes, extension: _Extension, where: str) -> Member:
    records = extension.records or {}
    flag = header[156:157]
    name = extension.name or records.get(b"path") or _short_name(header)
    kind = KINDS.get(flag)
    if kind is None:
        raise ArchiveRefused(
            "unsupported_member",
            f"{where} has the member {shown(name)} of the tar type {shown(flag)}: expected files,"
            " folders and links. Save the image with Docker, Podman or Skopeo.",
        )
    if flag == b"\0" and name.endswith(b"/"):
        kind = "directory"
    sparse_name = records.get(b"GNU.sparse.name", name)
    stored = _number(header[124:136], where)
    if b"size" in records:
        stored = _decimal(records[b"size"], where)
    sizes = [_decimal(records[key], where) for key in SPARSE_SIZES if key in records]
    if flag == b"S":
        if header[257:265] != b"ustar  \0":
            raise _damaged(where, "a sparse member's header is not GNU tar's")
        sizes.append(_number(header[483:495], where))
    if sparse_name != name:
        _check_path(sparse_name, where)
    return Member(
        name=sparse_name,
        kind=kind,
        link=extension.link or records.get(b"linkpath") or _text(header[157:257]),
        stored=stored if kind == "file" else 0,
        logical=max(stored, *sizes) if sizes else stored if kind == "file" else 0,
        sparse=flag == b"S" or any(key.startswith(b"GNU.sparse.") for key in records),
    )


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _short_name(header: bytes) -> bytes:
    name = _text(header[:100])
    if header[257:263] != b"ustar\0" or header[345] == 0:
        return name
    # The star variant keeps two times behind a shorter prefix.
    prefix = header[345:476] if header[508:512] == b"tar\0" else header[345:500]
    return _text(prefix) + b"/" + name


def _pass_sparse_map(blocks: Blocks, header: bytes, where: str) -> None:
    """The map of a sparse member goes on in blocks that its size does not count."""
    more = header[482]
    while more:
        block = blocks.take(BLOCK)
        if len(block) < BLOCK:
            raise _truncated(where)
        more = block[504]


def _pass(blocks: Blocks, size: int, where: str) -> None:
    if size and blocks.skip(size) < size:
        raise _truncated(where)


def _check_paths(member: Member, where: str) -> None:
    _check_path(member.name, where)
    if member.kind == "hard link":
        _check_path(member.link, where)


def _check_path(path: bytes, where: str) -> None:
    """Relative, without `..`; `/` and `./` alone are the root itself."""
    if b".." not in path and b".wh." not in path and path[:1] not in (b"/", b""):
        return
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    outside = b".." in parts or (path.startswith(b"/") and parts)
    if not path or outside or not WHITEOUTS_OF_NOTHING.isdisjoint(parts):
        raise ArchiveRefused(
            "member_path",
            f"{where} has a member at {shown(path)}: expected a relative path without '..'."
            " Save the image with Docker, Podman or Skopeo.",
        )


def _damaged(where: str, what: str) -> ArchiveRefused:
    return ArchiveRefused(
        "damaged",
        f"{where} is damaged: {what}. Save the image and upload it again.",
    )


def _truncated(where: str) -> ArchiveRefused:
    return ArchiveRefused(
        "truncated",
        f"{where} ends within a member: save the image and upload it again.",
    )
