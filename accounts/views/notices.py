"""What a person is told: the inbox, what of it goes by mail, and the link to switch mail off."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from accounts import selectors
from accounts.models import Notice
from accounts.paging import page_of
from accounts.services.notices import (
    Wanted,
    choose,
    kind_to_switch_off,
    mark_read,
    switch_off_mail,
)
from accounts.views.callers import signed_in

_ON_A_PAGE = 25


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def inbox(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    if request.method == "POST":
        mark_read(person=person, public_id=request.POST.get("read") or None)
        return redirect(request.get_full_path())
    page = page_of(request, selectors.inbox(person), _ON_A_PAGE)
    return render(request, "accounts/notices.html", {"page": page})


@login_required
@never_cache
@require_safe
def follow(request: HttpRequest, public_id: str) -> HttpResponse:
    """To what the notice is about; whoever goes there has read it."""
    person = signed_in(request)
    notice = get_object_or_404(Notice, public_id=public_id, person=person, in_inbox=True)
    mark_read(person=person, public_id=public_id)
    return redirect(notice.link)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    if request.method == "POST":
        choose(
            person=person,
            wanted=[
                Wanted(kind, f"inbox-{kind}" in request.POST, f"mail-{kind}" in request.POST)
                for kind in Notice.Kind.values
            ],
        )
        messages.success(request, "Saved; it holds from now on.")
        return redirect("notice_settings")
    context = {
        "choices": selectors.choices_of(person),
        "mailbox": selectors.mailbox_of(person),
    }
    return render(request, "accounts/notice_settings.html", context)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def mail_off(request: HttpRequest, secret: str) -> HttpResponse:
    """Without signing in, also by a program that reads mail (RFC 8058): the link's own secret says
    who asks, and of which kind. A look at the page alone, as of a scanner of links, does nothing.
    """
    done = request.method == "POST"
    kind = switch_off_mail(secret=secret) if done else kind_to_switch_off(secret)
    if kind is None:
        raise Http404
    return render(request, "accounts/mail_off.html", {"kind": kind, "done": done})
