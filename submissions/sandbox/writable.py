"""Paths that an image's program writes to, beside /tmp: each a copy in memory, of limited size.

Published baselines write where their image keeps its models; under a read-only root they would
fail. What the image holds there is copied into a volume, as files of the account that it runs as.
"""

import io
import tarfile
from collections.abc import Iterable, Iterator

from docker.errors import APIError, NotFound
from docker.models.containers import Container

from submissions.sandbox.creation import Names
from submissions.sandbox.engine import Account, Engine
from submissions.sandbox.outcome import MIB, RunRequest
from submissions.sandbox.staging import ChunkReader, padding

_CHUNK = 1024 * 1024
_KINDS = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE)


class WritableTooLarge(Exception):
    """The image holds more at a writable path than a run may have there."""


def fill_writable(
    engine: Engine,
    image: str,
    account: Account,
    keeper: Container,
    request: RunRequest,
    names: Names,
) -> None:
    """Copy what the image holds at each writable path into its volume, through a container of the
    image that is never started. Raises WritableTooLarge."""
    if not request.writable:
        return
    template = engine.client.containers.create(
        image, ["none"], name=names.template, labels=engine.labels(request.run, request.attempt)
    )
    for number, path in enumerate(request.writable):
        try:
            stream, _ = template.get_archive(path)
        except NotFound:
            continue  # the image has nothing there: an empty folder is what it gets
        limit = request.limits.tmp_mib * MIB
        content = writable_stream(stream, account, limit, path)
        try:
            keeper.put_archive(f"/writable/{number}", content)
        except APIError as error:
            if "no space left" in str(error):
                raise _too_large(path, limit) from error
            raise


def writable_stream(
    stream: Iterable[bytes], account: Account, limit_bytes: int, path: str
) -> Iterator[bytes]:
    """The tar ``stream`` of a folder as one of its content, owned by ``account``."""
    used = 0
    reader = io.BufferedReader(ChunkReader(stream))
    with tarfile.open(fileobj=reader, mode="r|") as source:
        for member in source:
            _, _, name = member.name.partition("/")
            if member.type not in _KINDS or not name:
                continue
            used += member.size
            if used > limit_bytes:
                raise _too_large(path, limit_bytes)
            content = source.extractfile(member) if member.isreg() else None
            member.name = name
            if member.islnk():
                member.linkname = member.linkname.partition("/")[2]
            member.uid, member.gid = account.uid, account.gid
            member.uname = member.gname = ""
            member.mode |= 0o700 if member.isdir() else 0o600
            yield member.tobuf(tarfile.PAX_FORMAT)
            if content is not None:
                while chunk := content.read(_CHUNK):
                    yield chunk
                yield padding(member.size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _too_large(path: str, limit_bytes: int) -> WritableTooLarge:
    return WritableTooLarge(
        f"The image holds more than {limit_bytes // MIB} MiB at the writable path {path}, which is "
        "what a run may have there. Name a smaller folder, or move the large files elsewhere."
    )
