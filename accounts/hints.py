"""Messages that say there is work. The work itself stands in the database: a hint that is lost is
sent again by the reconciler, one that comes twice finds nothing to do."""

from functools import partial

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

__all__ = ["SEND_MAIL", "current_app", "hint", "hint_after_commit"]

SEND_MAIL = "accounts.send_mail"


def hint_after_commit(task: str, *arguments: int) -> None:
    transaction.on_commit(partial(hint, task, *arguments))


def hint(task: str, *arguments: int) -> None:
    try:
        # It never expires: a worker whose clock is wrong would throw all away.
        current_app.send_task(task, args=arguments)
    except OperationalError as error:
        log.warning("hint.not_sent", task=task, error=str(error))
