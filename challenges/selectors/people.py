"""Whom a challenge concerns: those who take part, and those who organise."""

from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from accounts.models import User
from challenges.models import Challenge, Registration
from challenges.policies import ORGANISERS, registration_asked

State = Registration.State


def people_taking_part(challenge: Challenge) -> QuerySet[User]:
    """Registered with a valid registration, in a team, or have submitted; baselines are nobody's
    part in it."""
    approval = registration_asked(challenge).approval
    valid = [State.APPROVED] if approval else [State.APPROVED, State.WAITING]
    registered = User.objects.filter(
        registrations__challenge=challenge, registrations__state__in=valid
    )
    in_a_team = User.objects.filter(teams__challenge=challenge)
    submitted = User.objects.filter(
        submissions__phase__challenge=challenge, submissions__is_baseline=False
    )
    each = [Q(pk__in=people.values("pk")) for people in (registered, in_a_team, submitted)]
    return User.objects.filter(reduce(or_, each), is_active=True)


def organisers_of(challenge: Challenge) -> QuerySet[User]:
    """With co-organisers."""
    organising = challenge.memberships.filter(role__in=ORGANISERS).values("user")
    return User.objects.filter(pk__in=organising, is_active=True)
