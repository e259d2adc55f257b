"""Questions and answers, and their moderation."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from accounts.callers import ORGANISE, READ_OR_ANYONE, SUBMIT, caller_of
from accounts.paging import Part
from challenges.api.finding import (
    TOO_MANY,
    Refusal,
    open_challenge,
    organised_challenge,
    refused,
)
from challenges.models import Answer, Challenge, Question
from challenges.selectors.talk import AnswerView, Hidden, questions_of, thread_of
from challenges.services import asking

router = Router(tags=["Announcements and questions"])
_REFUSALS = {409: Refusal, 422: Refusal, 429: Refusal}


class HiddenOut(Schema):
    """Why it is hidden from others; for its author and the organisers."""

    at: datetime
    by: str
    because: str


class AnswerOut(Schema):
    id: str
    text: str
    written_by: str
    by_organiser: bool
    written_at: datetime
    hidden: HiddenOut | None


class QuestionBrief(Schema):
    """answers: how many; organiser_answers: of them those by organisers."""

    id: str
    title: str
    asked_by: str
    asked_at: datetime
    is_pinned: bool
    is_closed: bool
    is_hidden: bool
    answers: int
    organiser_answers: int


class QuestionOut(Schema):
    id: str
    title: str
    text: str
    asked_by: str
    asked_at: datetime
    is_pinned: bool
    closed_at: datetime | None
    hidden: HiddenOut | None
    answers: list[AnswerOut]


class QuestionIn(Schema):
    """title: the question in a line."""

    title: str = Field(max_length=1000)
    text: str = Field(max_length=20_000)


class AnswerIn(Schema):
    text: str = Field(max_length=20_000)


class ModerationIn(Schema):
    """What is left out stays as it is."""

    pinned: bool | None = None
    closed: bool | None = None


class ReasonIn(Schema):
    """reason: its author reads it."""

    reason: str = Field(max_length=5000)


@router.get("/challenges/{slug}/questions", auth=READ_OR_ANYONE, response=list[QuestionBrief])
def list_questions(
    request: HttpRequest, slug: str, part: Query[Part], search: str = ""
) -> list[QuestionBrief]:
    """Pinned ones first, then the newest; with every word of ``search`` in them or an answer."""
    viewer = caller_of(request).viewer
    found = questions_of(viewer, open_challenge(request, slug), search[:100])
    return [_brief(one) for one in part.of(found)]


@router.post("/challenges/{slug}/questions", auth=SUBMIT, response={201: QuestionOut, **_REFUSALS})
def ask(request: HttpRequest, slug: str, body: QuestionIn) -> Status[Any]:
    """For everyone to read; the organisers are told."""
    challenge = open_challenge(request, slug)
    try:
        made = asking.ask(
            challenge=challenge, user=caller_of(request).user, title=body.title, text=body.text
        )
    except asking.TalkRefused as refusal:
        return _refused(refusal)
    return Status(201, _thread(request, challenge, made.public_id))


@router.get("/challenges/{slug}/questions/{question_id}", auth=READ_OR_ANYONE, response=QuestionOut)
def get_question(request: HttpRequest, slug: str, question_id: str) -> QuestionOut:
    """With its answers."""
    return _thread(request, open_challenge(request, slug), question_id)


@router.post(
    "/challenges/{slug}/questions/{question_id}/answers",
    auth=SUBMIT,
    response={201: QuestionOut, **_REFUSALS},
)
def answer(request: HttpRequest, slug: str, question_id: str, body: AnswerIn) -> Status[Any]:
    """An organiser's is marked; whoever asked is told."""
    challenge = open_challenge(request, slug)
    _thread(request, challenge, question_id)
    found = challenge.questions.get(public_id=question_id)
    try:
        asking.answer(question=found, user=caller_of(request).user, text=body.text)
    except asking.TalkRefused as refusal:
        return _refused(refusal)
    return Status(201, _thread(request, challenge, question_id))


@router.patch("/challenges/{slug}/questions/{question_id}", auth=ORGANISE, response=QuestionOut)
def moderate_question(
    request: HttpRequest, slug: str, question_id: str, body: ModerationIn
) -> QuestionOut:
    """For organisers: pin it before the others, close it to answers, or the opposite."""
    challenge = organised_challenge(request, slug)
    found = _entry(challenge, question_id)
    if body.pinned is not None:
        asking.pin(question=found, pinned=body.pinned)
    if body.closed is not None:
        asking.close(question=found, closed=body.closed)
    return _thread(request, challenge, question_id)


