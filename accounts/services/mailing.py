"""Send what waits to be mailed: claimed, tried again with growing pauses, given up in the open.

A server that does not answer is waited for, however long. What it answers that it does not take is
tried again as well, and given up in the end: that stands on the page of operations, and can be
tried again from there. A worker that dies while it sends leaves a mail of which nobody knows
whether it went out; it is sent again, under the same Message-ID.
"""

import smtplib
from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone

from accounts.addresses import addresses_of
from accounts.hints import SEND_MAIL, hint, hint_after_commit
from accounts.models import Notice
from accounts.services.letters import letter

log = structlog.get_logger(__name__)
Mail = Notice.Mail
AT_ONCE = 50
"""So many in a row; then whatever else waits for the worker has its turn."""
MOST_REFUSALS = 16
MOST_FINAL_REFUSALS = 3
"""Of refusals that a server calls permanent (5xx)."""
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=6)
_LONGEST_WAIT_FOR_SERVER = timedelta(minutes=30)
_ABANDONED = timedelta(minutes=10)
_CLOSING = 421


def send_waiting() -> int:
    """What is due, up to AT_ONCE; returns how many were sent. Nothing more is tried once the server
    cannot be reached."""
    sent = 0
    connection: BaseEmailBackend = get_connection()
    for _ in range(AT_ONCE):
        row = _claim()
        if row is None:
            break
        address = addresses_of([row.person]).get(row.person_id)
        if address is None:
            _leave(row, Mail.NONE)
            continue
        try:
            connection.open()
            connection.send_messages([letter(row, address)])
        except (smtplib.SMTPException, OSError, ValueError) as error:
            if not _is_refusal(error):
                _wait_for_server(row, error)
                return sent
            _refused(row, error)
            continue
        _leave(row, Mail.SENT, mailed_at=timezone.now(), mail_error="")
        sent += 1
    with suppress(smtplib.SMTPException):  # all was taken; how the goodbye is answered is no matter
        connection.close()
    if _due(timezone.now()).exists():
        hint(SEND_MAIL)
    return sent


def reconcile() -> None:
    """What a worker died over waits again; what is due is hinted at."""
    now = timezone.now()
    left = Notice.objects.filter(mail_state=Mail.SENDING).filter(
        Q(mail_claimed_at__lt=now - _ABANDONED) | Q(mail_claimed_at__gt=now + _ABANDONED)
    )
    text = "The worker that was sending it stopped; it is sent again."
    if found := left.update(mail_state=Mail.WAITING, mail_error=text):
        log.warning("mail.abandoned", mails=found)
    if _due(now).exists():
        hint(SEND_MAIL)


def try_again() -> int:
    """All that waits or was given up, at once; returns how many those are."""
    found = Notice.objects.filter(mail_state__in=(Mail.WAITING, Mail.FAILED)).update(
        mail_state=Mail.WAITING, mail_refusals=0, mail_tries=0, mail_after=timezone.now()
    )
    hint_after_commit(SEND_MAIL)
    return found


def _due(now: datetime) -> QuerySet[Notice]:
    """One that lies further ahead than any pause was set before the clock was put back."""
    ahead = Q(mail_after__gt=now + _LONGEST_PAUSE)
    waiting = Notice.objects.filter(mail_state=Mail.WAITING)
    return waiting.filter(Q(mail_after__lte=now) | ahead).order_by("mail_after", "pk")


def _claim() -> Notice | None:
    """The next, which is ours from now on."""
    while True:
        row = _due(timezone.now()).select_related("person").first()
        if row is None:
            return None
        claimed = Notice.objects.filter(
            pk=row.pk, mail_state=Mail.WAITING, mail_tries=row.mail_tries
        ).update(
            mail_state=Mail.SENDING,
            mail_tries=F("mail_tries") + 1,
            mail_claimed_at=timezone.now(),
        )
        if claimed:
            row.mail_tries += 1
            return row


def _leave(row: Notice, state: Mail, **fields: object) -> bool:
    """False where it is not ours any more."""
    ours = Notice.objects.filter(pk=row.pk, mail_state=Mail.SENDING, mail_tries=row.mail_tries)
    return bool(ours.update(mail_state=state, **fields))


def _is_refusal(error: Exception) -> bool:
    """Of this one mail, rather than of all: the server answered, or it cannot be written at all."""
    if isinstance(error, smtplib.SMTPConnectError | smtplib.SMTPHeloError):
        return False
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return False
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code != _CLOSING
    return isinstance(error, smtplib.SMTPRecipientsRefused | ValueError)


def _refused(row: Notice, error: Exception) -> None:
    most = MOST_FINAL_REFUSALS if _is_final(error) else MOST_REFUSALS
    refusals = row.mail_refusals + 1
    given_up = refusals >= most
    log.warning(
        "mail.refused", notice=row.public_id, tries=row.mail_tries, given_up=given_up,
        error=str(error),
    )  # fmt: skip
    _leave(
        row,
        Mail.FAILED if given_up else Mail.WAITING,
        mail_refusals=refusals,
        mail_after=timezone.now() + _pause(row.mail_tries, _LONGEST_PAUSE),
        mail_error=_words(error),
    )


def _wait_for_server(row: Notice, error: Exception) -> None:
    """The others wait as long: each would wait for the same server."""
    _leave(row, Mail.WAITING, mail_error=_words(error))
    waiting = Notice.objects.filter(mail_state=Mail.WAITING)
    tries = waiting.aggregate(most=Max("mail_tries"))["most"] or 1
    after = timezone.now() + _pause(tries, _LONGEST_WAIT_FOR_SERVER)
    waiting.filter(mail_after__lt=after).update(mail_after=after)
    log.warning("mail.no_server", tries=tries, again_at=after.isoformat(), error=str(error))


def _is_final(error: Exception) -> bool:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code >= 500
    return True


def _pause(tries: int, longest: timedelta) -> timedelta:
    """Doubled with each try."""
    doublings = max(0, min(tries - 1, 20))
    return min(longest, _FIRST_PAUSE * (1 << doublings))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
