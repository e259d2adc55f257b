"""The one form in which an image is stored and given to an engine.

An uncompressed docker-archive without tags: manifest.json, the config's bytes as they were, each
distinct layer once as an uncompressed tar. The same image gives the same bytes, whatever it came
in. Layers are judged while they are copied.
"""

import hashlib
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from .config import read_config
from .headers import BLOCK, Member, walk
from .layout import StoredLayer, only_image
from .members import Members, check_digest, spool_file
from .model import MEBIBYTE, ArchiveLimits, ArchiveRefused, InspectedImage, shown
from .streams import unpacked
from .weights import MOST_HEADER, Weights

DEFAULT_LIMITS = ArchiveLimits()


def canonicalise(
    source: Path,
    target: Path,
    *,
    limits: ArchiveLimits = DEFAULT_LIMITS,
    work: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> InspectedImage:
    """Judge the archive `source` and write its image to `target` in canonical form.

    Accepts tars, also compressed with gzip, xz or zstd (by content, not by name), as Docker,
    Podman, Skopeo, BuildKit and others write them: with a manifest.json, or as an OCI layout.
    Members are never extracted, and no more than a few mebibytes of data are held in memory,
    besides one JSON document (`limits.config_bytes`).

    A compressed archive is unpacked into a nameless file in `work` (default: the folder of
    `target`), so that up to twice `limits.unpacked_bytes` of disk are used. `target` appears whole
    or not at all, synchronised to disk, readable by its owner only; an existing one is replaced.

    `progress` is called with a running total of bytes read, at most once a mebibyte: a sign of
    life, not a share. What it raises ends the work and leaves nothing behind.

    Raises ArchiveRefused for anything wrong with the archive, and OSError (disk full, `source`
    missing) for what is not the archive's fault.
    """
    with (
        source.open("rb", buffering=0) as file,
        spool_file(work or target.parent) as spool,
        NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}.", suffix=".partial", delete=False
        ) as partial,
    ):
        try:
            members = Members(file, limits=limits, spool=spool, heard=_total(progress))
            image = _write(members, partial.file, limits)
            partial.flush()
            os.fsync(partial.fileno())
            Path(partial.name).replace(target)
        except BaseException:
            Path(partial.name).unlink(missing_ok=True)
            raise
    _synchronise(target.parent)
    return image


def _total(progress: Callable[[int], None] | None) -> Callable[[int], None]:
    total = told = 0

    def heard(count: int) -> None:
        nonlocal total, told
        total += count
        if progress and total - told >= MEBIBYTE:
            told = total
            progress(total)

    return heard


def _synchronise(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(members: Members, out: IO[bytes], limits: ArchiveLimits) -> InspectedImage:
    image = only_image(members)
    config, diff_ids = read_config(image.config, limits)
    if len(diff_ids) != len(image.layers):
        raise ArchiveRefused(
            "layers_disagree",
            f"The manifest lists {len(image.layers):,} layers and the config {len(diff_ids):,}:"
            " save the image and upload it again.",
        )
    names = [f"{diff_id.removeprefix('sha256:')}/layer.tar" for diff_id in diff_ids]
    name = f"{image.digest}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": None, "Layers": names}]).encode()
    _put(out, "manifest.json", manifest)
    _put(out, name, image.config)
    weights = Weights()
    total = _copy_layers(members, diff_ids, image.layers, out, limits, weights)
    out.write(bytes(2 * BLOCK))
    return InspectedImage(
        digest=f"sha256:{image.digest}",
        config=config,
        layers=diff_ids,
        unpacked_bytes=total,
        archive_bytes=out.tell(),
        layout=image.layout,
        weights=weights.files(),
    )


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)  # owner 0, time 0, mode 0644
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def _put(out: IO[bytes], name: str, data: bytes) -> None:
    out.write(_header(name, len(data)) + data + bytes(-len(data) % BLOCK))


class _Tally:
    """What the layers come to so far, held against the limits while they are read."""

    def __init__(self, members: Members, limits: ArchiveLimits) -> None:
        self._archive_bytes = members.archive_bytes
        self._limits = limits
        self.tar_bytes = 0
        self.logical_bytes = 0
        self._members = 0

    def add_tar(self, count: int) -> None:
        self.tar_bytes += count
        self._limits.refuse_excess(self.tar_bytes, self._archive_bytes, "The image")

    def add_members(self, count: int, logical: int) -> None:
        self._members += count
        self.logical_bytes += logical
        self._limits.refuse_excess(self.logical_bytes, self._archive_bytes, "The image")
        if self._members > self._limits.members:
            raise ArchiveRefused(
                "too_many_members",
                f"The image has more than {self._limits.members:,} files: leave build caches and"
                " data out of the image.",
            )


