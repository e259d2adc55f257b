"""Resumable uploads of a challenge's data by the tus protocol: core and creation."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from challenges.models import DataImport
from challenges.receiving import OffsetDiffers
from challenges.services import imports
from challenges.tus import OFFSET_TYPE, VERSION, another_version, metadata_of, parts_of, told
from challenges.views.callers import organised, signed_in
from challenges.views.numbers import whole_number


@require_http_methods(["POST", "OPTIONS"])
def create(request: HttpRequest, slug: str) -> HttpResponse:
    challenge, user = organised(request, slug), signed_in(request)
    if refused := another_version(request):
        return refused
    if request.method == "OPTIONS":
        answer = HttpResponse(status=204)
        answer["Tus-Version"], answer["Tus-Extension"] = VERSION, "creation"
        return told(answer)
    length = whole_number(request.headers.get("Upload-Length", ""))
    if length is None:
        return told(HttpResponse("Upload-Length: a number of bytes is expected.", status=400))
    name = metadata_of(request).get("filename", "archive")
    try:
        row = imports.begin_upload(challenge=challenge, user=user, name=name, size_bytes=length)
    except imports.UploadRefused as refusal:
        return told(HttpResponse(str(refusal), status=413))
    answer = HttpResponse(status=201)
    answer["Location"] = reverse("data_upload", args=(slug, row.public_id))
    return told(answer)


@require_http_methods(["HEAD", "PATCH"])
def upload(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    challenge = organised(request, slug)
    row = get_object_or_404(DataImport, challenge=challenge, public_id=public_id)
    if refused := another_version(request):
        return refused
    if request.method == "PATCH":
        offset = whole_number(request.headers.get("Upload-Offset", ""))
        if request.headers.get("Content-Type") != OFFSET_TYPE or offset is None:
            return told(HttpResponse(f"{OFFSET_TYPE} and Upload-Offset are expected.", status=415))
        try:
            imports.append(row=row, offset=offset, parts=parts_of(request))
        except OffsetDiffers:
            return told(HttpResponse("The upload does not end there.", status=409))
        except imports.UploadRefused as refusal:
            return told(HttpResponse(str(refusal), status=413))
    answer = HttpResponse(status=204 if request.method == "PATCH" else 200)
    answer["Upload-Offset"] = str(row.received_bytes)
    answer["Upload-Length"] = str(row.size_bytes)
    return told(answer)
