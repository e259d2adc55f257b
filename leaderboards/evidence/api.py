"""Results with their evidence, as data."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest
from ninja import Router, Schema

from accounts.callers import READ_OR_ANYONE, caller_of
from leaderboards.evidence.keys import key_id, pem_of, public_keys
from leaderboards.evidence.result import result_of
from leaderboards.evidence.views import evidence_of

router = Router(tags=["Results"], auth=READ_OR_ANYONE)


class SignatureOut(Schema):
    """Over the line ``uptake-evidence/1`` and the statement as JSON in ASCII with sorted keys and
    no spaces. key: id of the public key; value: base64."""

    algorithm: str
    key: str
    value: str


class EvidenceOut(Schema):
    """What ``./uptake verify`` reads. statement: see docs/leaderboards.md."""

    format: str
    statement: dict[str, Any]
    signature: SignatureOut


class KeyOut(Schema):
    """id: SHA-256 of its 32 bytes. present: the one that signs now."""

    id: str
    pem: str
    present: bool


@router.get("/results/{submission_id}", response=EvidenceOut)
def get_evidence(request: HttpRequest, submission_id: str) -> dict[str, Any]:
    """The evidence of a scored result, signed by this server."""
    found = result_of(caller_of(request).viewer, submission_id)
    if found is None:
        raise Http404
    return evidence_of(found)


@router.get("/signing-keys", response=list[KeyOut])
def list_signing_keys(request: HttpRequest) -> list[KeyOut]:
    """The public keys with which evidence was ever signed here, the present one first."""
    return [
        KeyOut(id=key_id(key), pem=pem_of(key), present=at == 0)
        for at, key in enumerate(public_keys(Path(settings.STATE)))
    ]
