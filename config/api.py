"""The REST API: every room's routes under /api/v1/, documented at /api/v1/docs."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import ValidationError
from ninja.openapi.schema import OpenAPISchema

from accounts.api import router as accounts
from accounts.callers import PerMinute
from challenges.api import router as challenges
from leaderboards.api import router as leaderboards
from leaderboards.evidence.api import router as evidence
from leaderboards.taking_api import router as taking
from leaderboards.uncertainty_api import router as uncertainty
from submissions.api import router as submissions

_DESCRIPTION = """
Everything that the pages do for a developer of algorithms. Make a token at `/accounts/tokens/` and
send it as `Authorization: Bearer uptake_…`; its scopes say what it may do (`read`, `submit`,
`organise`). What you may not see answers as what does not exist: 404. Refusals say in `detail` what
was found, what was expected and what to do. Requests are counted by the minute; 429 says in
`Retry-After` when to go on. Version 1 only ever gains routes and fields.
"""

_PROBLEM = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["detail"],
            "properties": {"detail": {"type": "string"}, "code": {"type": "string"}},
        }
    }
}
_ANYWHERE = {
    400: "What was sent cannot be read: not JSON, or not UTF-8",
    401: "No token or session, or one that is not valid",
    403: "The token lacks a scope, or a browser's form its token",
    404: "Not there, or not for you",
    422: "What was sent cannot be used",
    429: "Too many requests, or a quota that is used up",
}


class _Documented(NinjaAPI):
    """Every operation names the refusals that any of them may give."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:  # noqa: ANN401
        schema = super().get_openapi_schema(**options)
        for path in schema["paths"].values():
            for operation in path.values():
                for status, text in _ANYWHERE.items():
                    operation["responses"].setdefault(
                        status, {"description": text, "content": _PROBLEM}
                    )
        return schema


LIMIT = PerMinute(
    "api", person=settings.API_PER_MINUTE, address=max(1, settings.API_PER_MINUTE // 10)
)
api = _Documented(
    title="Uptake",
    version="1",
    description=_DESCRIPTION,
    throttle=[LIMIT],
)
for router in (accounts, challenges, submissions, leaderboards, uncertainty, taking, evidence):
    api.add_router("", router)


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Every problem at once, each with its place."""
    problems = [
        f"{'.'.join(str(part) for part in one['loc'][1:])}: {one['msg']}" for one in error.errors
    ]
    return api.create_response(request, {"detail": "; ".join(problems), "code": ""}, status=422)


@api.exception_handler(RequestDataTooBig)
def _too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return api.create_response(
        request, {"detail": "The body is too large.", "code": ""}, status=413
    )


def routes_markdown() -> str:
    """Every route with what it does, as the table of docs/api.md."""
    lines = ["| route | what |", "| --- | --- |"]
    for path, operations in api.get_openapi_schema()["paths"].items():
        for method, operation in operations.items():
            what = " ".join(operation.get("description", "").split())
            lines.append(f"| `{method.upper()} {path}` | {what} |")
    return "\n".join(lines)
