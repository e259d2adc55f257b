"""The page of a result, its evidence as a file, its badge, and the keys that it is signed with."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.views.decorators.http import require_safe

from challenges.policies import Viewer
from leaderboards.evidence.badge import badge, words
from leaderboards.evidence.keys import pems_of, public_keys, signing_key
from leaderboards.evidence.result import Result, result_of
from leaderboards.evidence.signed import key_named, signed, written
from leaderboards.evidence.statement import statement_of
from leaderboards.lines import cell_of

_BADGE_SECONDS = 300


def evidence_of(result: Result) -> dict[str, Any]:
    """Signed now; of the same result always the same."""
    return signed(statement_of(result), signing_key(settings.STATE))


@require_safe
def result(request: HttpRequest, submission: str) -> HttpResponse:
    found = _seen(request.user, submission)
    document = evidence_of(found)
    placed = found.placed
    context = {
        "result": found,
        "placed": placed,
        "challenge": found.phase.challenge,
        "phase": found.phase,
        "statement": document["statement"],
        "key": key_named(document),
        "address": settings.ADDRESS,
        "badge": words(placed) if placed else "",
        "in_public": _has_badge(submission),
        "cells": [
            (column, cell_of(cell, column))
            for column, cell in zip(placed.columns, placed.row.cells, strict=True)
        ]
        if placed
        else [],
    }
    return _own(render(request, "leaderboards/result.html", context))


@require_safe
def evidence(request: HttpRequest, submission: str) -> HttpResponse:
    found = _seen(request.user, submission)
    name = f"uptake-{found.submission.public_id}-evidence.json"
    return _own(
        HttpResponse(
            written(evidence_of(found)),
            content_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
    )


@require_safe
def badge_svg(request: HttpRequest, submission: str) -> HttpResponse:
    """What a stranger is shown, whoever asks, as it stands in pages of others."""
    found = result_of(AnonymousUser(), submission)
    if found is None or found.placed is None:
        raise Http404
    content = badge(found.placed)
    etag = f'"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'
    headers = {
        "Cache-Control": f"public, max-age={_BADGE_SECONDS}",
        "ETag": etag,
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(content, content_type="image/svg+xml", headers=headers)


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """Every public key of this server in PEM, the present one first."""
    text = pems_of(public_keys(Path(settings.STATE)))
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def _seen(viewer: Viewer, submission: str) -> Result:
    found = result_of(viewer, submission)
    if found is None:
        raise Http404
    return found


def _has_badge(submission: str) -> bool:
    found = result_of(AnonymousUser(), submission)
    return found is not None and found.placed is not None


def _own(response: HttpResponse) -> HttpResponse:
    """Who may see it is asked each time."""
    response["Cache-Control"] = "private, no-cache"
    return response
