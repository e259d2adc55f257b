"""Who does what in a challenge."""

from django.db import transaction
from django.db.models import F

from accounts.models import User
from challenges.models import Challenge, Membership


def add_member(*, challenge: Challenge, user: User, role: Membership.Role) -> Membership:
    membership, _ = Membership.objects.get_or_create(challenge=challenge, user=user, role=role)
    return membership


class LastOrganiser(Exception):
    """A challenge always has someone who can organise it."""


@transaction.atomic
def remove_member(*, membership: Membership) -> None:
    """Raises LastOrganiser rather than leave a challenge to nobody."""
    # By a write first, so that of two organisers who remove each other at once, one waits.
    Challenge.objects.filter(pk=membership.challenge_id).update(draft_version=F("draft_version"))
    organisers = membership.challenge.memberships.filter(role=Membership.Role.ORGANISER)
    if (
        membership.role == Membership.Role.ORGANISER
        and not organisers.exclude(pk=membership.pk).exists()
    ):
        raise LastOrganiser
    membership.delete()
