"""Pages on which a challenge is made: its description, step by step, and its opening."""

import copy
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from challenges.definition.export import as_yaml
from challenges.forms import STEPS, step_named
from challenges.forms.people import MemberForm, NewChallengeForm
from challenges.models import Challenge, Membership
from challenges.policies import may_decide, may_organise, may_see
from challenges.selectors import drafts_of, has_submissions, organised_by
from challenges.selectors.preparing import (
    Preparation,
    changes_scores,
    document_of,
    groupings,
    pending_changes,
    preparation,
)
from challenges.selectors.splits import split_counts
from challenges.selectors.taking_part import waiting_registrations
from challenges.selectors.talk import unanswered
from challenges.services import drafts, members
from challenges.services.importing import begin_challenge, discard
from challenges.services.publishing import NotReady, amend, publish
from challenges.views.callers import organised, signed_in
from challenges.views.numbers import whole_number

_WRITTEN_MEANWHILE = (
    "Someone else has changed this draft since you opened the page. Nothing of yours was saved; "
    "what you wrote stands below. Open the page in a second tab to see the newer version."
)


@login_required
@require_safe
def overview_of_all(request: HttpRequest) -> HttpResponse:
    context = {"drafts": drafts_of(request.user), "organised": organised_by(request.user)}
    return render(request, "challenges/preparing/list.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    form = NewChallengeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        challenge = begin_challenge(document=form.document(), organiser=signed_in(request))
        return redirect("prepare_step", challenge.slug, STEPS[0].slug)
    status = 422 if form.errors else 200
    return render(request, "challenges/preparing/new.html", {"form": form}, status=status)


@login_required
@require_safe
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    challenge = get_object_or_404(Challenge.objects.select_related("dataset"), slug=slug)
    if not may_see(request.user, challenge) or not _is_inside(request, challenge):
        raise Http404
    return render(request, "challenges/preparing/overview.html", prepared(request, challenge))


def _is_inside(request: HttpRequest, challenge: Challenge) -> bool:
    return (
        challenge.memberships.filter(user=signed_in(request))
        .exclude(role=Membership.Role.DEVELOPER)
        .exists()
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def step(request: HttpRequest, slug: str, step_slug: str) -> HttpResponse:
    challenge, chosen = organised(request, slug), step_named(step_slug)
    if chosen is None:
        raise Http404
    document: dict[str, Any] = copy.deepcopy(document_of(challenge))
    form = chosen.blank(document, further="add" in request.GET)
    status, version = 200, challenge.draft_version
    if request.method == "POST":
        form, status = chosen.filled(request.POST, document), 422
        sent = whole_number(request.POST.get("version", ""))
        version = -1 if sent is None else sent
        if form.is_valid():
            form.save(document)
            try:
                drafts.save(challenge=challenge, document=document, version=version)
            except drafts.WrittenMeanwhile:
                messages.error(request, _WRITTEN_MEANWHILE)
                status = 409
            else:
                messages.success(request, f"{chosen.title}: saved.")
                return _onwards(request, challenge, chosen.slug)
    context = {
        **prepared(request, challenge),
        "step": chosen,
        "form": form,
        "version": version,
        "number": STEPS.index(chosen) + 1,
    }
    if chosen.slug == "metrics":
        context["groupings"] = groupings(challenge)
    template = {"metrics": "measures", "phases": "phases"}.get(chosen.slug, "step")
    return render(request, f"challenges/preparing/{template}.html", context, status=status)


def _onwards(request: HttpRequest, challenge: Challenge, slug: str) -> HttpResponse:
    """To the next step, or, where that was asked for, to the same or to all of them."""
    slugs = [one.slug for one in STEPS]
    place = slugs.index(slug) + 1
    where = request.POST.get("then", "next")
    if where == "stay":
        return redirect("prepare_step", challenge.slug, slug)
    if where == "next" and place < len(slugs):
        return redirect("prepare_step", challenge.slug, slugs[place])
    return redirect("prepare", challenge.slug)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def opening(request: HttpRequest, slug: str) -> HttpResponse:
    """Publish for the first time, or amend what is in force."""
    challenge = organised(request, slug)
    problems: list[str] = []
    if request.method == "POST":
        if not may_decide(request.user, challenge):
            raise Http404
        seen = whole_number(request.POST.get("version", ""))
        if seen is not None:  # what was looked at is what is frozen
            challenge.draft_version = seen
        try:
            if challenge.published_at is None:
                publish(challenge=challenge, by=signed_in(request))
                messages.success(request, "Published; the protocol is frozen.")
            else:
                amend(
                    challenge=challenge,
                    document=challenge.draft or {},
                    reason=request.POST.get("reason", ""),
                    by=signed_in(request),
                )
                messages.success(request, "Amended; everyone can read what changed, and why.")
        except NotReady as refusal:
            problems = [str(problem) for problem in refusal.problems]
        else:
            return redirect("challenge", challenge.slug)
    different = pending_changes(challenge)
    context = {
        **prepared(request, challenge),
        "refused": problems,
        "changes": different,
        "rescored": changes_scores(different),
        "reason": request.POST.get("reason", ""),
        "reason_needed": has_submissions(challenge),
        "stored": split_counts(challenge),
        "may_decide": may_decide(request.user, challenge),
    }
    status = 422 if problems else 200
    return render(request, "challenges/preparing/opening.html", context, status=status)


@login_required
@require_POST
def drop(request: HttpRequest, slug: str) -> HttpResponse:
    """A whole draft, or an amendment that is not to be made."""
    challenge = organised(request, slug)
    if not may_decide(request.user, challenge):
        raise Http404
    if challenge.published_at is not None:
        drafts.drop_amendment(challenge=challenge)
        messages.success(request, "The amendment was dropped; the protocol in force stays.")
        return redirect("prepare", challenge.slug)
    if request.POST.get("slug") != challenge.slug:
        messages.error(request, f"Nothing was deleted: type {challenge.slug} to confirm it.")
        return redirect("prepare", challenge.slug)
    discard(challenge=challenge)
    messages.success(request, f"{challenge.title} was deleted, with its data.")
    return redirect("organise")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest, slug: str) -> HttpResponse:
    challenge = organised(request, slug)
    may_change = may_decide(request.user, challenge)
    form = MemberForm(request.POST or None)
    if request.method == "POST":
        if not may_change:
            raise Http404
        if "remove" in request.POST:
            row = get_object_or_404(challenge.memberships, pk=whole_number(request.POST["remove"]))
            try:
                members.remove_member(membership=row)
            except members.LastOrganiser:
                messages.error(request, "The last organiser stays: name another one first.")
            return redirect("prepare_people", slug)
        if form.is_valid():
            members.add_member(
                challenge=challenge, user=form.person, role=form.cleaned_data["role"]
            )
            return redirect("prepare_people", slug)
    rows = challenge.memberships.select_related("user").order_by("role", "user__username")
    context = {
        **prepared(request, challenge),
        "form": form,
        "members": rows.exclude(role=Membership.Role.DEVELOPER),
        "may_change": may_change,
    }
    status = 422 if form.errors else 200
    return render(request, "challenges/preparing/people.html", context, status=status)


@login_required
@require_safe
def definition_file(request: HttpRequest, slug: str) -> HttpResponse:
    """The draft, or what is in force, as challenge.yaml."""
    challenge = organised(request, slug)
    document = document_of(challenge)
    response = HttpResponse(as_yaml(document), content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="challenge.yaml"'
    return response


def prepared(request: HttpRequest, challenge: Challenge) -> dict[str, Any]:
    """What every page of the preparation shows."""
    state: Preparation = preparation(challenge)
    return {
        "challenge": challenge,
        "preparation": state,
        "may_organise": may_organise(request.user, challenge),
        "may_decide": may_decide(request.user, challenge),
        "waiting_registrations": waiting_registrations(challenge),
        "unanswered": unanswered(challenge),
    }
