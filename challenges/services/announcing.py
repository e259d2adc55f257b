"""What organisers announce: written, corrected, withdrawn. Who may was asked before."""

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from challenges.models import Announcement, Challenge
from challenges.services import telling
from challenges.services.refusals import Refused, text_problem

log = structlog.get_logger(__name__)
MOST_OF_A_TITLE = 200
MOST_OF_A_TEXT = 8000


class AnnouncementRefused(Refused):
    """problems are by “title” and “text”."""


@transaction.atomic
def announce(*, challenge: Challenge, title: str, text: str, by: User) -> Announcement:
    """To everyone who takes part, and the other organisers. Raises AnnouncementRefused."""
    if challenge.published_at is None:
        raise AnnouncementRefused(
            "The challenge is not published yet, so there is nobody to announce anything to."
        )
    title, text = _read(title, text)
    made = Announcement.objects.create(challenge=challenge, title=title, text=text, written_by=by)
    telling.tell_of_announcement(made)
    log.info("announcement.made", challenge=challenge.slug, announcement=made.public_id)
    return made


def edit(*, announcement: Announcement, title: str, text: str, by: User) -> Announcement:
    """When is shown with it; nobody is told again. Raises AnnouncementRefused."""
    title, text = _read(title, text)
    changed = Announcement.objects.filter(pk=announcement.pk, withdrawn_at=None).update(
        title=title, text=text, edited_at=timezone.now()
    )
    if not changed:
        raise AnnouncementRefused("It was withdrawn, and is not changed any more: write another.")
    announcement.refresh_from_db()
    log.info("announcement.edited", announcement=announcement.public_id, by=by.get_username())
    return announcement


@transaction.atomic
def withdraw(*, announcement: Announcement, by: User) -> bool:
    """Nobody but the organisers reads it from now on, nor the notices of it; mails that have not
    left yet never do. False where it was withdrawn before."""
    changed = Announcement.objects.filter(pk=announcement.pk, withdrawn_at=None).update(
        withdrawn_at=timezone.now(), withdrawn_by=by
    )
    if changed:
        telling.take_back_announcement(announcement)
        log.info("announcement.withdrawn", announcement=announcement.public_id)
    return bool(changed)


def _read(title: str, text: str) -> tuple[str, str]:
    title, text = " ".join(title.split()), text.strip()
    problems = {
        "title": text_problem(title, most=MOST_OF_A_TITLE, missing="Give it a title."),
        "text": text_problem(text, most=MOST_OF_A_TEXT, missing="Write what there is to say."),
    }
    if any(problems.values()):
        raise AnnouncementRefused(problems={key: one for key, one in problems.items() if one})
    return title, text