@router.put(
    "/challenges/{slug}/questions/{question_id}/hidden",
    auth=ORGANISE,
    response={200: QuestionOut, 422: Refusal},
)
def hide_question(request: HttpRequest, slug: str, question_id: str, body: ReasonIn) -> Status[Any]:
    """For organisers: from everyone but its author, who reads why."""
    challenge = organised_challenge(request, slug)
    return _hide(request, challenge, question_id, _entry(challenge, question_id), body.reason)


@router.delete(
    "/challenges/{slug}/questions/{question_id}/hidden", auth=ORGANISE, response=QuestionOut
)
def show_question(request: HttpRequest, slug: str, question_id: str) -> QuestionOut:
    """For organisers: to everyone again."""
    challenge = organised_challenge(request, slug)
    asking.show(entry=_entry(challenge, question_id), by=caller_of(request).user)
    return _thread(request, challenge, question_id)


@router.put(
    "/challenges/{slug}/questions/{question_id}/answers/{answer_id}/hidden",
    auth=ORGANISE,
    response={200: QuestionOut, 422: Refusal},
)
def hide_answer(
    request: HttpRequest, slug: str, question_id: str, answer_id: str, body: ReasonIn
) -> Status[Any]:
    """For organisers: from everyone but its author, who reads why."""
    challenge = organised_challenge(request, slug)
    found = _answer_to(_entry(challenge, question_id), answer_id)
    return _hide(request, challenge, question_id, found, body.reason)


@router.delete(
    "/challenges/{slug}/questions/{question_id}/answers/{answer_id}/hidden",
    auth=ORGANISE,
    response=QuestionOut,
)
def show_answer(request: HttpRequest, slug: str, question_id: str, answer_id: str) -> QuestionOut:
    """For organisers: to everyone again."""
    challenge = organised_challenge(request, slug)
    found = _answer_to(_entry(challenge, question_id), answer_id)
    asking.show(entry=found, by=caller_of(request).user)
    return _thread(request, challenge, question_id)


def _hide(
    request: HttpRequest,
    challenge: Challenge,
    question_id: str,
    entry: Question | Answer,
    reason: str,
) -> Status[Any]:
    try:
        asking.hide(entry=entry, reason=reason, by=caller_of(request).user)
    except asking.TalkRefused as refusal:
        return refused(refusal)
    return Status(200, _thread(request, challenge, question_id))


def _refused(refusal: asking.TalkRefused) -> Status[Refusal]:
    if refusal.too_many:
        return Status(TOO_MANY, Refusal(detail=refusal.message, code="too_many_in_a_day"))
    return refused(refusal)


def _entry(challenge: Challenge, public_id: str) -> Question:
    found = challenge.questions.filter(public_id=public_id).first()
    if found is None:
        raise Http404
    return found


def _answer_to(question: Question, public_id: str) -> Answer:
    found = question.answers.filter(public_id=public_id).first()
    if found is None:
        raise Http404
    return found


def _brief(one: Question) -> QuestionBrief:
    return QuestionBrief(
        id=one.public_id,
        title=one.title,
        asked_by=one.asked_by.get_username(),
        asked_at=one.asked_at,
        is_pinned=one.is_pinned,
        is_closed=one.closed_at is not None,
        is_hidden=one.hidden_at is not None,
        answers=one.answer_count,  # type: ignore[attr-defined]
        organiser_answers=one.organiser_count,  # type: ignore[attr-defined]
    )


def _thread(request: HttpRequest, challenge: Challenge, public_id: str) -> QuestionOut:
    found = thread_of(caller_of(request).viewer, challenge, public_id)
    if found is None:
        raise Http404
    return QuestionOut(
        id=found.public_id,
        title=found.title,
        text=found.text,
        asked_by=found.asked_by,
        asked_at=found.asked_at,
        is_pinned=found.is_pinned,
        closed_at=found.closed_at,
        hidden=_hidden(found.hidden),
        answers=[_answer(one) for one in found.answers],
    )


def _answer(one: AnswerView) -> AnswerOut:
    return AnswerOut(
        id=one.public_id,
        text=one.text,
        written_by=one.written_by,
        by_organiser=one.by_organiser,
        written_at=one.written_at,
        hidden=_hidden(one.hidden),
    )


def _hidden(found: Hidden | None) -> HiddenOut | None:
    return HiddenOut(at=found.at, by=found.by, because=found.because) if found else None
