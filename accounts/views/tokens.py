"""A person's tokens: made, shown once, withdrawn."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import TokenForm
from accounts.models import Token
from accounts.tokens import SCOPES, issue
from accounts.tokens import revoke as revoke_token
from accounts.views.callers import signed_in


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The text of a new token is in the answer to the form that made it, and never again."""
    form, text = TokenForm(request.POST or None), ""
    owner = signed_in(request)
    if request.method == "POST" and form.is_valid():
        _, text = issue(
            owner=owner,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=form.expires_at(),
        )
        form = TokenForm()
    return render(
        request,
        "accounts/tokens.html",
        {
            "form": form,
            "text": text,
            "tokens": Token.objects.filter(owner=owner),
            "scopes": SCOPES,
            "address": request.build_absolute_uri("/").rstrip("/"),
        },
        status=422 if form.errors else 200,
    )


@login_required
@require_POST
def revoke(request: HttpRequest, public_id: str) -> HttpResponse:
    if not revoke_token(owner=signed_in(request), public_id=public_id):
        raise Http404
    messages.success(request, "The token is withdrawn: it opens nothing any more.")
    return redirect("tokens")
