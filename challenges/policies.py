"""Who may see and do what in a challenge. Every view and selector asks here."""

from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from challenges.definition import RegistrationSpec
from challenges.models import Challenge, Membership, Phase, Registration

Viewer = User | AnonymousUser

Role = Membership.Role
ORGANISERS = (Role.ORGANISER, Role.CO_ORGANISER)
TRUSTED = (*ORGANISERS, Role.STEWARD)
"""Who may see hidden images and references; each look is logged."""
INSIDE = (*TRUSTED, Role.REVIEWER)
"""Who may see a challenge, and its design document, before it is published."""


def has_role(viewer: Viewer, challenge: Challenge, *roles: Membership.Role) -> bool:
    if not isinstance(viewer, User) or not viewer.is_active:
        return False
    return challenge.memberships.filter(user=viewer, role__in=roles).exists()


def may_organise(viewer: Viewer, challenge: Challenge) -> bool:
    """Prepare the challenge; see every submission to it, and its logs."""
    return has_role(viewer, challenge, *ORGANISERS)


def may_decide(viewer: Viewer, challenge: Challenge) -> bool:
    """Publish, amend, discard, and say who else takes part."""
    return has_role(viewer, challenge, Role.ORGANISER)


def may_exclude(viewer: Viewer, challenge: Challenge) -> bool:
    """Cases, and put them back: of a published challenge this is an amendment."""
    decides = challenge.published_at is not None
    return may_decide(viewer, challenge) if decides else may_organise(viewer, challenge)


def may_see(viewer: Viewer, challenge: Challenge) -> bool:
    return challenge.published_at is not None or has_role(viewer, challenge, *INSIDE)


def may_see_data(viewer: Viewer, challenge: Challenge) -> bool:
    """Every case of it, hidden ones too."""
    return has_role(viewer, challenge, *TRUSTED)


def may_see_cases(viewer: Viewer, phase: Phase) -> bool:
    """Pictures, names and per-case scores: everyone for public cases, else the trusted roles."""
    return not phase.is_hidden or may_see_data(viewer, phase.challenge)


def registration_asked(challenge: Challenge) -> RegistrationSpec:
    """By the protocol in force; of a draft nothing is asked."""
    documents = challenge.protocols.order_by("-version").values_list("document", flat=True)
    return RegistrationSpec.model_validate((documents.first() or {}).get("registration") or {})


def is_valid(registration: Registration | None, asked: RegistrationSpec) -> bool:
    """Whether it lets its person take part. One that waits does, where none has to wait any more:
    an amendment may take the approval away."""
    if registration is None or registration.state == Registration.State.DECLINED:
        return False
    return registration.state == Registration.State.APPROVED or not asked.approval


def may_take_part(viewer: Viewer, challenge: Challenge) -> bool:
    """Submit, and be in a team: anyone signed in; where the challenge asks for registration, with a
    valid one. Organisers need none, as baselines are theirs."""
    if not isinstance(viewer, User) or not viewer.is_active:
        return False
    asked = registration_asked(challenge)
    if not asked.required or may_organise(viewer, challenge):
        return True
    return is_valid(challenge.registrations.filter(user=viewer).first(), asked)


def may_ask_to_submit(viewer: Viewer, phase: Phase) -> bool:
    """Learn how to submit: anyone signed in, but nobody submits training data."""
    training = phase.kind == Phase.Kind.TRAINING
    return isinstance(viewer, User) and viewer.is_active and not training


def may_submit(viewer: Viewer, phase: Phase) -> bool:
    """Whoever takes part, but never training data; when is told by ``selectors.phase_state``."""
    return may_ask_to_submit(viewer, phase) and may_take_part(viewer, phase.challenge)
