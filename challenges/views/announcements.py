"""What the organisers of a challenge announce: for everyone to read, for them to write."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.paging import page_of
from challenges.forms.talking import AnnouncementForm
from challenges.models import Announcement, Challenge
from challenges.policies import may_organise
from challenges.selectors.people import people_taking_part
from challenges.selectors.talk import announcements_of
from challenges.services import announcing
from challenges.views.callers import organised, signed_in
from challenges.views.registration import published

_ON_A_PAGE = 10


@require_http_methods(["GET", "HEAD", "POST"])
def announcements(request: HttpRequest, slug: str) -> HttpResponse:
    """All of them, the newest first; organisers write here too."""
    challenge = published(slug)
    organises = may_organise(request.user, challenge)
    form = AnnouncementForm(request.POST or None)
    if request.method == "POST":
        if not organises:
            raise Http404
        if form.is_valid():
            try:
                announcing.announce(challenge=challenge, by=signed_in(request), **form.cleaned_data)
            except announcing.AnnouncementRefused as refusal:
                form.take(refusal)
            else:
                messages.success(request, "Announced; everyone who takes part is told.")
                return redirect("announcements", slug)
    context = {
        "challenge": challenge,
        "page": page_of(request, announcements_of(request.user, challenge), _ON_A_PAGE),
        "organises": organises,
        "people": people_taking_part(challenge).count() if organises else 0,
        "form": form,
    }
    status = 422 if form.errors else 200
    return render(request, "challenges/announcements.html", context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def announcement(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """One of them, for organisers to correct or withdraw."""
    challenge = organised(request, slug)
    found = get_object_or_404(challenge.announcements, public_id=public_id)
    if request.method == "POST" and request.POST.get("what") == "withdraw":
        return _withdraw(request, challenge, found)
    form = AnnouncementForm(
        request.POST or None, initial={"title": found.title, "text": found.text}
    )
    if request.method == "POST" and form.is_valid():
        try:
            announcing.edit(announcement=found, by=signed_in(request), **form.cleaned_data)
        except announcing.AnnouncementRefused as refusal:
            form.take(refusal)
        else:
            messages.success(request, "Saved; when it was changed stands with it.")
            return redirect("announcements", slug)
    context = {"challenge": challenge, "announcement": found, "form": form}
    status = 422 if form.errors else 200
    return render(request, "challenges/announcement.html", context, status=status)


def _withdraw(request: HttpRequest, challenge: Challenge, found: Announcement) -> HttpResponse:
    announcing.withdraw(announcement=found, by=signed_in(request))
    messages.success(request, "Withdrawn; only organisers see it now.")
    return redirect("announcements", challenge.slug)
