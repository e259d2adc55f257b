"""The design document of a challenge, as page and as PDF."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from challenges.designing import Document, design_document
from challenges.designing.pdf import NotSet, typeset
from challenges.models import Challenge
from challenges.policies import may_organise, may_see


def _seen(request: HttpRequest, slug: str) -> Challenge:
    """Public once it is published; a draft is there for its people alone."""
    found = get_object_or_404(Challenge.objects.select_related("dataset"), slug=slug)
    if not may_see(request.user, found):
        raise Http404
    return found


@require_safe
def design(request: HttpRequest, slug: str) -> HttpResponse:
    challenge = _seen(request, slug)
    context = {
        "challenge": challenge,
        "document": design_document(request.user, challenge),
        "may_organise": may_organise(request.user, challenge),
    }
    return _own(render(request, "challenges/design.html", context))


@require_safe
def design_pdf(request: HttpRequest, slug: str) -> HttpResponse:
    challenge = _seen(request, slug)
    document: Document = design_document(request.user, challenge)
    try:
        content = typeset(document)
    except NotSet as refusal:
        messages.error(request, str(refusal))
        return redirect("design", slug)
    response = HttpResponse(content, content_type="application/pdf")
    name = f"{challenge.slug}-design-{document.state.lower().replace(' ', '-')}.pdf"
    response["Content-Disposition"] = f'inline; filename="{name}"'
    return _own(response)


def _own(response: HttpResponse) -> HttpResponse:
    """What one reader is told is not for the next one."""
    response["Cache-Control"] = "private"
    return response
