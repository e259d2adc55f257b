"""Challenges that ask something of those who take part, and people who do."""

from typing import Any

from accounts.models import User
from challenges.models import Challenge, Registration
from challenges.selectors.taking_part import what_it_says
from challenges.services import registering
from challenges.services.publishing import amend
from tests.factories import a_user


def amended(challenge: Challenge, **keys: Any) -> Challenge:
    """By its organiser; keys as in challenge.yaml."""
    document = {**challenge.protocols.order_by("-version")[:1].get().document, **keys}
    amend(challenge=challenge, document=document, reason="A test.", by=a_user("organiser"))
    challenge.refresh_from_db()
    return challenge


def asking(challenge: Challenge, *questions: str, approval: bool = True) -> Challenge:
    """For registration."""
    asked = {"required": True, "approval": approval, "questions": list(questions)}
    return amended(challenge, registration=asked)


def registered(challenge: Challenge, name: str, institute: str = "Somewhere") -> User:
    """By themselves, without an answer; whether that is enough is the challenge's."""
    person = a_user(name)
    registering.register(challenge=challenge, user=person, institute=institute, answers={})
    return person


def decided(challenge: Challenge, name: str, *, approve: bool, note: str = "So.") -> Registration:
    row = challenge.registrations.get(user__username=name)
    return registering.decide(
        registration=row,
        approve=approve,
        note=note,
        seen=what_it_says(row),
        by=a_user("organiser"),
    )
