"""Pages of an algorithm and its card."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from submissions import selectors
from submissions.forms import CardForm
from submissions.services.cards import CardRefused, save_card


@require_safe
def algorithm(request: HttpRequest, public_id: str) -> HttpResponse:
    found = selectors.find_algorithm(request.user, public_id)
    if found is None:
        raise Http404
    row, versions = found
    return render(request, "submissions/algorithm.html", {"algorithm": row, "versions": versions})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, public_id: str, number: int) -> HttpResponse:
    found = selectors.find_algorithm(request.user, public_id)
    view = next((one for one in found[1] if one.version.number == number), None) if found else None
    if found is None or view is None or not view.may_edit or not isinstance(request.user, User):
        raise Http404
    (asked,) = selectors.asked_of(view.version)
    form = CardForm(request.POST or None, card=view.card, asked=asked)
    if request.method == "POST" and form.is_valid():
        try:
            changed = save_card(version=view.version, card=form.card, by=request.user)
        except CardRefused as refusal:
            for name, problem in refusal.problems.items():
                form.add_error(name, problem)
        else:
            if changed:
                messages.success(request, "The card is saved.")
            else:
                messages.info(request, "Nothing was changed.")
            return redirect("algorithm", public_id)
    return render(
        request,
        "submissions/card_form.html",
        {"algorithm": found[0], "view": view, "form": form},
        status=422 if form.errors else 200,
    )
