"""A notice as a mail: plain text, where to look, and how to get no more of its kind."""

from email.utils import parseaddr
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from accounts.models import Notice
from accounts.services.notices import one_line, secret_to_switch_off


def letter(notice: Notice, address: str) -> EmailMessage:
    """To ``address``. Its Message-ID stays the same, however often it is tried, so that a reader
    knows a second copy."""
    off = absolute(reverse("mail_off", args=(secret_to_switch_off(notice),)))
    return EmailMessage(
        subject=f"[Uptake] {one_line(notice.subject)}",
        body=_body(notice, off),
        to=[address],
        headers={
            "Message-ID": f"<{notice.public_id}.{settings.INSTALLATION_ID}@{_domain()}>",
            "Auto-Submitted": "auto-generated",
            "List-Unsubscribe": f"<{off}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )


def absolute(path: str) -> str:
    """On this platform's public address."""
    return f"{settings.ADDRESS}{path}"


def _body(notice: Notice, off: str) -> str:
    return (
        f"{notice.text}\n\n{absolute(notice.link)}\n\n-- \n"
        f"You, {notice.person.get_username()}, get mail of this kind: "
        f"{notice.get_kind_display()}.\n"
        f"Switch it off: {off}\n"
        f"Everything that you are told, and where: {absolute(reverse('notices'))}\n"
    )


def _domain() -> str:
    """Of the sender's address, else of the platform."""
    sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].partition("@")[2]
    return sender or urlsplit(settings.ADDRESS).hostname or "localhost"
