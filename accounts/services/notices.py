"""What people are told: in their inbox and by mail, each kind as they chose.

Whoever changes something that is to be told calls ``notify`` in the same transaction; what is found
later, as the opening of a phase, is told by the ``reconcile`` of the room that finds it. Either way
an event has a key, and is told once.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.core import signing
from django.db import transaction
from django.utils import timezone

from accounts.addresses import addresses_of
from accounts.hints import SEND_MAIL, hint_after_commit
from accounts.models import Event, Notice, NoticeChoice, User

log = structlog.get_logger(__name__)
Kind = Notice.Kind
_MOST_OF_A_SUBJECT = 200
_SALT = "accounts.mail_off"


@dataclass(frozen=True)
class Wanted:
    """Where a person wants a kind of notices."""

    kind: str
    in_inbox: bool = True
    by_mail: bool = True


@transaction.atomic
def notify(
    people: Iterable[User], *, kind: Kind, subject: str, text: str, link: str, key: str
) -> int:
    """Tell each of ``people`` of the event that ``key`` names; returns how many, 0 where it was
    told before, to whomever.

    subject and text: plain; the subject is made one line. link: a path of this platform, with a
    leading slash; ValueError for anything else.
    """
    if not _is_path(link):
        raise ValueError(f"link {link!r}: a path of this platform is expected, as /challenges/x/")
    event, made = Event.objects.get_or_create(key=key)
    if not made:
        return 0
    told = list({person.pk: person for person in people}.values())
    addresses, wanted = addresses_of(told), _wanted(told, kind)
    rows = [
        Notice(
            event=event,
            person=person,
            kind=kind,
            subject=one_line(subject),
            text=text.strip(),
            link=link,
            in_inbox=wanted[person.pk].in_inbox,
            mail_state=Notice.Mail.WAITING
            if wanted[person.pk].by_mail and person.pk in addresses
            else Notice.Mail.NONE,
        )
        for person in told
    ]
    Notice.objects.bulk_create(rows, batch_size=500)
    if any(row.mail_state == Notice.Mail.WAITING for row in rows):
        hint_after_commit(SEND_MAIL)
    log.info("notice.made", key=key, people=len(rows))
    return len(rows)


def was_told(keys: Collection[str]) -> set[str]:
    """Of ``keys``, those whose event was told."""
    return set(Event.objects.filter(key__in=keys).values_list("key", flat=True))


def began_at() -> datetime:
    """Since when there are notices here."""
    return Event.objects.get_or_create(key=Event.BEGINNING)[0].created_at


@transaction.atomic
def withdraw(*, key: str, subject: str, text: str) -> int:
    """What was told of an event is not to be read any more: this takes its place, and what has not
    been mailed yet never is. Returns how many notices that were."""
    rows = Notice.objects.filter(event__key=key)
    rows.filter(mail_state__in=(Notice.Mail.WAITING, Notice.Mail.FAILED)).update(
        mail_state=Notice.Mail.NONE
    )
    return rows.update(subject=one_line(subject), text=text)


def mark_read(*, person: User, public_id: str | None = None) -> int:
    """One notice of theirs, or all; returns how many were unread."""
    rows = Notice.objects.filter(person=person, read_at=None)
    if public_id is not None:
        rows = rows.filter(public_id=public_id)
    return rows.update(read_at=timezone.now())


@transaction.atomic
def choose(*, person: User, wanted: Iterable[Wanted]) -> None:
    """From now on. What of a kind waits to be mailed is not, where mail is not wanted any more.

    Raises ValueError for a kind that there is none of.
    """
    for one in wanted:
        if one.kind not in Kind.values:
            raise ValueError(f"kind {one.kind!r}; there are {', '.join(Kind.values)}")
        NoticeChoice.objects.update_or_create(
            person=person,
            kind=one.kind,
            defaults={"in_inbox": one.in_inbox, "by_mail": one.by_mail},
        )
        if not one.by_mail:
            Notice.objects.filter(
                person=person, kind=one.kind, mail_state=Notice.Mail.WAITING
            ).update(mail_state=Notice.Mail.NONE)


def secret_to_switch_off(notice: Notice) -> str:
    """For a link in its mail, by which its kind is switched off without signing in."""
    return signing.dumps([notice.person_id, notice.kind], salt=_SALT)


def kind_to_switch_off(secret: str) -> Kind | None:
    """None where the secret is none of ours."""
    found = _read_secret(secret)
    return None if found is None else found[1]


def switch_off_mail(*, secret: str) -> Kind | None:
    """The kind whose mails the secret's person gets no more; None where it is none of ours."""
    found = _read_secret(secret)
    if found is None:
        return None
    person, kind = found
    before = _wanted([person], kind)[person.pk]
    choose(person=person, wanted=[Wanted(kind, before.in_inbox, by_mail=False)])
    log.info("notice.mail_off", user=person.pk, kind=kind)
    return kind


def one_line(subject: str) -> str:
    """Without ends of lines or other controls, which would be headers of their own in a mail."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in subject).split())
    return line if len(line) <= _MOST_OF_A_SUBJECT else f"{line[: _MOST_OF_A_SUBJECT - 1]}…"


def _read_secret(secret: str) -> tuple[User, Kind] | None:
    try:
        number, kind = signing.loads(secret, salt=_SALT)
    except signing.BadSignature:
        return None
    person = User.objects.filter(pk=number).first()
    return None if person is None or kind not in Kind.values else (person, Kind(kind))


def _wanted(people: Collection[User], kind: str) -> dict[int, Wanted]:
    """By the person's id; both where nothing was chosen."""
    chosen = NoticeChoice.objects.filter(person__in=people, kind=kind)
    found = {person.pk: Wanted(kind) for person in people}
    return found | {one.person_id: Wanted(kind, one.in_inbox, one.by_mail) for one in chosen}


def _is_path(link: str) -> bool:
    """And of no other site: “//” and “/\\” would be one to a browser."""
    plain = link.isascii() and link.isprintable() and not set(link) & {" ", "\\"}
    return plain and link.startswith("/") and not link.startswith("//") and len(link) <= 300
