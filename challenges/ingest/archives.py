"""An uploaded archive, unpacked as a stream: whole and harmless, or refused in a sentence."""

import io
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Self

import zstandard

Progress = Callable[[int], None]

_CHUNK_BYTES = 1024 * 1024
_MOST_DEEP = 32
_MOST_PART_BYTES = 255
_MOST_NAME = 1000
_MOST_EXTENSION_BYTES = 1024 * 1024
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_ZSTD_WINDOW_BYTES = 128 * 1024 * 1024
_DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, zstandard.ZstdError, EOFError),
    *(NotImplementedError, OverflowError, struct.error, ValueError),
)


class ArchiveRefused(Exception):
    """An archive of which nothing was unpacked, and why: a sentence that names the entry."""


@dataclass(frozen=True)
class Limits:
    """entries: files and folders. total_bytes: of all files, unpacked. ratio: of these to the
    archive's own bytes, where they are more than ``ratio_from_bytes``, as a few empty masks are
    small in any archive."""

    entries: int = 200_000
    total_bytes: int = 500 * 1024**3
    ratio: float = 100.0
    ratio_from_bytes: int = 256 * 1024**2


@dataclass(frozen=True)
class Unpacked:
    """files, and their bytes."""

    files: int
    total_bytes: int


def unpack(
    archive: Path, target: Path, *, limits: Limits | None = None, progress: Progress | None = None
) -> Unpacked:
    """Unpack a .zip, .tar, .tar.gz or .tar.zst, told by content, into the new folder ``target``.

    It appears there whole at the end, in place of whatever is there; what an unpacking that was
    killed has left is cleared first. Archives within it stay packed. progress: called with the
    bytes written so far. Raises ArchiveRefused, or OSError where the disk fails.
    """
    partial = target.with_name(f"{target.name}.partial")
    _clear(partial)
    partial.mkdir(parents=True)
    try:
        writing = _Writing(partial, limits or Limits(), archive.stat().st_size, progress)
        for entry in _entries(archive, writing.limits):
            writing.take(entry)
        if not writing.files:
            raise ArchiveRefused("The archive holds no file.")
        _clear(target)
        partial.rename(target)
    except BaseException:
        _clear(partial)
        raise
    return Unpacked(len(writing.files), writing.total_bytes)


@dataclass(frozen=True)
class _Entry:
    """content: None for a folder."""

    name: str
    content: IO[bytes] | None


@dataclass
class _Writing:
    """What is written so far; files and folders are known by their names without case and in one
    Unicode form, as other systems hold two of these for the same."""

    root: Path
    limits: Limits
    archive_bytes: int
    progress: Progress | None
    files: set[str] = field(default_factory=set)
    folders: dict[str, str] = field(default_factory=dict)
    total_bytes: int = 0

    def take(self, entry: _Entry) -> None:
        path = _checked(entry.name)
        for folder in reversed(path.parents[:-1]):
            self._folder(str(folder), entry.name)
        if entry.content is None:
            self._folder(str(path), entry.name)
            return
        key = _key(str(path))
        if key in self.files or key in self.folders:
            raise ArchiveRefused(f"{_shown(entry.name)} is there twice (case and accents aside).")
        self.files.add(key)
        with (self.root / path).open("xb") as file, _told(entry.name):
            while chunk := entry.content.read(_CHUNK_BYTES):
                self._count(len(chunk), entry.name)
                file.write(chunk)

    def _folder(self, name: str, entry: str) -> None:
        key = _key(name)
        if key in self.files or self.folders.setdefault(key, name) != name:
            raise ArchiveRefused(f"{_shown(entry)} is there twice (case and accents aside).")
        (self.root / name).mkdir(exist_ok=True)

    def _count(self, more: int, name: str) -> None:
        self.total_bytes += more
        if self.total_bytes > self.limits.total_bytes:
            most = f"{self.limits.total_bytes:,} bytes"
            raise ArchiveRefused(f"It unpacks to more than {most}, reached at {_shown(name)}.")
        most_here = max(self.limits.ratio_from_bytes, self.limits.ratio * self.archive_bytes)
        if self.total_bytes > most_here:
            raise ArchiveRefused(
                f"It unpacks to more than {self.limits.ratio:g} times its own size, reached at "
                f"{_shown(name)}; no archive of images does."
            )
        if self.progress is not None:
            self.progress(self.total_bytes)


