"""Long work on a leased row, outside the sandbox."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from challenges import leases
from challenges.models import Leased

_BEAT_SECONDS = 1.0


class LeaseLost(Exception):
    """The row is no longer ours: cancelled, or given to another worker."""


@contextmanager
def kept(row: Leased, state: str) -> Iterator[threading.Event]:
    """Heartbeats by a thread, as one step may take long; the event says that the lease is lost."""
    heart, lost, end = leases.Heart(row, state=state), threading.Event(), threading.Event()

    def beat() -> None:
        try:
            while not end.wait(_BEAT_SECONDS):
                if heart.stopped():
                    lost.set()
                    return
        finally:
            connection.close()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        end.set()
        thread.join()
