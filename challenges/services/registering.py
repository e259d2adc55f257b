"""A person's way into a challenge that asks for registration."""

from collections.abc import Mapping

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from challenges.definition import RegistrationSpec
from challenges.models import Challenge, Registration
from challenges.policies import may_organise, registration_asked
from challenges.selectors.taking_part import has_submitted, what_it_says
from challenges.services import teams, telling
from challenges.services.locks import lock_person
from challenges.services.refusals import Refused, text_problem

log = structlog.get_logger(__name__)
State = Registration.State
MOST_OF_AN_ANSWER = 4000
MOST_OF_AN_INSTITUTE = 200
MOST_OF_A_NOTE = 4000


class RegistrationRefused(Refused):
    """problems are by “institute”, “note”, or the text of a question."""


@transaction.atomic
def register(
    *, challenge: Challenge, user: User, institute: str, answers: Mapping[str, str]
) -> Registration:
    """Ask to take part; while that waits for approval, also change what was said.

    answers: by question, each of the definition in force. Without approval it is valid at once.
    Raises RegistrationRefused with everything that is wrong, and keeps nothing then.
    """
    asked = registration_asked(challenge)
    if not asked.required:
        raise RegistrationRefused(
            "This challenge asks for no registration: whoever is signed in may submit."
        )
    if may_organise(user, challenge):
        raise RegistrationRefused("You organise this challenge, and need no registration.")
    institute = " ".join(institute.split())
    answers = {question: text.strip() for question, text in answers.items()}
    if problems := _problems(asked, institute, answers):
        raise RegistrationRefused(problems=problems)
    lock_person(user)
    found = challenge.registrations.filter(user=user).first()
    if found is None:
        state = State.WAITING if asked.approval else State.APPROVED
        found = Registration(challenge=challenge, user=user, state=state)
    elif found.state != State.WAITING:
        raise RegistrationRefused(
            f"Your registration was {found.state} already, and what you wrote in it stays. "
            "Write to the organisers where something is wrong."
        )
    found.institute, found.answers = institute, answers
    is_new = found.pk is None
    found.save()
    if is_new and found.state == State.WAITING:
        telling.tell_of_registration(found)
    log.info("registration.made", challenge=challenge.slug, user=user.pk, state=str(found.state))
    return found


@transaction.atomic
def withdraw(*, challenge: Challenge, user: User) -> None:
    """Take a registration back, with its answers; whoever is in a team leaves it.

    Raises RegistrationRefused where there is none, where it was declined, and once something was
    submitted.
    """
    lock_person(user)
    found = challenge.registrations.filter(user=user).first()
    if found is None:
        raise RegistrationRefused("You are not registered for this challenge.")
    if found.state == State.DECLINED:
        raise RegistrationRefused("Your registration was declined; there is nothing to withdraw.")
    if has_submitted(user, challenge):
        raise RegistrationRefused(
            "You have submitted to this challenge: your registration stays with that."
        )
    if challenge.teams.filter(members__user=user).exists():
        teams.leave_team(challenge=challenge, user=user)
    found.delete()
    log.info("registration.withdrawn", challenge=challenge.slug, user=user.pk)


@transaction.atomic
def decide(
    *, registration: Registration, approve: bool, note: str = "", seen: str, by: User
) -> Registration:
    """Approve or decline, also what was decided otherwise before; who, when and why is kept.

    note: for the person to read, and needed to decline. seen: ``what_it_says`` of what the decision
    is about. Raises RegistrationRefused where that has changed meanwhile, or the note is wrong.
    """
    note = note.strip()
    missing = "" if approve else "Say why: the person reads it."
    if problem := text_problem(note, most=MOST_OF_A_NOTE, missing=missing):
        raise RegistrationRefused(problems={"note": problem})
    lock_person(registration.user)
    now = Registration.objects.select_related("user").filter(pk=registration.pk).first()
    if now is None:
        raise RegistrationRefused("Nothing was decided: this registration has been withdrawn.")
    if what_it_says(now) != seen:
        raise RegistrationRefused(
            "Nothing was decided: this registration has changed since you opened the page. "
            "Look at it again."
        )
    now.state = State.APPROVED if approve else State.DECLINED
    now.note, now.decided_by, now.decided_at = note, by, timezone.now()
    now.save()
    telling.tell_of_decision(now)
    log.info(
        "registration.decided",
        challenge=now.challenge_id,
        user=now.user_id,
        state=str(now.state),
        by=by.get_username(),
    )
    return now


def _problems(
    asked: RegistrationSpec, institute: str, answers: Mapping[str, str]
) -> dict[str, str]:
    missing = "Say where you work; “independent” is an answer too."
    found = {"institute": text_problem(institute, most=MOST_OF_AN_INSTITUTE, missing=missing)}
    for question in asked.questions:
        text = answers.get(question, "")
        found[question] = text_problem(
            text, most=MOST_OF_AN_ANSWER, missing="Answer this question."
        )
    for question in answers:
        if question not in asked.questions:
            found[question] = f"“{question[:100]}” is not asked here; look at what is."
    return {name: text for name, text in found.items() if text}