def _entries(archive: Path, limits: Limits) -> Iterator[_Entry]:
    """Every entry, of any kind of archive; content is to be read before the next is asked for."""
    with archive.open("rb") as file:
        start = file.read(512)
        file.seek(0)
        if start[:4] in _ZIP_MAGIC:
            yield from _zipped(file, limits)
        elif start[:2] == b"\x1f\x8b":
            yield from _tarred(file, "r|gz", limits)
        elif start[:4] == zstandard.FRAME_HEADER:
            opened = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
            with opened.stream_reader(file, read_across_frames=True) as inflated:
                yield from _tarred(inflated, "r|", limits)
        elif start[257:262] == b"ustar":
            yield from _tarred(file, "r|", limits)
        else:
            raise ArchiveRefused("It is neither a .zip nor a .tar, .tar.gz or .tar.zst.")


def _too_many(limits: Limits) -> ArchiveRefused:
    return ArchiveRefused(f"It holds more than {limits.entries:,} entries.")


# Zip


def _zipped(file: BinaryIO, limits: Limits) -> Iterator[_Entry]:
    with _told("its directory"):
        begins = _count_zipped(file, limits)
        opened = zipfile.ZipFile(file)
    with opened:
        infos = opened.infolist()
        for info in infos:
            _check_zipped(info)
        with _told("its directory"):
            _refuse_overlaps(file, infos, begins)
        for info in infos:
            if info.is_dir():
                yield _Entry(info.filename, None)
                continue
            with _told(info.filename):
                content = opened.open(info)
            with content:
                yield _Entry(info.filename, content)


def _count_zipped(file: BinaryIO, limits: Limits) -> int:
    """Where the directory begins. Its entries are counted one by one, before any are kept in
    memory, as what the archive says of their number may be wrong."""
    begins, size = _directory(file)
    file.seek(begins)
    buffered = io.BufferedReader(file, _CHUNK_BYTES)  # type: ignore[type-var]
    read = count = 0
    while read < size:
        header = buffered.read(46)
        if len(header) < 46 or header[:4] != b"PK\x01\x02":
            raise zipfile.BadZipFile("an entry is missing")
        behind = sum(struct.unpack("<3H", header[28:34]))
        if len(buffered.read(behind)) < behind:
            raise zipfile.BadZipFile("an entry is cut off")
        read, count = read + 46 + behind, count + 1
        if count > limits.entries:
            raise _too_many(limits)
    buffered.detach()
    return begins


def _directory(file: BinaryIO) -> tuple[int, int]:
    """Offset and size in bytes of a zip's directory, which has to end where its last record is."""
    length = file.seek(0, io.SEEK_END)
    tail_from = max(0, length - 22 - 65535)
    file.seek(tail_from)
    tail = file.read()
    found = tail.rfind(b"PK\x05\x06")
    if found < 0 or len(tail) < found + 22:
        raise zipfile.BadZipFile("no end record; was the upload cut off?")
    size, begins = struct.unpack("<2L", tail[found + 12 : found + 20])
    ends = tail_from + found
    locator = tail[found - 20 : found] if found >= 20 else b""
    if locator[:4] == b"PK\x06\x07":
        (ends,) = struct.unpack("<Q", locator[8:16])
        file.seek(ends)
        record = file.read(56)
        if len(record) < 56 or record[:4] != b"PK\x06\x06":
            raise zipfile.BadZipFile("no end record of 64 bits")
        size, begins = struct.unpack("<2Q", record[40:56])
    if begins + size != ends:
        raise zipfile.BadZipFile("its directory is not where it says")
    return begins, size


