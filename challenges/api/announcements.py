"""What organisers announce."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from accounts.callers import ORGANISE, READ_OR_ANYONE, caller_of
from accounts.paging import Part
from challenges.api.finding import Refusal, open_challenge, organised_challenge, refused
from challenges.models import Announcement
from challenges.selectors.talk import announcements_of
from challenges.services import announcing

router = Router(tags=["Announcements and questions"])


class AnnouncementOut(Schema):
    """withdrawn_at: of one that organisers alone see."""

    id: str
    title: str
    text: str
    written_by: str
    published_at: datetime
    edited_at: datetime | None
    withdrawn_at: datetime | None


class AnnouncementIn(Schema):
    """text: plain; an empty line begins a new paragraph."""

    title: str = Field(max_length=1000)
    text: str = Field(max_length=20_000)


@router.get("/challenges/{slug}/announcements", auth=READ_OR_ANYONE, response=list[AnnouncementOut])
def list_announcements(request: HttpRequest, slug: str, part: Query[Part]) -> list[AnnouncementOut]:
    """The newest first."""
    rows = announcements_of(caller_of(request).viewer, open_challenge(request, slug))
    return [_out(one) for one in part.of(rows)]


@router.post(
    "/challenges/{slug}/announcements",
    auth=ORGANISE,
    response={201: AnnouncementOut, 409: Refusal, 422: Refusal},
)
def announce(request: HttpRequest, slug: str, body: AnnouncementIn) -> Status[Any]:
    """For organisers: everyone who takes part is told."""
    challenge = organised_challenge(request, slug)
    try:
        made = announcing.announce(
            challenge=challenge, title=body.title, text=body.text, by=caller_of(request).user
        )
    except announcing.AnnouncementRefused as refusal:
        return refused(refusal)
    return Status(201, _out(made))


@router.put(
    "/challenges/{slug}/announcements/{announcement_id}",
    auth=ORGANISE,
    response={200: AnnouncementOut, 409: Refusal, 422: Refusal},
)
def edit_announcement(
    request: HttpRequest, slug: str, announcement_id: str, body: AnnouncementIn
) -> Status[Any]:
    """For organisers: correct it; nobody is told again."""
    found = _organised(request, slug, announcement_id)
    try:
        made = announcing.edit(
            announcement=found, title=body.title, text=body.text, by=caller_of(request).user
        )
    except announcing.AnnouncementRefused as refusal:
        return refused(refusal)
    return Status(200, _out(made))


@router.delete(
    "/challenges/{slug}/announcements/{announcement_id}",
    auth=ORGANISE,
    response=AnnouncementOut,
)
def withdraw_announcement(request: HttpRequest, slug: str, announcement_id: str) -> AnnouncementOut:
    """For organisers: nobody else reads it any more."""
    found = _organised(request, slug, announcement_id)
    announcing.withdraw(announcement=found, by=caller_of(request).user)
    found.refresh_from_db()
    return _out(found)


def _organised(request: HttpRequest, slug: str, public_id: str) -> Announcement:
    challenge = organised_challenge(request, slug)
    found = challenge.announcements.filter(public_id=public_id).first()
    if found is None:
        raise Http404
    return found


def _out(one: Announcement) -> AnnouncementOut:
    return AnnouncementOut(
        id=one.public_id,
        title=one.title,
        text=one.text,
        written_by=one.written_by.get_username(),
        published_at=one.published_at,
        edited_at=one.edited_at,
        withdrawn_at=one.withdrawn_at,
    )
