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
from submissions.sandbox.engine import Account, Engine, closing_stream
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
        content = WritableContent(stream, account, limit)
        with closing_stream(stream):
            try:
                keeper.put_archive(f"/writable/{number}", iter(content))
            except APIError as error:
                if "no space left" not in str(error):
                    raise
                content.too_large = True
        if content.too_large:
            raise WritableTooLarge(
                f"The image holds more than {limit // MIB} MiB at the writable path {path}, which "
                "is what a run may have there. Name a smaller folder, or move the large files "
                "elsewhere."
            )


class WritableContent:
    """The tar ``stream`` of a folder as one of its content, owned by ``account``.

    Where there is more than ``limit_bytes`` it ends early, in good order, and says so afterwards:
    an engine waits for the rest of a body that breaks off.
    """

    def __init__(self, stream: Iterable[bytes], account: Account, limit_bytes: int) -> None:
        self._stream = stream
        self._account = account
        self._limit_bytes = limit_bytes
        self.too_large = False

    def __iter__(self) -> Iterator[bytes]:
        used = 0
        reader = io.BufferedReader(ChunkReader(self._stream))
        with tarfile.open(fileobj=reader, mode="r|") as source:
            for member in source:
                _, _, name = member.name.partition("/")
                if member.type not in _KINDS or not name:
                    continue
                used += member.size
                if used > self._limit_bytes:
                    self.too_large = True
                    break
                content = source.extractfile(member) if member.isreg() else None
                yield self._header(member, name)
                if content is not None:
                    while chunk := content.read(_CHUNK):
                        yield chunk
                    yield padding(member.size)
        yield bytes(2 * tarfile.BLOCKSIZE)

    def _header(self, member: tarfile.TarInfo, name: str) -> bytes:
        member.name = name
        if member.islnk():
            member.linkname = member.linkname.partition("/")[2]
        member.uid, member.gid = self._account.uid, self._account.gid
        member.uname = member.gname = ""
        member.mode |= 0o700 if member.isdir() else 0o600
        return member.tobuf(tarfile.PAX_FORMAT)
