"""A leaderboard to take away, by a program."""

from django.http import Http404, HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from ninja import Router
from ninja.errors import HttpError

from accounts.callers import READ_OR_ANYONE, caller_of
from challenges.api import seen_phase
from leaderboards.exports import NotReady
from leaderboards.policies import may_see_board, may_see_details
from leaderboards.taking import SOON, board_file, results_file

router = Router(tags=["Leaderboards"], auth=READ_OR_ANYONE)
_CSV = {"responses": {200: {"description": "OK", "content": {"text/csv": {}}}}}
_NOT_READY = {
    409: {
        "description": "Not ready; Retry-After says when to ask again",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["detail"],
                    "properties": {"detail": {"type": "string"}},
                }
            }
        },
    }
}
_BOARD = "/challenges/{slug}/phases/{phase}/leaderboard"


@router.get(
    f"{_BOARD}/results.csv", openapi_extra={"responses": {**_CSV["responses"], **_NOT_READY}}
)
def get_leaderboard_results(request: HttpRequest, slug: str, phase: str) -> HttpResponseBase:
    """All that a leaderboard is reckoned from, as `./uptake rank` reads it; 404 for whoever may not
    see single cases, 409 with Retry-After while it is made anew or nothing is scored."""
    viewer = caller_of(request).viewer
    found = seen_phase(viewer, slug, phase)
    if not may_see_board(viewer, found) or not may_see_details(viewer, found):
        if not viewer.is_authenticated:
            raise HttpError(401, "Single cases are not for everyone here: a token is needed.")
        raise Http404
    try:
        return results_file(viewer, found)
    except NotReady as reason:
        # Not 503, as on the page: nothing is out of order, and programs are told by 409 to wait.
        return JsonResponse({"detail": str(reason)}, status=409, headers={"Retry-After": str(SOON)})


@router.get(f"{_BOARD}/leaderboard.csv", openapi_extra=_CSV)
def get_leaderboard_table(request: HttpRequest, slug: str, phase: str) -> HttpResponseBase:
    """The leaderboard as a table, as its page shows it to you."""
    viewer = caller_of(request).viewer
    found = seen_phase(viewer, slug, phase)
    if not may_see_board(viewer, found):
        raise Http404
    return board_file(viewer, found)
