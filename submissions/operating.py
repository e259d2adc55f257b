"""Pages of whoever runs the server: the state of the work, drains, and Prometheus' metrics."""

import hmac

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.services import mailing
from submissions.models import Host
from submissions.policies import may_operate
from submissions.selectors.operations import operations as read_operations
from submissions.services import hosts


@require_safe
def operations(request: HttpRequest) -> HttpResponse:
    _require_operator(request)
    return render(request, "submissions/operations.html", {"operations": read_operations()})


@require_POST
def drain(request: HttpRequest, name: str) -> HttpResponse:
    _require_operator(request)
    hosts.drain(host=get_object_or_404(Host, name=name))
    messages.success(request, f"{name} finishes what it does, and takes nothing new.")
    return redirect("operations")


@require_POST
def resume(request: HttpRequest, name: str) -> HttpResponse:
    _require_operator(request)
    hosts.resume(host=get_object_or_404(Host, name=name))
    messages.success(request, f"{name} takes work again.")
    return redirect("operations")


@require_POST
def mail_again(request: HttpRequest) -> HttpResponse:
    _require_operator(request)
    found = mailing.try_again()
    messages.success(request, f"{found} mail{'s' if found != 1 else ''} will be tried now.")
    return redirect("operations")


@require_safe
def prometheus(request: HttpRequest) -> HttpResponse:
    """For a server with the token that UPTAKE_METRICS_TOKEN sets, and for operators."""
    if not _has_token(request):
        _require_operator(request)
    from submissions.metrics import CONTENT_TYPE, exposition

    return HttpResponse(exposition(), content_type=CONTENT_TYPE)


def _has_token(request: HttpRequest) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    token = settings.METRICS_TOKEN
    return (
        bool(token) and scheme == "Bearer" and hmac.compare_digest(given.encode(), token.encode())
    )


def _require_operator(request: HttpRequest) -> None:
    """As if there were no such page: it is nobody else's concern that there is one."""
    if not may_operate(request.user):
        raise Http404
