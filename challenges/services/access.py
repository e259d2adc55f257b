"""Who looked at hidden data, who accepted which terms, who downloaded."""

import hashlib

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from challenges.models import Acceptance, Access, Case, Challenge, Download, Phase
from challenges.policies import Viewer
from challenges.selectors import cases_of, definition_of, is_hidden


def record(*, viewer: Viewer, case: Case, what: str) -> None:
    """Of a public case nothing is kept. ``what``: see ``models.Access``."""
    if isinstance(viewer, User) and is_hidden(case):
        record_all(user=viewer, challenge=case.dataset.challenge, what=what, case=case.name)


@transaction.atomic
def record_all(*, user: User, challenge: Challenge, what: str, case: str = "") -> None:
    """case: empty for many at once."""
    now = timezone.now()
    row, made = Access.objects.get_or_create(
        challenge=challenge,
        user=user,
        case=case,
        what=what,
        day=now.date(),
        defaults={"first_at": now, "last_at": now},
    )
    if not made:
        Access.objects.filter(pk=row.pk).update(times=F("times") + 1, last_at=now)


def accept_terms(*, challenge: Challenge, user: User) -> None:
    Acceptance.objects.get_or_create(
        challenge=challenge, user=user, terms_sha256=terms_sha256(challenge)
    )


def has_accepted(*, challenge: Challenge, user: User) -> bool:
    """The terms as they are now."""
    digest = terms_sha256(challenge)
    return challenge.acceptances.filter(user=user, terms_sha256=digest).exists()


def terms_sha256(challenge: Challenge) -> str:
    return hashlib.sha256(definition_of(challenge).terms.encode()).hexdigest()


def record_download(*, phase: Phase, user: User) -> Download:
    return Download.objects.create(phase=phase, user=user, cases=cases_of(phase).count())
