"""Let a participant of a hidden phase read the logs of a submission, and take that back."""

import structlog
from django.utils import timezone

from accounts.models import User
from submissions.models import Submission

log = structlog.get_logger(__name__)


def release(*, submission: Submission, by: User) -> bool:
    """False where that was done already, or it still runs: an organiser reads the whole first."""
    changed = Submission.objects.filter(
        pk=submission.pk, log_released_at=None, state__in=Submission.ENDS
    ).update(log_released_at=timezone.now(), log_released_by=by)
    if changed:
        log.info("logs.released", submission=submission.public_id, by=by.get_username())
    return bool(changed)


def withhold(*, submission: Submission, by: User) -> bool:
    """False where they were not released."""
    changed = Submission.objects.filter(pk=submission.pk, log_released_at__isnull=False).update(
        log_released_at=None, log_released_by=None
    )
    if changed:
        log.info("logs.withheld", submission=submission.public_id, by=by.get_username())
    return bool(changed)
