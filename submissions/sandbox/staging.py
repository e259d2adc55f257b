"""A case's input as a tar stream, and a run's output out of one. No file of either is trusted to
be where it says: names are made here, and only regular files are taken."""

import io
import json
import tarfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO

from submissions.sandbox.outcome import Failure, InputImage, Stopped

MASK_ENDINGS = (".mha", ".nii.gz")
_CHUNK = 1024 * 1024
# Headers and padding of as many files as /output can hold.
_TAR_OVERHEAD_BYTES = 16 * 1024 * 1024
_TITLES = {"pet": "PET image", "ct": "CT image"}


def input_stream(images: tuple[InputImage, ...]) -> Iterator[bytes]:
    """Tar of ``images/<socket>/<id>.mha`` and ``inputs.json``; ids are random, new for each run."""
    listing = []
    yield _folder("images")
    for image in images:
        name = f"{uuid.uuid4()}.mha"
        yield _folder(f"images/{image.socket}")
        member = tarfile.TarInfo(f"images/{image.socket}/{name}")
        member.size, member.mode = image.file.stat().st_size, 0o444
        yield member.tobuf()
        with image.file.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
        yield _padding(member.size)
        socket = {
            "title": _TITLES[image.socket],
            "slug": image.socket,
            "kind": "Image",
            "super_kind": "Image",
            "relative_path": f"images/{image.socket}",
        }
        listing.append(
            {
                "file": None,
                "image": {"name": name},
                "value": None,
                "socket": socket,
                "interface": socket,
            }
        )
    content = json.dumps(listing, indent=1).encode()
    member = tarfile.TarInfo("inputs.json")
    member.size, member.mode = len(content), 0o444
    yield member.tobuf() + content + _padding(len(content))
    yield bytes(2 * tarfile.BLOCKSIZE)


def _folder(name: str) -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, 0o555
    return member.tobuf()


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


@dataclass(frozen=True)
class Collected:
    """mask: the one file found, copied out; bytes_used: all that lay in /output."""

    mask: Path | None
    failure: Failure | None
    bytes_used: int


def collect_output(
    stream: Iterable[bytes],
    *,
    slug: str,
    target: Path,
    limit_bytes: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> Collected:
    """Find the mask in a tar stream of ``/output`` and copy it to ``target``.

    Links, pipes, devices and sockets are never followed or opened: at the mask's place they are
    a failure, elsewhere they are ignored, as undeclared files are. Reading ends at the limit: a
    sparse file takes no room in /output, and is as long in the stream as it claims to be.
    """
    place = PurePosixPath("output") / "images" / slug
    masks: list[str] = []
    strange: list[str] = []
    others: list[str] = []
    used = 0
    reader: BinaryIO = io.BufferedReader(
        _Stream(stream, limit_bytes + _TAR_OVERHEAD_BYTES, should_stop)
    )
    try:
        with tarfile.open(fileobj=reader, mode="r|") as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                used += member.size
                if member.isdir():
                    continue
                # A name is any bytes; here it becomes text that a database takes.
                shown = ascii(f"/{path}")[1:-1][:200]
                if path.parent != place or not path.name.endswith(MASK_ENDINGS):
                    others.append(shown)
                elif not member.isreg():
                    strange.append(shown)
                else:
                    masks.append(shown)
                    content = archive.extractfile(member)
                    if content is not None and len(masks) == 1:
                        _copy(content, target, limit_bytes)
    except _TooMuch:
        target.unlink(missing_ok=True)
        text = f"More than {limit_bytes:,} bytes lie in /output. Write one mask, as uint8."
        return Collected(None, Failure("output_too_large", text), used)
    except tarfile.TarError as error:
        return Collected(
            None, Failure("unreadable_output", f"/output cannot be read: {error}"), used
        )
    if strange:
        failure = Failure(
            "not_a_regular_file",
            f"{_some(strange)} is a link, pipe, device or socket; a regular file is expected.",
        )
    elif len(masks) > 1:
        failure = Failure(
            "two_outputs",
            f"Expected one mask in /output/images/{slug}/, found {len(masks)}: {_some(masks)}. "
            "Write one file for the one case in /input.",
        )
    elif not masks:
        found = f"found only {_some(others)}" if others else "found no file at all"
        failure = Failure(
            "no_output",
            f"Expected one .mha or .nii.gz file in /output/images/{slug}/, {found}.",
        )
    else:
        return Collected(target, None, used)
    target.unlink(missing_ok=True)
    return Collected(None, failure, used)


def _copy(content: IO[bytes], target: Path, limit_bytes: int) -> None:
    left = limit_bytes
    with target.open("wb") as file:
        while left > 0 and (chunk := content.read(min(_CHUNK, left))):
            file.write(chunk)
            left -= len(chunk)


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


class _TooMuch(Exception):
    """The stream is longer than what may be read of it."""


class _Stream(io.RawIOBase):
    """Chunks of bytes as a readable file, of limited length, that can be stopped."""

    def __init__(
        self, chunks: Iterable[bytes], limit_bytes: int, should_stop: Callable[[], bool]
    ) -> None:
        self._chunks = iter(chunks)
        self._left = b""
        self._allowed = limit_bytes
        self._should_stop = should_stop

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        while not self._left:
            try:
                self._left = next(self._chunks)
            except StopIteration:
                return 0
            self._allowed -= len(self._left)
            if self._allowed < 0:
                raise _TooMuch
            if self._should_stop():
                raise Stopped
        taken = self._left[: len(buffer)]
        self._left = self._left[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)
