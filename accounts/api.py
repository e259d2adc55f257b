"""Who a token speaks for, and what that person is told."""

from datetime import datetime

from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from accounts import selectors
from accounts.callers import READ, SUBMIT, caller_of
from accounts.models import Notice
from accounts.paging import Part
from accounts.services import notices
from accounts.tokens import SCOPES

router = Router(tags=["Account"], auth=READ)
Kind = Notice.Kind


class Me(Schema):
    """scopes: what this caller may do; all of them in a browser's session."""

    username: str
    scopes: list[str]


class NoticeOut(Schema):
    """path: of the page that it is about. read_at: null while it is unread."""

    id: str
    kind: Kind
    subject: str
    text: str
    path: str
    created_at: datetime
    read_at: datetime | None


class ReadOut(Schema):
    """How many were unread until now."""

    marked: int


class ChoiceOut(Schema):
    """Where notices of a kind go."""

    kind: Kind
    title: str
    in_inbox: bool
    by_mail: bool


class ChoiceIn(Schema):
    kind: Kind
    in_inbox: bool
    by_mail: bool


class ChoicesIn(Schema):
    """Kinds that are left out stay as they are."""

    choices: list[ChoiceIn] = Field(max_length=20)


@router.get("/me", response=Me)
def get_me(request: HttpRequest) -> Me:
    """The person behind the token or session."""
    caller = caller_of(request)
    return Me(
        username=caller.user.get_username(),
        scopes=caller.token.scopes if caller.token else list(SCOPES),
    )


@router.get("/notices", response=list[NoticeOut])
def list_notices(request: HttpRequest, part: Query[Part], unread: bool = False) -> list[NoticeOut]:
    """Your inbox: unread ones first, then the newest; with ``unread=true`` those alone."""
    rows = selectors.inbox(caller_of(request).user)
    if unread:
        rows = rows.filter(read_at=None)
    return [_out(one) for one in part.of(rows)]


@router.post("/notices/read", auth=SUBMIT, response=ReadOut)
def mark_all_read(request: HttpRequest) -> ReadOut:
    """Every notice of yours."""
    return ReadOut(marked=notices.mark_read(person=caller_of(request).user))


@router.get("/notices/settings", response=list[ChoiceOut])
def get_notice_settings(request: HttpRequest) -> list[ChoiceOut]:
    """Every kind of notices, and whether it comes to your inbox and by e-mail."""
    return _choices(request)


@router.put("/notices/settings", auth=SUBMIT, response=list[ChoiceOut])
def change_notice_settings(request: HttpRequest, body: ChoicesIn) -> list[ChoiceOut]:
    """From now on."""
    notices.choose(
        person=caller_of(request).user,
        wanted=[notices.Wanted(one.kind, one.in_inbox, one.by_mail) for one in body.choices],
    )
    return _choices(request)


@router.post("/notices/{notice_id}/read", auth=SUBMIT, response=NoticeOut)
def mark_read(request: HttpRequest, notice_id: str) -> Status[NoticeOut]:
    """One notice; nothing changes where it was read before."""
    person = caller_of(request).user
    notices.mark_read(person=person, public_id=notice_id)
    found = selectors.inbox(person).filter(public_id=notice_id).first()
    if found is None:
        raise Http404
    return Status(200, _out(found))


def _choices(request: HttpRequest) -> list[ChoiceOut]:
    return [
        ChoiceOut(kind=Kind(one.kind), title=one.title, in_inbox=one.in_inbox, by_mail=one.by_mail)
        for one in selectors.choices_of(caller_of(request).user)
    ]


def _out(one: Notice) -> NoticeOut:
    return NoticeOut(
        id=one.public_id,
        kind=Kind(one.kind),
        subject=one.subject,
        text=one.text,
        path=one.link,
        created_at=one.created_at,
        read_at=one.read_at,
    )
