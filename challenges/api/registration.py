"""Registration: one's own, and for organisers all of them."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from accounts.callers import ORGANISE, READ, SUBMIT, caller_of
from challenges.api.finding import Refusal, open_challenge, organised_challenge, refused
from challenges.models import Challenge
from challenges.selectors.taking_part import RegistrationRow, registrations_to, standing_of
from challenges.services import registering

router = Router(tags=["Taking part"])


class AnswerGiven(Schema):
    question: str
    answer: str


class RegistrationOut(Schema):
    """state: “not asked”, “organiser” (who needs none), “missing”, “waiting”, “approved” or
    “declined”. questions: those to be answered. note: of the organiser who decided. to_do: what
    comes before taking part; empty where nothing does."""

    state: str
    may_take_part: bool
    approval: bool
    questions: list[str]
    institute: str
    answers: list[AnswerGiven]
    note: str
    asked_at: datetime | None
    decided_at: datetime | None
    to_do: str


class RegistrationIn(Schema):
    """answers: by question, each that is asked."""

    institute: str = Field(max_length=1000)
    answers: dict[str, str] = Field(default={}, max_length=100)


class RegistrationOfSomeone(Schema):
    """seen: goes back with a decision, which so is about what stands here and nothing newer."""

    username: str
    institute: str
    of_organisers: bool
    answers: list[AnswerGiven]
    state: str
    is_valid: bool
    asked_at: datetime
    note: str
    decided_by: str
    decided_at: datetime | None
    seen: str


class DecisionIn(Schema):
    """note: for the person to read; needed to decline."""

    approve: bool
    note: str = ""
    seen: str


@router.get("/challenges/{slug}/registration", auth=READ, response=RegistrationOut)
def get_registration(request: HttpRequest, slug: str) -> RegistrationOut:
    """How you stand to the challenge's registration, and what it asks."""
    return _own(request, open_challenge(request, slug))


@router.put(
    "/challenges/{slug}/registration",
    auth=SUBMIT,
    response={200: RegistrationOut, 409: Refusal, 422: Refusal},
)
def register(request: HttpRequest, slug: str, body: RegistrationIn) -> Status[Any]:
    """Register; while that waits for approval, also change what you wrote."""
    challenge = open_challenge(request, slug)
    try:
        registering.register(
            challenge=challenge,
            user=caller_of(request).user,
            institute=body.institute,
            answers=body.answers,
        )
    except registering.RegistrationRefused as refusal:
        return refused(refusal)
    return Status(200, _own(request, challenge))


@router.delete("/challenges/{slug}/registration", auth=SUBMIT, response={204: None, 409: Refusal})
def withdraw_registration(request: HttpRequest, slug: str) -> Status[Any]:
    """Take it back, with its answers; you leave your team. Not once you have submitted."""
    try:
        registering.withdraw(challenge=open_challenge(request, slug), user=caller_of(request).user)
    except registering.RegistrationRefused as refusal:
        return refused(refusal)
    return Status(204, None)


@router.get("/challenges/{slug}/registrations", auth=ORGANISE, response=list[RegistrationOfSomeone])
def list_registrations(request: HttpRequest, slug: str) -> list[RegistrationOfSomeone]:
    """For organisers: every registration, those that wait first."""
    challenge = organised_challenge(request, slug)
    return [_of_someone(row) for row in registrations_to(caller_of(request).viewer, challenge)]


@router.post(
    "/challenges/{slug}/registrations/{username}/decision",
    auth=ORGANISE,
    response={200: RegistrationOfSomeone, 409: Refusal, 422: Refusal},
)
def decide_registration(
    request: HttpRequest, slug: str, username: str, body: DecisionIn
) -> Status[Any]:
    """For organisers: approve or decline, also what was decided otherwise before."""
    challenge = organised_challenge(request, slug)
    found = challenge.registrations.select_related("user").filter(user__username=username).first()
    if found is None:
        raise Http404
    try:
        registering.decide(
            registration=found,
            approve=body.approve,
            note=body.note,
            seen=body.seen,
            by=caller_of(request).user,
        )
    except registering.RegistrationRefused as refusal:
        return refused(refusal)
    rows = registrations_to(caller_of(request).viewer, challenge)
    return Status(200, next(_of_someone(row) for row in rows if row.username == username))


def _own(request: HttpRequest, challenge: Challenge) -> RegistrationOut:
    standing = standing_of(caller_of(request).user, challenge)
    return RegistrationOut(
        state=standing.state,
        may_take_part=standing.may_take_part,
        approval=standing.approval,
        questions=list(standing.questions),
        institute=standing.institute,
        answers=_given(standing.answers),
        note=standing.note,
        asked_at=standing.asked_at,
        decided_at=standing.decided_at,
        to_do=standing.to_do,
    )


def _of_someone(row: RegistrationRow) -> RegistrationOfSomeone:
    fields = {name: value for name, value in asdict(row).items() if name != "answers"}
    return RegistrationOfSomeone(**fields, answers=_given(row.answers))


def _given(answers: tuple[tuple[str, str], ...]) -> list[AnswerGiven]:
    return [AnswerGiven(question=question, answer=text) for question, text in answers]
