"""Uploads: the tus protocol, with what a program may want to know beside it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import HeaderEx, P, Router, Status
from ninja.errors import HttpError

from accounts.callers import READ, SUBMIT, caller_of
from challenges import tus
from challenges.api import seen_phase
from challenges.policies import may_organise
from challenges.receiving import Checksum, ChecksumDiffers, OffsetDiffers
from challenges.views.numbers import whole_number
from submissions.api.answers import (
    CONFLICT,
    TOO_MANY,
    UNPROCESSABLE,
    WRONG_TYPE,
    Problem,
    UploadOut,
    own_upload,
    require_taking_part,
    upload_out,
)
from submissions.models import Kind, Upload
from submissions.services import arriving, quotas

router = Router(tags=["Uploads"])


@router.post(
    "/challenges/{slug}/phases/{phase}/uploads",
    auth=SUBMIT,
    response={201: UploadOut, 400: Problem, 413: Problem, 422: Problem, 429: Problem},
)
def begin_upload(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    phase: str,
    upload_length: HeaderEx[str, P(description="Bytes of the file.")],
    upload_metadata: HeaderEx[
        str,
        P(
            default="",
            description="As tus has it: ``filename``, ``kind`` (container or predictions), "
            "``sha256`` (hex), ``baseline``; each value in base64.",
        ),
    ],
    tus_resumable: HeaderEx[str, P(default=tus.VERSION)],
) -> Status[Any]:
    """Ask for room for a file (tus: creation). Role, phase and quota are checked here, before the
    first byte, and again when it is submitted."""
    user = caller_of(request).user
    found = seen_phase(user, slug, phase)
    require_taking_part(user, found)
    length = whole_number(upload_length)
    if length is None:
        return Status(400, Problem(detail="Upload-Length: a number of bytes is expected."))
    told = tus.metadata_of(request)
    baseline = told.get("baseline") == "on" and may_organise(user, found.challenge)
    try:
        row = arriving.begin(
            phase=found,
            user=user,
            name=told.get("filename", "upload"),
            size_bytes=length,
            kind=told.get("kind", Kind.CONTAINER.value),
            sha256=told.get("sha256", ""),
            is_baseline=baseline,
        )
    except arriving.UploadRefused as refusal:
        return Status(UNPROCESSABLE, Problem(detail=refusal.message, code=refusal.code))
    except quotas.QuotaUsedUp as refusal:
        return Status(TOO_MANY, Problem(detail=refusal.message, code="quota_used_up"))
    tus.told(response)
    response["Location"] = reverse("api-1:upload", args=(row.public_id,))
    return Status(201, upload_out(row))


@router.get("/uploads", auth=READ, response=list[UploadOut])
def list_uploads(request: HttpRequest) -> list[UploadOut]:
    """Your uploads of which no submission was made yet."""
    rows = arriving.unfinished_uploads(caller_of(request).user)
    return [upload_out(row) for row in rows.select_related("phase__challenge")]


@router.api_operation(
    ["HEAD"],
    "/uploads/{upload_id}",
    auth=SUBMIT,
    url_name="upload",
    response={200: None},
)
def ask_upload(request: HttpRequest, response: HttpResponse, upload_id: str) -> None:
    """Where the upload ends now: ``Upload-Offset`` (tus)."""
    _offset(response, own_upload(request, upload_id))


@router.patch(
    "/uploads/{upload_id}",
    auth=SUBMIT,
    response={204: None, 409: Problem, 413: Problem, 415: Problem, 422: Problem, 460: Problem},
    openapi_extra={
        "requestBody": {
            "content": {tus.OFFSET_TYPE: {"schema": {"type": "string", "format": "binary"}}}
        }
    },
)
def continue_upload(
    request: HttpRequest,
    response: HttpResponse,
    upload_id: str,
    upload_offset: HeaderEx[str, P(description="Where the upload ends now.")],
    upload_checksum: HeaderEx[
        str,
        P(
            default="",
            description="``sha256 <base64>`` of this part: it counts as a whole or not at all.",
        ),
    ],
    tus_resumable: HeaderEx[str, P(default=tus.VERSION)],
) -> Status[Any]:
    """Send the next part, of any size (tus: core and checksum)."""
    row = own_upload(request, upload_id)
    offset = whole_number(upload_offset)
    if request.headers.get("Content-Type") != tus.OFFSET_TYPE or offset is None:
        return Status(
            WRONG_TYPE, Problem(detail=f"{tus.OFFSET_TYPE} and Upload-Offset are expected.")
        )
    try:
        checksum = Checksum.parse(upload_checksum) if upload_checksum else None
    except ValueError as error:
        return Status(UNPROCESSABLE, Problem(detail=f"Upload-Checksum: {error}."))
    try:
        arriving.append(row=row, offset=offset, parts=tus.parts_of(request), checksum=checksum)
    except OffsetDiffers:
        return Status(
            CONFLICT, Problem(detail="The upload does not end there. Ask where it ends (HEAD).")
        )
    except ChecksumDiffers:
        return Status(
            tus.CHECKSUM_MISMATCH,
            Problem(
                detail="The part arrived damaged, and is not kept. Send it again.",
                code="checksum_differs",
            ),
        )
    except arriving.UploadRefused as refusal:
        return Status(UNPROCESSABLE, Problem(detail=refusal.message, code=refusal.code))
    _offset(response, row)
    return Status(204, None)


@router.delete("/uploads/{upload_id}", auth=SUBMIT, response={204: None})
def discard_upload(request: HttpRequest, upload_id: str) -> Status[None]:
    """Give up a file that was not submitted."""
    if not arriving.discard(row=own_upload(request, upload_id)):
        raise HttpError(CONFLICT, "A submission was made of it.")
    return Status(204, None)


def _offset(response: HttpResponse, row: Upload) -> None:
    tus.told(response)
    response["Upload-Offset"] = str(row.received_bytes)
    response["Upload-Length"] = str(row.size_bytes)