def _copy_layers(
    members: Members,
    diff_ids: tuple[str, ...],
    layers: tuple[StoredLayer, ...],
    out: IO[bytes],
    limits: ArchiveLimits,
    weights: Weights,
) -> int:
    """Write each distinct layer once. Returns the logical bytes over layers as listed.

    An engine unpacks a layer as often as it is listed: so often it counts. A second copy of a
    layer that the archive may hold goes unread and is not passed on.
    """
    tally = _Tally(members, limits)
    known: dict[str, tuple[int, int]] = {}
    for diff_id, layer in zip(diff_ids, layers, strict=True):
        if diff_id in known:
            tally.add_members(*known[diff_id])
        else:
            known[diff_id] = _copy_layer(
                members, diff_id.removeprefix("sha256:"), layer, out, tally, weights
            )
    return tally.logical_bytes


def _copy_layer(
    members: Members,
    diff: str,
    layer: StoredLayer,
    out: IO[bytes],
    tally: _Tally,
    weights: Weights,
) -> tuple[int, int]:
    """Judge a layer and append it to `out`. Returns its members and their logical bytes."""
    where = f"The layer {shown(layer.entry.name)}"
    section = members.section(layer.entry)
    compressed = section.compression is not None
    if compressed and layer.digest:
        section = members.section(layer.entry, hashed=True)
    start = out.tell()
    out.write(bytes(BLOCK))
    count = logical = 0
    blocks = _Layer(unpacked(section, where), out, tally)
    passing: Member | None = None
    for member in walk(blocks, where):
        if passing is not None:
            weights.take(passing, blocks.overheard())
        passing = member if weights.wants(member) else None
        if passing is not None:
            blocks.overhear(min(member.stored, MOST_HEADER))
        # The engine lets a container open the host's console if the image brings its node.
        if member.kind == "device":
            raise ArchiveRefused(
                "device",
                f"{where} has the device {shown(member.name)}: leave devices out where the image's"
                " root file system is packed (removing them in a later layer is not enough); the"
                " engine provides /dev.",
            )
        count += 1
        logical += member.logical
        tally.add_members(1, member.logical)
    if passing is not None:
        weights.take(passing, blocks.overheard())
    blocks.drain()
    section.drain()
    check_digest(blocks.sha256, diff, layer.entry.name)
    check_digest(section.sha256 if compressed else blocks.sha256, layer.digest, layer.entry.name)
    out.write(bytes(-blocks.size % BLOCK))
    end = out.tell()
    out.seek(start)
    out.write(_header(f"{diff}/layer.tar", blocks.size))
    out.seek(end)
    return count, logical


class _Layer:
    """A layer as headers.Blocks. Each piece is hashed, counted and copied as it comes."""

    def __init__(self, pieces: Iterator[bytes], out: IO[bytes], tally: _Tally) -> None:
        self._pieces = pieces
        self._out = out
        self._tally = tally
        self._sha256 = hashlib.sha256()
        self._piece = b""
        self._at = 0
        self._overheard = bytearray()
        self._overhear = 0
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def take(self, size: int) -> bytes:
        data = self._piece[self._at : self._at + size]
        self._at += len(data)
        while len(data) < size and self._next():
            self._at = size - len(data)
            data += self._piece[: self._at]
            self._at = min(self._at, len(self._piece))
        return data

    def skip(self, size: int) -> int:
        passed = min(size, len(self._piece) - self._at)
        self._hear(self._at, self._at + passed)
        self._at += passed
        while passed < size and self._next():
            self._at = min(size - passed, len(self._piece))
            self._hear(0, self._at)
            passed += self._at
        return passed

    def overhear(self, size: int) -> None:
        """Keep the first ``size`` bytes that are passed over from here on."""
        self._overheard, self._overhear = bytearray(), size

    def overheard(self) -> bytes:
        found, self._overheard, self._overhear = bytes(self._overheard), bytearray(), 0
        return found

    def _hear(self, start: int, end: int) -> None:
        if self._overhear:
            more = self._piece[start : min(end, start + self._overhear)]
            self._overheard += more
            self._overhear -= len(more)

    def drain(self) -> None:
        while self._next():
            pass

    def _next(self) -> bool:
        self._piece, self._at = next(self._pieces, b""), 0
        self.size += len(self._piece)
        self._tally.add_tar(len(self._piece))
        self._sha256.update(self._piece)
        self._out.write(self._piece)
        return bool(self._piece)
