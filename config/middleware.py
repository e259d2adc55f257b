"""What no view has to look for in a request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render


class NoNul:
    """The character NUL, which no name and no text of ours has, and PostgreSQL does not store: what
    holds it is refused with 400."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return _refused(request, "The address")
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], *_: object
    ) -> HttpResponse | None:
        """After the check against forged requests, which has read the form; where a view does that
        itself, it also reads what was sent itself."""
        is_form = request.method == "POST" and not getattr(view, "csrf_exempt", False)
        if is_form and any("\0" in one for values in request.POST.lists() for one in values[1]):
            return _refused(request, "The form")
        if request.content_type == "application/json" and b"\\u0000" in request.body:
            return _refused(request, "The body")
        return None


def _refused(request: HttpRequest, what: str) -> HttpResponse:
    text = f"{what} holds the character NUL. Leave it out."
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": text, "code": ""}, status=400)
    return render(request, "400.html", status=400)
