"""Parts of a large file, written where it ends, whatever breaks off in between."""

import base64
import binascii
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ALGORITHMS = ("sha1", "sha256")


class OffsetDiffers(Exception):
    """The part that was sent does not begin where the file ends; or another one is under way."""


class TooMuch(Exception):
    """More came than was announced."""


class ChecksumDiffers(Exception):
    """The part is not what its sender sent, and is not kept."""


@dataclass(frozen=True)
class Checksum:
    """Of one part: algorithm is one of ALGORITHMS."""

    algorithm: str
    digest: bytes

    @classmethod
    def parse(cls, text: str) -> "Checksum":
        """``sha256 <base64>``, as the tus protocol writes it. Raises ValueError."""
        algorithm, _, encoded = text.strip().partition(" ")
        if algorithm not in ALGORITHMS:
            raise ValueError(f"{' or '.join(ALGORITHMS)} and a digest in base64 are expected")
        try:
            return cls(algorithm, base64.b64decode(encoded, validate=True))
        except binascii.Error:
            raise ValueError("the digest is not base64") from None


@contextmanager
def alone_with(path: Path) -> Iterator[IO[bytes]]:
    """The file, for one writer at a time; raises OffsetDiffers for a second one."""
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OffsetDiffers from None
        yield file


def write_part(
    file: IO[bytes],
    parts: Iterable[bytes],
    *,
    offset: int,
    end: int,
    keep: Callable[[int], object],
    checksum: Checksum | None = None,
) -> int:
    """Write ``parts`` from ``offset`` on, and tell ``keep`` where the file ends, whatever breaks.

    With a checksum they count as a whole or not at all. Raises TooMuch beyond ``end``,
    ChecksumDiffers, and what reading ``parts`` raises.
    """
    digest = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
    reached = offset
    file.seek(offset)
    try:
        for part in parts:
            if reached + len(part) > end:
                raise TooMuch
            file.write(part)
            reached += len(part)
            if digest is not None:
                digest.update(part)
        if checksum is not None and digest is not None and digest.digest() != checksum.digest:
            raise ChecksumDiffers
    except BaseException:
        reached = offset if checksum else reached
        raise
    finally:
        file.truncate(reached)
        file.flush()
        os.fsync(file.fileno())
        keep(reached)
    return reached
