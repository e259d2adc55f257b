"""Who a token speaks for."""

from django.http import HttpRequest
from ninja import Router, Schema

from accounts.callers import READ, caller_of
from accounts.tokens import SCOPES

router = Router(tags=["Account"], auth=READ)


class Me(Schema):
    """scopes: what this caller may do; all of them in a browser's session."""

    username: str
    scopes: list[str]


@router.get("/me", response=Me)
def get_me(request: HttpRequest) -> Me:
    """The person behind the token or session."""
    caller = caller_of(request)
    return Me(
        username=caller.user.get_username(),
        scopes=caller.token.scopes if caller.token else list(SCOPES),
    )
