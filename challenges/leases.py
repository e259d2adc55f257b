"""Who works on a row: claimed by a conditional UPDATE, kept by a heartbeat, fenced by a number.

The one that changed the row owns it; the losers move on. Every later write shows the fence that
the claim got, so that a worker whose lease ran out cannot write over its successor. A lease runs
out when a watcher has seen no heartbeat for so many seconds of its own monotonic clock: no clock of
one machine is compared with another's, and a step of the time of day neither ends a lease nor
prolongs one.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from challenges.models import Leased

log = structlog.get_logger(__name__)
STOPPED = "stopped"

Row = TypeVar("Row", bound=Leased)


def claim(row: Leased, *, source: str, target: str, worker: str) -> bool:
    """Take ``row`` from state ``source`` to ``target``; False when another was quicker."""
    changed = (
        type(row)
        ._default_manager.filter(pk=row.pk, state=source, fence=row.fence)
        .update(state=target, fence=row.fence + 1, leased_by=worker, beat_at=timezone.now())
    )
    if changed:
        row.refresh_from_db()
    return bool(changed)


def renew(row: Leased, *, state: str) -> bool:
    """Heartbeat; False when the row is no longer ours."""
    return bool(_ours(row, state).update(beat_at=timezone.now()))


def leave(row: Leased, *, source: str, target: str, **fields: Any) -> bool:  # noqa: ANN401
    """End our work on ``row`` and set ``fields``; False when the row is no longer ours."""
    changed = _ours(row, source).update(state=target, leased_by="", beat_at=None, **fields)
    if changed:
        row.refresh_from_db()
    return bool(changed)


def give_up_leases_of(host: str, *models: type[Leased]) -> None:
    """Mark every lease held from ``host``, whose workers are known to be gone.

    The note STOPPED tells the reconciler to end it at once, and that this is nobody's fault.
    """
    for model in models:
        model._default_manager.filter(leased_by__startswith=f"{host}:").update(
            leased_by=f"{host}:{STOPPED}"
        )


@dataclass(frozen=True)
class _Sight:
    """A heartbeat, and since when the watcher has seen no other."""

    fence: int
    beat_at: datetime | None
    since: float


class Watch:
    """Tells which leases show no sign of life; to be asked regularly by one who stays alive.

    A lease that it sees for the first time gets the whole of ``seconds``.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._seen: dict[type[Leased], dict[int, _Sight]] = {}

    def silent(self, leased: Iterable[Row]) -> list[Row]:
        """``leased``: all rows of one model that are leased now; of them those to be given back."""
        rows, now = list(leased), self._clock()
        if not rows:
            return []
        before = self._seen.get(type(rows[0]), {})
        sights = {row.pk: _Sight(row.fence, row.beat_at, now) for row in rows}
        for key, sight in sights.items():
            last = before.get(key)
            if last is not None and (last.fence, last.beat_at) == (sight.fence, sight.beat_at):
                sights[key] = last
        self._seen[type(rows[0])] = sights
        return [
            row
            for row in rows
            if row.leased_by.endswith(f":{STOPPED}") or now - sights[row.pk].since >= self._seconds
        ]


class Heart:
    """Renews a lease in time; ``stopped`` is asked often, and touches the database once a second.

    Once a second, not once a lease: it is also how a cancelled run learns of it. A database that
    cannot be written (a full disk) does not stop the work until the lease must be thought lost.
    """

    def __init__(self, row: Leased, *, state: str) -> None:
        self._row = row
        self._state = state
        self._next = 0.0
        self._renewed = time.monotonic()
        self.lost = False

    def stopped(self) -> bool:
        now = time.monotonic()
        if not self.lost and now >= self._next:
            self._next = now + 1.0
            try:
                self.lost = not renew(self._row, state=self._state)
                self._renewed = now
            except DatabaseError as error:
                log.warning("heartbeat.failed", row=str(self._row), error=str(error))
                self.lost = now - self._renewed > settings.LEASE_SECONDS
        return self.lost


def _ours(row: Leased, state: str) -> Any:  # noqa: ANN401
    return type(row)._default_manager.filter(pk=row.pk, state=state, fence=row.fence)
