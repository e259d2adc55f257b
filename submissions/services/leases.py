"""Who works on a row: claimed by a conditional UPDATE, kept by a heartbeat, fenced by a number.

The one that changed the row owns it; the losers move on. Every later write shows the fence that
the claim got, so that a worker whose lease ran out cannot write over its successor.
"""

import time
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from submissions.models import Leased

STOPPED = "stopped"


def claim(row: Leased, *, source: str, target: str, worker: str) -> bool:
    """Take ``row`` from state ``source`` to ``target``; False when another was quicker."""
    changed = (
        type(row)
        ._default_manager.filter(pk=row.pk, state=source, fence=row.fence)
        .update(state=target, fence=row.fence + 1, leased_by=worker, lease_until=_lease_end())
    )
    if changed:
        row.refresh_from_db()
    return bool(changed)


def renew(row: Leased, *, state: str) -> bool:
    """Heartbeat; False when the row is no longer ours."""
    return bool(_ours(row, state).update(lease_until=_lease_end()))


def leave(row: Leased, *, source: str, target: str, **fields: Any) -> bool:  # noqa: ANN401
    """End our work on ``row`` and set ``fields``; False when the row is no longer ours."""
    changed = _ours(row, source).update(state=target, leased_by="", lease_until=None, **fields)
    if changed:
        row.refresh_from_db()
    return bool(changed)


def expire_leases_of(host: str, *models: type[Leased]) -> None:
    """End at once every lease held from ``host``, whose workers are known to be gone.

    The note STOPPED tells the reconciler that this is nobody's fault.
    """
    for model in models:
        model._default_manager.filter(leased_by__startswith=f"{host}:").update(
            leased_by=f"{host}:{STOPPED}", lease_until=timezone.now()
        )


class Heart:
    """Renews a lease in time; ``stopped`` is asked often, and touches the database once a second.

    Once a second, not once a lease: it is also how a cancelled run learns of it.
    """

    def __init__(self, row: Leased, *, state: str) -> None:
        self._row = row
        self._state = state
        self._next = 0.0
        self.lost = False

    def stopped(self) -> bool:
        if not self.lost and time.monotonic() >= self._next:
            self._next = time.monotonic() + 1.0
            self.lost = not renew(self._row, state=self._state)
        return self.lost


def _ours(row: Leased, state: str) -> Any:  # noqa: ANN401
    return type(row)._default_manager.filter(pk=row.pk, state=state, fence=row.fence)


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)
