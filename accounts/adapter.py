"""allauth's own mails: links to confirm an address, and to choose a new password."""

from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as called
from django.contrib import messages

log = structlog.get_logger(__name__)


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """At once, as each link is asked for by somebody who waits for it. Where it cannot be sent
        that person is told, and what else was asked for, as an account, is done all the same."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as error:  # smtplib's errors are such ones too
            log.error("mail.not_sent", template=template_prefix, error=str(error))  # noqa: TRY400
            messages.error(
                called.request,
                "The mail server could not be reached, so no mail was sent. Try again later.",
            )
