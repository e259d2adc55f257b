"""A case's input as a tar stream, and a run's output out of one. No file of either is trusted to
be where it says: names are made here, and only regular files are taken."""

import io
import json
import math
import tarfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from submissions.sandbox.outcome import Failure, InputDocument, InputImage, Statement, Stopped

MASK_ENDINGS = (".mha", ".nii.gz")
DOCUMENT_BYTES = 64 * 1024
_CHUNK = 1024 * 1024
# Headers and padding of as many files as /output can hold.
_TAR_OVERHEAD_BYTES = 16 * 1024 * 1024
_TITLES = {"pet": "PET image", "ct": "CT image"}


def input_stream(
    images: tuple[InputImage, ...], documents: tuple[InputDocument, ...] = ()
) -> Iterator[bytes]:
    """Tar of ``images/<socket>/<id>.mha``, ``<name>.json`` and ``inputs.json``, the list of them in
    grand-challenge.org's schema; ids are random, new for each run."""
    listing = []
    yield _folder("images")
    for image in images:
        name = f"{uuid.uuid4()}.mha"
        yield _folder(f"images/{image.socket}")
        yield _header(f"images/{image.socket}/{name}", image.file.stat().st_size)
        with image.file.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
            yield padding(file.tell())
        socket = {
            "title": _TITLES[image.socket],
            "slug": image.socket,
            "kind": "Image",
            "super_kind": "Image",
            "relative_path": f"images/{image.socket}",
        }
        listing.append(_entry(socket, {"name": name}, None))
    for document in documents:
        name = f"{document.name}.json"
        yield _file(name, document.value)
        socket = {
            "title": document.title,
            "slug": document.name,
            "kind": "Anything",
            "super_kind": "Value",
            "relative_path": name,
        }
        listing.append(_entry(socket, None, document.value))
    yield _file("inputs.json", listing)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _entry(socket: dict[str, str], image: dict[str, str] | None, value: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"file": None, "image": image, "value": value, "socket": socket, "interface": socket}


def _file(name: str, value: Any) -> bytes:  # noqa: ANN401
    content = json.dumps(value, indent=1, allow_nan=False).encode()
    return _header(name, len(content)) + content + padding(len(content))


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o444
    return member.tobuf()


def _folder(name: str) -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, 0o555
    return member.tobuf()


def padding(size: int) -> bytes:
    """What fills up the last block of a tar's member."""
    return bytes(-size % tarfile.BLOCKSIZE)


@dataclass(frozen=True)
class Collected:
    """mask: the one file found, copied out, and so confidence, where it is asked for and there;
    documents: the declared JSON files, as bytes, by name; bytes_used: all that lay in /output."""

    mask: Path | None
    documents: dict[str, bytes]
    failure: Failure | None
    bytes_used: int
    confidence: Path | None = None


