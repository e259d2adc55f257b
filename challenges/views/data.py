"""Pages on which data are brought, checked and decided about."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.models import User
from challenges.models import DataImport
from challenges.selectors.preparing import document_of
from challenges.services import imports
from challenges.views.callers import organised
from challenges.views.preparing import prepared


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def data(request: HttpRequest, slug: str) -> HttpResponse:
    """Every import, and the form for a new one; the form works without JavaScript."""
    challenge, user = organised(request, slug), request.user
    refused = ""
    if request.method == "POST" and isinstance(user, User):
        file = request.FILES.get("archive")
        refused = getattr(request, "upload_refused", "") or "Choose an archive: .zip or .tar."
        if file is not None:
            try:
                row = imports.take_file(challenge=challenge, user=user, file=file)
            except imports.UploadRefused as refusal:
                refused = str(refusal)
            else:
                return redirect("data_import", slug, row.public_id)
    context = {
        **prepared(request, challenge),
        "imports": challenge.imports.select_related("started_by"),
        "refused": refused,
        "readers": document_of(challenge).get("readers")
        or [{"name": "Expert", "file": "reference"}],
    }
    return render(
        request, "challenges/preparing/data.html", context, status=422 if refused else 200
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def data_import(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """One import: what was found, to be confirmed; then how far it is."""
    challenge = organised(request, slug)
    row = get_object_or_404(DataImport, challenge=challenge, public_id=public_id)
    if request.method == "POST":
        _act(request, row)
        return redirect("data_import", slug, public_id)
    part = "part" if request.headers.get("HX-Request") else "import"
    context = {
        **prepared(request, challenge),
        "row": row,
        "readers": _readers(row),
        "unread": _unread(row),
    }
    return render(request, f"challenges/preparing/{part}.html", context)


def _act(request: HttpRequest, row: DataImport) -> None:
    what = request.POST.get("what")
    choices = {**row.choices}
    chosen = {
        name.removeprefix("reader "): value
        for name, value in request.POST.items()
        if name.startswith("reader ") and isinstance(value, str) and value
    }
    if chosen:
        choices["readers"] = chosen
    if what == "confirm" and not imports.confirm(row=row, choices=choices):
        messages.info(request, "It is under way already.")
    elif what == "again":
        imports.look_again(row=row, choices=choices)
    elif what == "cancel" and imports.cancel(row=row):
        messages.success(request, "Cancelled. Cases that were stored are kept.")
    elif what not in ("confirm", "again", "cancel"):
        raise Http404


def _readers(row: DataImport) -> list[dict[str, Any]]:
    """Those wanted, each with what it may be read from."""
    found = row.survey.get("readers", [])
    keys = sorted({one["key"] for one in found if one["key"]})
    return [{**one, "options": keys} for one in found if one["taken"] or not one["key"]]


def _unread(row: DataImport) -> list[str]:
    """Masks that no reader takes, where a reader or a case has none."""
    found = row.survey.get("readers", [])
    lacking = row.survey.get("incomplete") or any(one["taken"] and not one["key"] for one in found)
    return [one["key"] for one in found if not one["taken"]] if lacking else []
