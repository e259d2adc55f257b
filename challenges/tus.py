"""The tus protocol for resumable uploads, version 1.0.0 (https://tus.io), as far as it is HTTP."""

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import TypeVar

from django.http import HttpRequest, HttpResponse

VERSION = "1.0.0"
OFFSET_TYPE = "application/offset+octet-stream"
CHECKSUM_MISMATCH = 460
_PART_BYTES = 1024 * 1024
_Response = TypeVar("_Response", bound=HttpResponse)


def told(response: _Response) -> _Response:
    """With the headers that every answer carries."""
    response["Tus-Resumable"] = VERSION
    response["Cache-Control"] = "no-store"
    return response


def another_version(request: HttpRequest) -> HttpResponse | None:
    """412 for another version of the protocol."""
    if request.method == "OPTIONS" or request.headers.get("Tus-Resumable") == VERSION:
        return None
    refused = told(HttpResponse(f"Tus-Resumable: {VERSION} is expected.", status=412))
    refused["Tus-Version"] = VERSION
    return refused


def parts_of(request: HttpRequest) -> Iterator[bytes]:
    """The body as it comes, a MiB at a time."""
    read: Callable[[int], bytes] = request.read
    while part := read(_PART_BYTES):
        yield part


def metadata_of(request: HttpRequest) -> dict[str, str]:
    """Pairs of a key and a value in base64, separated by commas; what is no text is left out."""
    found = {}
    for pair in request.headers.get("Upload-Metadata", "").split(","):
        key, _, value = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found
