"""Pages of what is answered: thin, over services and selectors."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.paging import page_of
from challenges.models import Challenge, Phase
from challenges.policies import Viewer, may_ask_to_submit, may_organise, may_submit
from challenges.selectors import cases_of, definition_of, phase_state
from challenges.views.registration import registration_needed
from submissions import selectors
from submissions.forms import SubmitForm
from submissions.models import Kind, Submission, Upload
from submissions.policies import may_cancel, may_let_stand, may_release_logs, may_rerun
from submissions.services import arriving, choosing, lifecycle, logs, quotas, rerunning, uploads

_ON_A_PAGE = 100


@login_required
@require_safe
def own_submissions(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "submissions/list.html",
        {
            "submissions": page_of(request, selectors.submissions_of(request.user), _ON_A_PAGE),
            "challenge": None,
            "pairs": (),
        },
    )


@login_required
@require_safe
def challenge_submissions(request: HttpRequest, slug: str) -> HttpResponse:
    challenge = get_object_or_404(Challenge, slug=slug)
    if not may_organise(request.user, challenge):
        raise Http404
    return render(
        request,
        "submissions/list.html",
        {
            "submissions": page_of(
                request, selectors.submissions_to(request.user, challenge), _ON_A_PAGE
            ),
            "challenge": challenge,
            "pairs": selectors.similar_pairs(request.user, challenge),
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def submit(request: HttpRequest, slug: str, phase_slug: str) -> HttpResponse:
    phase = get_object_or_404(
        Phase.objects.select_related("challenge", "dataset"), challenge__slug=slug, slug=phase_slug
    )
    if not may_ask_to_submit(request.user, phase):
        raise Http404
    if not may_submit(request.user, phase):
        return registration_needed(request, phase)
    user, state = _user(request.user), phase_state(phase)
    may_mark = may_organise(request.user, phase.challenge)
    form = SubmitForm(
        request.POST or None,
        request.FILES or None,
        takes=phase.takes,
        may_mark_baselines=may_mark,
        refused=getattr(request, "upload_refused", ""),
    )
    if request.method == "POST" and state == "open" and form.is_valid():
        try:
            submission = _made_of(form, phase, user)
        except (quotas.QuotaUsedUp, arriving.UploadRefused) as refusal:
            form.add_error(None, refusal.message)
        else:
            return redirect("submission", public_id=submission.public_id)
    context = {
        "phase": phase,
        "challenge": phase.challenge,
        "definition": definition_of(phase.challenge),
        "form": form,
        "state": state,
        "allowance": quotas.allowance_of(phase=phase, user=user),
        "may_mark_baselines": may_mark,
        "cases": cases_of(phase).count(),
        "address": request.build_absolute_uri("/").rstrip("/"),
        "example": _first_name(phase) if Kind.PREDICTIONS in phase.takes else "",
        "arrived": arriving.unfinished_uploads(user).filter(phase=phase),
    }
    refused = request.method == "POST"
    return render(request, "submissions/submit.html", context, status=422 if refused else 200)


def _first_name(phase: Phase) -> str:
    first = cases_of(phase).order_by("position").first()
    return first.name if first else ""


def _made_of(form: SubmitForm, phase: Phase, user: User) -> Submission:
    """Of the file that came with the form, or of one that had come before it."""
    values = form.cleaned_data
    named: dict[str, Any] = {
        "user": user,
        "title": values["title"],
        "writable": values.get("writable", []),
        "is_baseline": values.get("baseline", False),
    }
    if values["image"]:
        return uploads.submit_upload(
            phase=phase, file=values["image"], kind=values["kind"], **named
        )
    row = get_object_or_404(Upload, public_id=values["upload"], owner=user, phase=phase)
    return uploads.submit(upload=row, **named)


@login_required
@require_POST
def discard_upload(request: HttpRequest, public_id: str) -> HttpResponse:
    row = get_object_or_404(
        Upload.objects.select_related("phase__challenge"),
        public_id=public_id,
        owner=_user(request.user),
        version=None,
    )
    if row.phase is None or not arriving.discard(row=row):
        raise Http404
    messages.success(request, f"{row.name} is discarded.")
    return redirect("submit", row.phase.challenge.slug, row.phase.slug)


@login_required
@require_safe
def submission(request: HttpRequest, public_id: str) -> HttpResponse:
    found = _visible(request.user, public_id)
    return render(
        request,
        "submissions/submission.html",
        {
            "report": selectors.report(request.user, found),
            "steps": selectors.STEPS,
            "organises": may_organise(request.user, found.phase.challenge),
            "challenge": found.phase.challenge,
            "phase": found.phase,
        },
    )


@login_required
@require_POST
def cancel(request: HttpRequest, public_id: str) -> HttpResponse:
    found = _visible(request.user, public_id)
    if may_cancel(request.user, found) and lifecycle.cancel(
        submission=found, by=_user(request.user)
    ):
        messages.success(request, "Cancelled. A running container is being stopped.")
    else:
        messages.info(request, "It had already ended; nothing was changed.")
    return redirect("submission", public_id=public_id)


@login_required
@require_POST
def let_stand(request: HttpRequest, public_id: str) -> HttpResponse:
    found = _visible(request.user, public_id)
    if not may_let_stand(request.user, found):
        raise Http404
    try:
        choosing.let_stand(submission=found, by=_user(request.user))
    except choosing.NotChosen as refusal:
        messages.info(request, f"Nothing was changed. {refusal.message}")
    else:
        messages.success(request, "It stands now, in place of what stood before.")
    return redirect("submission", public_id=public_id)


@login_required
@require_POST
def rerun(request: HttpRequest, public_id: str) -> HttpResponse:
    found = _visible(request.user, public_id)
    if not may_rerun(request.user, found):
        raise Http404
    try:
        again = rerunning.rerun(submission=found, by=_user(request.user))
    except rerunning.RerunRefused as refusal:
        messages.info(request, f"Not re-run. {refusal.message}")
        return redirect("submission", public_id=public_id)
    return redirect("submission", public_id=again.public_id)


@login_required
@require_POST
def release_logs(request: HttpRequest, public_id: str) -> HttpResponse:
    found = _visible(request.user, public_id)
    if not may_release_logs(request.user, found):
        raise Http404
    if request.POST.get("read") != "on":
        messages.info(request, "Nothing was released: tick that you have read the logs.")
    elif logs.release(submission=found, by=_user(request.user)):
        messages.success(request, f"{found.submitted_by.get_username()} can read the logs now.")
    else:
        messages.info(request, "Nothing was changed.")
    return redirect("submission", public_id=public_id)


@login_required
@require_POST
def withhold_logs(request: HttpRequest, public_id: str) -> HttpResponse:
    found = _visible(request.user, public_id)
    if not may_release_logs(request.user, found):
        raise Http404
    if logs.withhold(submission=found, by=_user(request.user)):
        messages.success(request, "The logs are withheld again.")
    else:
        messages.info(request, "Nothing was changed.")
    return redirect("submission", public_id=public_id)


def _visible(viewer: Viewer, public_id: str) -> Submission:
    """The same answer for what does not exist and what is another's."""
    found = selectors.find_submission(viewer, public_id)
    if found is None:
        raise Http404
    return found


def _user(viewer: Viewer) -> User:
    if not isinstance(viewer, User):
        raise Http404
    return viewer
