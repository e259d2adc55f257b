"""A worker's main process tells of itself every few seconds, so that operators see who is there.

By the timer of the process's own event loop, not by a thread: its children are forked from it.
"""

from typing import Any

import structlog
from celery.signals import worker_ready, worker_shutdown
from django.conf import settings
from django.db import DatabaseError, connection

from submissions.services import hosts

log = structlog.get_logger(__name__)
_SECONDS = 10.0


@worker_ready.connect
def begin(sender: Any, **_: object) -> None:  # noqa: ANN401
    """sender: the worker's consumer."""
    name = f"{settings.HOST_ID}:{sender.hostname}"
    (queue,) = sender.app.amqp.queues.consume_from
    processes = sender.controller.concurrency

    def beat() -> None:
        try:
            hosts.tell_of_worker(name=name, queue=queue, processes=processes)
        except DatabaseError as error:  # the next one may succeed
            log.warning("worker.heartbeat_failed", error=str(error))
        finally:
            connection.close()

    beat()
    sender.timer.call_repeatedly(_SECONDS, beat)


@worker_shutdown.connect
def end(sender: Any, **_: object) -> None:  # noqa: ANN401
    hosts.forget_worker(name=f"{settings.HOST_ID}:{sender.hostname}")
    connection.close()
