"""Compressed streams as plain ones, inflated no further than they are read.

isal inflates at several times the speed of zlib; both check the checksum at a stream's end.
"""

import io
from typing import Any, BinaryIO, cast

from isal import igzip_lib

from evaluation.errors import VolumeRefused
from evaluation.volumes.volume import Packing

GZIP_MAGIC = b"\x1f\x8b"
MOST_INFLATED = 1032
"""No deflate stream inflates to more than this multiple of its length."""
_FORMATS = {Packing.GZIP: igzip_lib.DECOMP_GZIP, Packing.ZLIB: igzip_lib.DECOMP_ZLIB}
_IsalError = cast(type[Exception], igzip_lib.IsalError)
_RAW_BYTES = 128 * 1024


def inflated(stream: BinaryIO, packing: Packing) -> BinaryIO:
    """``stream`` from where it stands, without its compression."""
    if packing is Packing.NONE:
        return stream
    return cast(BinaryIO, io.BufferedReader(_Inflated(stream, packing), _RAW_BYTES))


class _Inflated(io.RawIOBase):
    def __init__(self, stream: BinaryIO, packing: Packing) -> None:
        self._stream, self._packing = stream, packing
        self._inflater = igzip_lib.IgzipDecompressor(flag=_FORMATS[packing])
        self._left = b""  # read, and not yet given to the inflater
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        try:
            data = self._some(len(buffer))
        except _IsalError as error:
            raise _damaged(str(error)) from error
        buffer[: len(data)] = data
        return len(data)

    def _some(self, wanted: int) -> bytes:
        """At least one byte and at most ``wanted``; none at the end."""
        while not self._ended:
            if self._inflater.eof:
                self._next_member()
                continue
            raw = b""
            if self._inflater.needs_input:
                raw, self._left = self._left or self._stream.read(_RAW_BYTES), b""
                if not raw:
                    raise _damaged("it ends in the middle")
            if data := self._inflater.decompress(raw, wanted):
                return data
        return b""

    def _next_member(self) -> None:
        """A gzip file may be several, one behind the other; zeros may follow the last."""
        rest = self._inflater.unused_data or self._stream.read(_RAW_BYTES)
        if self._packing is not Packing.GZIP or not rest.strip(b"\0"):
            self._ended = True
        elif rest[:1] == GZIP_MAGIC[:1]:
            self._inflater = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
            self._left = rest
        else:
            raise _damaged("other bytes follow its end")


def _damaged(how: str) -> VolumeRefused:
    return VolumeRefused(
        "truncated", f"The file's compressed part cannot be inflated ({how}). Write the file again."
    )
