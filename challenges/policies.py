"""Who may see and do what in a challenge. Every view and selector asks here."""

from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from challenges.models import Challenge, Membership, Phase

Viewer = User | AnonymousUser

ORGANISER = Membership.Role.ORGANISER
STEWARD = Membership.Role.STEWARD


def has_role(viewer: Viewer, challenge: Challenge, *roles: Membership.Role) -> bool:
    if not isinstance(viewer, User) or not viewer.is_active:
        return False
    return challenge.memberships.filter(user=viewer, role__in=roles).exists()


def may_organise(viewer: Viewer, challenge: Challenge) -> bool:
    """See every submission of the challenge, and its logs."""
    return has_role(viewer, challenge, ORGANISER)


def may_see_cases(viewer: Viewer, phase: Phase) -> bool:
    """Pictures, names and per-case scores: everyone for public cases, else the trusted roles."""
    return not phase.is_hidden or has_role(viewer, phase.challenge, ORGANISER, STEWARD)


def may_submit(viewer: Viewer, phase: Phase) -> bool:
    """Anyone signed in; when a phase takes submissions is told by ``selectors.phase_state``."""
    return isinstance(viewer, User) and viewer.is_active
