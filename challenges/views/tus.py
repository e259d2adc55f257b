"""Resumable uploads by the tus protocol, version 1.0.0 (https://tus.io): core and creation."""

import base64
import binascii
from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from challenges.models import DataImport
from challenges.services import imports
from challenges.views.callers import organised, signed_in
from challenges.views.numbers import whole_number

VERSION = "1.0.0"
_PART_BYTES = 1024 * 1024
_OFFSET_TYPE = "application/offset+octet-stream"


def _tus(response: HttpResponse) -> HttpResponse:
    response["Tus-Resumable"] = VERSION
    response["Cache-Control"] = "no-store"
    return response


def _spoken(request: HttpRequest) -> HttpResponse | None:
    """412 for another version of the protocol."""
    if request.method == "OPTIONS" or request.headers.get("Tus-Resumable") == VERSION:
        return None
    refused = _tus(HttpResponse(f"Tus-Resumable: {VERSION} is expected.", status=412))
    refused["Tus-Version"] = VERSION
    return refused


@require_http_methods(["POST", "OPTIONS"])
def create(request: HttpRequest, slug: str) -> HttpResponse:
    challenge, user = organised(request, slug), signed_in(request)
    if refused := _spoken(request):
        return refused
    if request.method == "OPTIONS":
        answer = HttpResponse(status=204)
        answer["Tus-Version"], answer["Tus-Extension"] = VERSION, "creation"
        return _tus(answer)
    length = whole_number(request.headers.get("Upload-Length", ""))
    if length is None:
        return _tus(HttpResponse("Upload-Length: a number of bytes is expected.", status=400))
    name = _metadata(request).get("filename", "archive")
    try:
        row = imports.begin_upload(challenge=challenge, user=user, name=name, size_bytes=length)
    except imports.UploadRefused as refusal:
        return _tus(HttpResponse(str(refusal), status=413))
    answer = HttpResponse(status=201)
    answer["Location"] = reverse("data_upload", args=(slug, row.public_id))
    return _tus(answer)


@require_http_methods(["HEAD", "PATCH"])
def upload(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    challenge = organised(request, slug)
    row = get_object_or_404(DataImport, challenge=challenge, public_id=public_id)
    if refused := _spoken(request):
        return refused
    if request.method == "PATCH":
        offset = whole_number(request.headers.get("Upload-Offset", ""))
        if request.headers.get("Content-Type") != _OFFSET_TYPE or offset is None:
            return _tus(HttpResponse(f"{_OFFSET_TYPE} and Upload-Offset are expected.", status=415))
        try:
            imports.append(row=row, offset=offset, parts=_parts(request))
        except imports.OffsetDiffers:
            return _tus(HttpResponse("The upload does not end there.", status=409))
        except imports.UploadRefused as refusal:
            return _tus(HttpResponse(str(refusal), status=413))
    answer = HttpResponse(status=204 if request.method == "PATCH" else 200)
    answer["Upload-Offset"] = str(row.received_bytes)
    answer["Upload-Length"] = str(row.size_bytes)
    return _tus(answer)


def _parts(request: HttpRequest) -> Iterator[bytes]:
    read: Callable[[int], bytes] = request.read
    while part := read(_PART_BYTES):
        yield part


def _metadata(request: HttpRequest) -> dict[str, str]:
    """Pairs of a key and a value in base64, separated by commas; what is no text is left out."""
    found = {}
    for pair in request.headers.get("Upload-Metadata", "").split(","):
        key, _, value = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found
