"""Pages on which cases are looked at and decided about, split, and rehearsed with."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from challenges.forms.splitting import SplitForm
from challenges.models import Case, Challenge, Finding
from challenges.policies import may_exclude, may_organise
from challenges.selectors.quality import SORTS, agreements, case_view, cases_with_findings
from challenges.selectors.rehearsing import rehearsals
from challenges.selectors.splits import split_counts
from challenges.services import access, deciding, rehearsing
from challenges.services.publishing import NotReady
from challenges.views.callers import organised, signed_in, trusted
from challenges.views.preparing import prepared
from challenges.views.viewing import viewer_of


@login_required
@require_safe
def quality(request: HttpRequest, slug: str) -> HttpResponse:
    challenge = trusted(request, slug)
    sort = request.GET.get("sort", "findings")
    access.record_all(user=signed_in(request), challenge=challenge, what="quality")
    context = {
        **prepared(request, challenge),
        "cases": cases_with_findings(challenge, sort),
        "sort": sort if sort in SORTS else "findings",
        "agreements": agreements(challenge),
        "decisions": challenge.decisions.select_related("by").order_by("-at", "-pk")[:50],
    }
    return render(request, "challenges/preparing/quality.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def case(request: HttpRequest, slug: str, case_id: str) -> HttpResponse:
    challenge = trusted(request, slug)
    found = _case(challenge, case_id)
    refused = ""
    if request.method == "POST":
        if not may_organise(request.user, challenge):
            raise Http404
        try:
            _decide(request, found)
        except NotReady as refusal:
            refused = "; ".join(problem.text for problem in refusal.problems)
        else:
            return redirect("prepare_case", slug, case_id)
    access.record(viewer=request.user, case=found, what="quality")
    before, after = _neighbours(challenge, found)
    context = {
        **prepared(request, challenge),
        "view": case_view(found),
        "viewer": viewer_of(
            found,
            challenge=challenge,
            base=reverse("prepare_case", args=[slug, case_id]),
            masks=True,
        ),
        "before": before,
        "after": after,
        "refused": refused,
        "may_exclude": may_exclude(request.user, challenge),
    }
    status = 422 if refused else 200
    return render(request, "challenges/preparing/case.html", context, status=status)


def _decide(request: HttpRequest, found: Case) -> None:
    what, reason, by = request.POST.get("what"), request.POST.get("reason", ""), signed_in(request)
    if what in ("exclude", "include") and not may_exclude(by, found.dataset.challenge):
        raise Http404
    if what == "exclude":
        deciding.exclude(case=found, reason=reason, by=by)
    elif what == "include":
        deciding.include(case=found, reason=reason, by=by)
    elif what in ("accept", "reopen"):
        finding = get_object_or_404(Finding, case=found, public_id=request.POST.get("finding", ""))
        if what == "accept":
            deciding.accept(finding=finding, reason=reason, by=by)
        else:
            deciding.reopen(finding=finding, by=by)
    else:
        raise Http404


def _case(challenge: Challenge, case_id: str) -> Case:
    cases = challenge.dataset.cases.prefetch_related("findings__decided_by")
    return get_object_or_404(cases, public_id=case_id)


def _neighbours(challenge: Challenge, found: Case) -> tuple[Case | None, Case | None]:
    cases = challenge.dataset.cases
    return (
        cases.filter(position__lt=found.position).order_by("-position").first(),
        cases.filter(position__gt=found.position).order_by("position").first(),
    )


@login_required
@require_safe
def outlined(request: HttpRequest, slug: str, case_id: str) -> HttpResponseBase:
    """Projections with every reader's outline."""
    challenge = trusted(request, slug)
    found = _case(challenge, case_id)
    if not found.outlined:
        raise Http404
    access.record(viewer=request.user, case=found, what="picture")
    response = FileResponse(found.outlined.open("rb"), content_type="image/png")
    response["Cache-Control"] = "private, max-age=86400"
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def splits(request: HttpRequest, slug: str) -> HttpResponse:
    challenge = organised(request, slug)
    form = SplitForm(request.POST or None, challenge=challenge)
    summary: Any = None
    if request.method == "POST" and form.is_valid():
        summary = form.summary
        if request.POST.get("what") == "store":
            try:
                deciding.assign_splits(
                    challenge=challenge, splits=form.splits, how=form.how(), by=signed_in(request)
                )
            except NotReady as refusal:
                form.add_error(None, forms.ValidationError([str(one) for one in refusal.problems]))
            else:
                messages.success(request, "The splits are stored.")
                return redirect("prepare_splits", slug)
    context = {
        **prepared(request, challenge),
        "form": form,
        "summary": summary,
        "stored": split_counts(challenge),
    }
    status = 422 if form.errors else 200
    return render(request, "challenges/preparing/splits.html", context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rehearsal(request: HttpRequest, slug: str) -> HttpResponse:
    challenge = organised(request, slug)
    refused: list[str] = []
    if request.method == "POST":
        sent = request.POST.get("seed", "")
        seed = int(sent) if sent.isdecimal() and len(sent) < 10 else 1
        try:
            rehearsing.ask(challenge=challenge, by=signed_in(request), seed=seed)
        except NotReady as refusal:
            refused = [str(one) for one in refusal.problems]
        else:
            return redirect("prepare_rehearsal", slug)
    context = {
        **prepared(request, challenge),
        "rehearsals": rehearsals(challenge),
        "refused": refused,
    }
    part = "rehearsed" if request.headers.get("HX-Request") else "rehearsal"
    status = 422 if refused else 200
    return render(request, f"challenges/preparing/{part}.html", context, status=status)
