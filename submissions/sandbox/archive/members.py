"""The members of the outer archive: an index that can be read at random."""

import hashlib
import os
import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from .headers import Kind, Member, walk
from .model import ArchiveLimits, ArchiveRefused, Code, shown
from .streams import Section, unpacked

DOCKER_MANIFEST = "manifest.json"
OCI_INDEX = "index.json"
WHERE = "The archive"
# Layers, their folders and notes, manifests: docker save writes four members a layer.
MOST_MEMBERS = 10_000


@dataclass(frozen=True)
class Entry:
    """A regular member of the archive: `size` bytes at `offset` of the uncompressed tar."""

    name: str
    offset: int
    size: int


class Members:
    """The archive's regular members by name, with links resolved by hand.

    `archive_bytes` is the size of the archive as uploaded.
    """

    def __init__(
        self,
        source: IO[bytes],
        *,
        limits: ArchiveLimits,
        spool: IO[bytes],
        heard: Callable[[int], None],
    ) -> None:
        """Index the archive, after decompressing it into the file `spool` where need be.

        Raises ArchiveRefused: everything that can be wrong with the outer tar.
        """
        self.archive_bytes = os.fstat(source.fileno()).st_size
        self.limits = limits
        self._heard = heard
        if self.archive_bytes > limits.compressed_bytes:
            raise ArchiveRefused(
                "too_large",
                f"The archive has {self.archive_bytes:,} bytes, at most"
                f" {limits.compressed_bytes:,} are possible: make the image smaller.",
            )
        section = Section(source.fileno(), 0, self.archive_bytes, heard=heard)
        self._file = source
        if section.compression:
            self._file = spool
            written = 0
            for piece in unpacked(section, WHERE):
                written += len(piece)
                limits.refuse_excess(written, self.archive_bytes, WHERE)
                spool.write(piece)
            spool.flush()
        self._entries, self._links = _index(self._file.fileno())

    def __contains__(self, name: str) -> bool:
        return name in self._entries or name in self._links

    def find(self, name: str, code: Code) -> Entry:
        """The member, or the one that it links to. `name` is as a manifest has it.

        Raises ArchiveRefused (`code`) if there is none.
        """
        plain = _plain(name)
        entry = self._entries.get(self._links.get(plain, plain))
        if entry is None:
            raise ArchiveRefused(
                code,
                f"The archive names {shown(name)} but does not hold it: save the image and upload"
                " it again.",
            )
        return entry

    def section(self, entry: Entry, *, hashed: bool = False) -> Section:
        return Section(
            self._file.fileno(), entry.offset, entry.size, heard=self._heard, hashed=hashed
        )

    def document(self, name: str, code: Code, *, digest: str | None = None) -> bytes:
        """A small member whole; its SHA-256 is checked against `digest` where one is known.

        Raises ArchiveRefused (`code` if missing, `json_too_large`, `wrong_digest`).
        """
        entry = self.find(name, code)
        if entry.size > self.limits.config_bytes:
            raise ArchiveRefused(
                "json_too_large",
                f"{shown(name)} has {entry.size:,} bytes, at most {self.limits.config_bytes:,}"
                " are possible: remove large labels and long histories.",
            )
        data = self.section(entry).read()
        check_digest(hashlib.sha256(data).hexdigest(), digest, name)
        return data


def check_digest(found: str | None, expected: str | None, name: str) -> None:
    """Compare SHA-256 digests in hex, unless none is expected. Raises ArchiveRefused."""
    if expected is not None and found != expected:
        raise ArchiveRefused(
            "wrong_digest",
            f"{shown(name)} has the SHA-256 digest {found}, expected {expected}: it was changed or"
            " damaged after it was built. Save the image and upload it again.",
        )


def spool_file(folder: Path) -> IO[bytes]:
    """A file without a name: nothing is left of it, however the process ends."""
    return TemporaryFile(dir=folder)


class _FileBlocks:
    """An open file as headers.Blocks, which passes over data without reading it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self.at = 0

    def take(self, size: int) -> bytes:
        data = os.pread(self._descriptor, size, self.at)
        self.at += len(data)
        return data

    def skip(self, size: int) -> int:
        passed = min(size, self._size - self.at)
        self.at += passed
        return passed


def _index(descriptor: int) -> tuple[dict[str, Entry], dict[str, str]]:
    """The regular members, and the links with the names that they lead to.

    An exported file system is full of what no image's archive holds. Its owner is better told
    that no manifest is there, so what is wrong with one member waits until all have been seen.
    """
    blocks = _FileBlocks(descriptor)
    kinds: dict[str, Kind] = {}
    entries: dict[str, Entry] = {}
    links: dict[str, str] = {}
    wrong: ArchiveRefused | None = None
    for count, member in enumerate(walk(blocks, WHERE)):
        if count >= MOST_MEMBERS:
            raise ArchiveRefused(
                "too_many_members",
                f"The archive has more than {MOST_MEMBERS:,} members: upload what `docker save`"
                " writes, not what `docker export` writes.",
            )
        name = _plain(_decoded(member.name))
        try:
            _check_member(member, name, kinds.get(name))
            if member.kind == "file":
                entries[name] = Entry(name, blocks.at, member.stored)
            elif member.kind != "directory":
                links[name] = _target(member, name)
        except ArchiveRefused as refusal:
            wrong = wrong or refusal
        kinds[name] = member.kind
    if wrong and not kinds.keys().isdisjoint((DOCKER_MANIFEST, OCI_INDEX)):
        raise wrong
    return entries, links


def _check_member(member: Member, name: str, before: Kind | None) -> None:
    if before and (before, member.kind) != ("directory", "directory"):
        raise ArchiveRefused(
            "duplicate_member",
            f"The archive has {shown(name)} twice, so that readers differ in what it is: save the"
            " image and upload it again.",
        )
    if member.sparse or member.kind in ("device", "FIFO"):
        raise ArchiveRefused(
            "unsupported_member",
            f"The archive has the {'sparse file' if member.sparse else member.kind}"
            f" {shown(name)}: expected files, folders and links. Save the image with Docker,"
            " Podman or Skopeo.",
        )


def _plain(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _target(member: Member, name: str) -> str:
    """The name that a link leads to; a symbolic link's starts from its own folder."""
    target = _decoded(member.link)
    if member.kind == "symbolic link":
        target = posixpath.join("/", posixpath.dirname(name), target)
        steps = (-1 if part == ".." else 1 for part in _plain(target).split("/"))
        if member.link.startswith(b"/") or min(accumulate(steps)) < 0:
            raise ArchiveRefused(
                "link_outside",
                f"The archive's link {shown(name)} points to {shown(member.link)}: expected one"
                " that stays inside the archive. Save the image with Docker.",
            )
        target = posixpath.normpath(target)
    return _plain(target)
