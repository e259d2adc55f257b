"""Reads of what people are told, and of the mails on their way."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import F, Min, QuerySet

from accounts.addresses import addresses_of
from accounts.models import Notice, NoticeChoice, User

Mail = Notice.Mail


@dataclass(frozen=True)
class Choice:
    """One kind of notices, and where a person wants it."""

    kind: str
    title: str
    in_inbox: bool
    by_mail: bool


@dataclass(frozen=True)
class Mailbox:
    """Where a person's mail goes. address: as it stands in the account; empty where there is none.

    leaves: whether this server has a mail server. is_written_to: False for an address that is not
    confirmed, where mail leaves.
    """

    address: str
    leaves: bool
    is_written_to: bool


@dataclass(frozen=True)
class MailTrouble:
    """A mail that was not taken, or not yet. error: what the server, or the way to it, said."""

    notice: str
    person: str
    subject: str
    given_up: bool
    tries: int
    next_at: datetime
    error: str


@dataclass(frozen=True)
class Mails:
    """Of the whole platform. where: where they go, in words. oldest: since when the first waits."""

    where: str
    leaves: bool
    waiting: int
    failed: int
    oldest: datetime | None
    troubles: tuple[MailTrouble, ...]


def inbox(person: User) -> QuerySet[Notice]:
    """Unread first, then the newest first."""
    rows = Notice.objects.filter(person=person, in_inbox=True)
    return rows.order_by(F("read_at").desc(nulls_first=True), "-created_at", "-pk")


def unread(person: User) -> int:
    return Notice.objects.filter(person=person, in_inbox=True, read_at=None).count()


def choices_of(person: User) -> tuple[Choice, ...]:
    """Every kind, in its order."""
    chosen = {one.kind: one for one in NoticeChoice.objects.filter(person=person)}
    return tuple(
        Choice(kind.value, kind.label, one.in_inbox, one.by_mail)
        if (one := chosen.get(kind.value))
        else Choice(kind.value, kind.label, in_inbox=True, by_mail=True)
        for kind in Notice.Kind
    )


def mailbox_of(person: User) -> Mailbox:
    return Mailbox(
        address=person.email,
        leaves=settings.MAIL_LEAVES,
        is_written_to=person.pk in addresses_of([person]),
    )


def mails() -> Mails:
    """For operators only: the caller has asked who it is."""
    under_way = Notice.objects.filter(mail_state__in=(Mail.WAITING, Mail.SENDING))
    failed = Notice.objects.filter(mail_state=Mail.FAILED)
    troubled = Notice.objects.exclude(mail_error="").filter(
        mail_state__in=(Mail.WAITING, Mail.FAILED)
    )
    rows = troubled.select_related("person").order_by("mail_state", "mail_after", "pk")[:20]
    return Mails(
        where=settings.MAIL_WORDS,
        leaves=settings.MAIL_LEAVES,
        waiting=under_way.count(),
        failed=failed.count(),
        oldest=under_way.aggregate(oldest=Min("created_at"))["oldest"],
        troubles=tuple(_trouble(row) for row in rows),
    )


def mail_counts() -> dict[str, int]:
    """How many are on their way, and given up."""
    return {
        state.value: Notice.objects.filter(mail_state=state).count()
        for state in (Mail.WAITING, Mail.SENDING, Mail.FAILED)
    }


def _trouble(row: Notice) -> MailTrouble:
    return MailTrouble(
        notice=row.public_id,
        person=row.person.get_username(),
        subject=row.subject,
        given_up=row.mail_state == Mail.FAILED,
        tries=row.mail_tries,
        next_at=row.mail_after,
        error=row.mail_error,
    )