def collect_output(
    stream: Iterable[bytes],
    *,
    slug: str,
    target: Path,
    limit_bytes: int,
    documents: tuple[str, ...] = (),
    confidence: Statement | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Collected:
    """Find the mask in a tar stream of ``/output`` and copy it to ``target``, and what is asked for
    of ``confidence`` to a file beside it; read the declared JSON ``documents``.

    Links, pipes, devices and sockets are never followed or opened: at the place of a declared
    output they are a failure, elsewhere they are ignored, as undeclared files are. Reading ends at
    the limit: a sparse file takes no room in /output, and is as long in the stream as it claims.
    """
    output = PurePosixPath("output")
    wanted = {output / f"{name}.json": name for name in documents}
    found = _Found()
    beside = target.with_name("confidence")
    reader = io.BufferedReader(ChunkReader(stream, limit_bytes + _TAR_OVERHEAD_BYTES, should_stop))
    try:
        with tarfile.open(fileobj=reader, mode="r|") as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                found.used += member.size
                # A name is any bytes; here it becomes text that a database takes.
                shown = ascii(f"/{path}")[1:-1][:200]
                is_mask = path.parent == output / "images" / slug and path.name.endswith(
                    MASK_ENDINGS
                )
                if member.isdir():
                    continue
                is_stated = confidence is not None and _is_stated(path, confidence)
                if not is_mask and not is_stated and path not in wanted:
                    found.others.append(shown)
                elif not member.isreg():
                    found.strange.append(shown)
                elif is_mask:
                    found.masks.append(shown)
                    content = archive.extractfile(member)
                    if content is not None and len(found.masks) == 1:
                        _copy(content, target, limit_bytes)
                elif is_stated and confidence is not None and confidence.is_map:
                    found.stated.append(shown)
                    content = archive.extractfile(member)
                    if content is not None and len(found.stated) == 1:
                        _copy(content, beside, limit_bytes)
                elif member.size > DOCUMENT_BYTES:
                    found.long.append(shown)
                elif is_stated and (content := archive.extractfile(member)) is not None:
                    found.stated.append(shown)
                    _copy(content, beside, DOCUMENT_BYTES)
                elif (content := archive.extractfile(member)) is not None:
                    found.documents[wanted[path]] = content.read()
    except _TooMuch:
        text = f"More than {limit_bytes:,} bytes lie in /output. Write one mask, as uint8."
        failure: Failure | None = Failure("output_too_large", text)
    except tarfile.TarError as error:
        failure = Failure("unreadable_output", f"/output cannot be read: {error}")
    else:
        failure = _missing_or_strange(found, slug, documents) or wrong_number_stated(
            found.stated, confidence
        )
    if failure is not None:
        target.unlink(missing_ok=True)
        beside.unlink(missing_ok=True)
        return Collected(None, {}, failure, found.used)
    stated = beside if found.stated else None
    return Collected(target, found.documents, None, found.used, stated)


def _is_stated(path: PurePosixPath, asked: Statement) -> bool:
    if not asked.is_map:
        return path == PurePosixPath("output") / f"{asked.name}.json"
    folder = PurePosixPath("output") / "images" / asked.name
    return path.parent == folder and path.name.endswith(MASK_ENDINGS)


def wrong_number_stated(found: Sequence[str], asked: Statement | None) -> Failure | None:
    """found: the files in the place of what is asked for, as they are shown."""
    if asked is None or len(found) == 1:
        return None
    if found:
        return Failure(
            "two_maps",
            f"Expected one probability map in {asked.place}, found {len(found)}: {_some(found)}. "
            "Write one file for the one case in /input.",
        )
    if not asked.required:
        return None
    what = "a probability map (one .mha or .nii.gz file)" if asked.is_map else "a number as JSON"
    return Failure("no_confidence", f"Expected {what} in {asked.place}; found none.")


@dataclass
class _Found:
    """Names, as they are shown, by what they are."""

    masks: list[str] = field(default_factory=list)
    stated: list[str] = field(default_factory=list)
    documents: dict[str, bytes] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)
    long: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    used: int = 0


def _missing_or_strange(found: _Found, slug: str, documents: tuple[str, ...]) -> Failure | None:
    if found.strange:
        return Failure(
            "not_a_regular_file",
            f"{_some(found.strange)} is a link, pipe, device or socket; "
            "a regular file is expected.",
        )
    if len(found.masks) > 1:
        return Failure(
            "two_outputs",
            f"Expected one mask in /output/images/{slug}/, found {len(found.masks)}: "
            f"{_some(found.masks)}. Write one file for the one case in /input.",
        )
    others = f"found only {_some(found.others)}" if found.others else "found no file at all"
    if not found.masks:
        return Failure(
            "no_output",
            f"Expected one .mha or .nii.gz file in /output/images/{slug}/, {others}.",
        )
    if found.long:
        return Failure(
            "json_too_large", f"{_some(found.long)} has more than {DOCUMENT_BYTES // 1024} KiB."
        )
    missing = [f"/output/{name}.json" for name in documents if name not in found.documents]
    if missing:
        return Failure("no_json", f"Expected {_some(missing)} beside the mask; found no such file.")
    return None


def _copy(content: IO[bytes], target: Path, limit_bytes: int) -> None:
    left = limit_bytes
    with target.open("wb") as file:
        while left > 0 and (chunk := content.read(min(_CHUNK, left))):
            file.write(chunk)
            left -= len(chunk)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


class _TooMuch(Exception):
    """The stream is longer than what may be read of it."""


class ChunkReader(io.RawIOBase):
    """Chunks of bytes as a readable file, of limited length, that can be stopped."""

    def __init__(
        self,
        chunks: Iterable[bytes],
        limit_bytes: float = math.inf,
        should_stop: Callable[[], bool] = lambda: False,
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