def _check_zipped(info: zipfile.ZipInfo) -> None:
    name, kind = _shown(info.orig_filename), stat.S_IFMT(info.external_attr >> 16)
    _checked(info.orig_filename)
    if kind == stat.S_IFLNK:
        raise ArchiveRefused(f"{name} is a link; put the file itself into the archive.")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveRefused(f"{name} is a device or pipe, and no file.")
    if info.flag_bits & _ENCRYPTED:
        raise ArchiveRefused(f"{name} is encrypted; upload it without a password.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        method = f"compressed by method {info.compress_type}"
        raise ArchiveRefused(f"{name} is {method}; only deflate (8) is read.")


def _refuse_overlaps(file: BinaryIO, infos: list[zipfile.ZipInfo], begins: int) -> None:
    """Entries that share bytes unpack to far more than the archive can hold honestly."""
    ends, before = 0, ""
    for info in sorted(infos, key=lambda info: info.header_offset):
        file.seek(info.header_offset)
        header = file.read(30)
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise ArchiveRefused(f"{_shown(info.filename)} is not where the archive says.")
        if info.header_offset < ends:
            pair = f"{_shown(before)} and {_shown(info.filename)}"
            raise ArchiveRefused(f"{pair} share bytes of the archive.")
        behind = sum(struct.unpack("<2H", header[26:30]))
        ends, before = info.header_offset + 30 + behind + info.compress_size, info.filename
        if ends > begins:
            raise ArchiveRefused(f"{_shown(info.filename)} reaches beyond the archive's entries.")


# Tar


class _BoundedTarInfo(tarfile.TarInfo):
    """Stricter: long names and extended headers, which are read into memory whole, are short."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        if len(buf) == tarfile.BLOCKSIZE and not any(buf):
            return super().frombuf(buf, encoding, errors)  # raises what tells the end
        try:
            made = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:  # which the library takes for an end too
            raise ArchiveRefused(f"The archive is damaged or cut off: {error}.") from error
        plain = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
        if made.type not in plain and made.size > _MOST_EXTENSION_BYTES:
            raise ArchiveRefused(f"{_shown(made.name)} has a header of {made.size:,} bytes.")
        return made


def _tarred(file: IO[bytes], mode: str, limits: Limits) -> Iterator[_Entry]:
    with _told("its beginning"):
        opened = tarfile.open(  # noqa: SIM115
            fileobj=file, mode=mode, tarinfo=_BoundedTarInfo, errorlevel=2
        )  # type: ignore[call-overload]
    with opened:
        count, name = 0, "its beginning"
        while True:
            with _told(name):
                member = opened.next()
            if member is None:
                return
            opened.members.clear()  # each that is read would be kept
            count, name = count + 1, member.name
            if count > limits.entries:
                raise _too_many(limits)
            if member.isdir() and member.name in (".", "./"):
                continue
            yield _Entry(member.name.removeprefix("./"), _tar_content(opened, member))


def _tar_content(opened: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes] | None:
    name = _shown(member.name)
    if member.issym() or member.islnk():
        raise ArchiveRefused(f"{name} is a link; put the file itself into the archive.")
    if member.isdir():
        return None
    if not member.isreg() or member.issparse():
        raise ArchiveRefused(f"{name} is a device, pipe or sparse file, and no plain file.")
    return opened.extractfile(member)


# Names


def _checked(name: str) -> PurePosixPath:
    """The name as a path below the folder that is unpacked into."""
    shown, path = _shown(name), name.rstrip("/")
    if not path or name.startswith("/") or (len(name) > 1 and name[1] == ":"):
        raise ArchiveRefused(f"{shown} is an absolute path, or none.")
    if not name.isprintable() or "\\" in name:
        raise ArchiveRefused(f"{shown} holds a character that no file name should.")
    parts = path.split("/")
    if ".." in parts:
        raise ArchiveRefused(f"{shown} leads out of the archive's folder.")
    if "." in parts or "" in parts:
        raise ArchiveRefused(f"{shown} is not a plain path.")
    longest = max(len(part.encode("utf-8", "replace")) for part in parts)
    if len(parts) > _MOST_DEEP or longest > _MOST_PART_BYTES or len(name) > _MOST_NAME:
        raise ArchiveRefused(f"{shown} is too long or too deep a path.")
    return PurePosixPath(path)


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _shown(name: str) -> str:
    """Harmless in a sentence, whatever it holds."""
    safe = "".join(char if char.isprintable() else "�" for char in name)
    return f"“{safe if len(safe) <= 100 else safe[:99] + '…'}”"


@contextmanager
def _told(name: str) -> Iterator[None]:
    """What the libraries raise on a damaged archive, in a sentence."""
    try:
        yield
    except _DAMAGED as error:
        why = (str(error).splitlines() or [""])[0][:200] or "its bytes are not as they were written"
        raise ArchiveRefused(f"The archive is damaged at {_shown(name)}: {why}.") from error


def _clear(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)
