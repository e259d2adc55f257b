"""Questions and answers, and how organisers moderate them. Who may moderate was asked before."""

from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from challenges.models import Answer, Challenge, Question
from challenges.policies import may_organise
from challenges.services import telling
from challenges.services.locks import lock_person
from challenges.services.refusals import Refused, text_problem

log = structlog.get_logger(__name__)
MOST_OF_A_TITLE = 200
MOST_OF_A_TEXT = 4000
MOST_OF_A_REASON = 1000
QUESTIONS_A_DAY = 5
ANSWERS_A_DAY = 20
"""Of a person in one challenge within any 24 hours; organisers write as many as they like."""
_DAY = timedelta(days=1)


class TalkRefused(Refused):
    """problems are by “title”, “text” and “reason”. too_many: it is the limit of a day."""

    too_many = False


class TooMany(TalkRefused):
    too_many = True


@transaction.atomic
def ask(*, challenge: Challenge, user: User, title: str, text: str) -> Question:
    """For everyone to read; the organisers are told. Raises TalkRefused."""
    if challenge.published_at is None:
        raise TalkRefused("The challenge is not published yet: nothing is asked about it.")
    title, text = " ".join(title.split()), text.strip()
    problems = {
        "title": text_problem(title, most=MOST_OF_A_TITLE, missing="Say in a line what it is."),
        "text": text_problem(text, most=MOST_OF_A_TEXT, missing="Write your question."),
    }
    if any(problems.values()):
        raise TalkRefused(problems={key: one for key, one in problems.items() if one})
    lock_person(user)
    since = timezone.now() - _DAY
    asked = challenge.questions.filter(asked_by=user, asked_at__gt=since).count()
    if asked >= QUESTIONS_A_DAY and not may_organise(user, challenge):
        raise TooMany(
            f"You have asked {asked} questions within a day, and {QUESTIONS_A_DAY} are taken. "
            "Ask this one tomorrow."
        )
    made = Question.objects.create(
        challenge=challenge, asked_by=user, title=title, text=text, folded=_folded(title, text)
    )
    telling.tell_of_question(made)
    log.info("question.asked", challenge=challenge.slug, question=made.public_id, user=user.pk)
    return made


@transaction.atomic
def answer(*, question: Question, user: User, text: str) -> Answer:
    """By anyone; those of organisers are marked. Whoever asked is told. Raises TalkRefused."""
    text = text.strip()
    if problem := text_problem(text, most=MOST_OF_A_TEXT, missing="Write your answer."):
        raise TalkRefused(problems={"text": problem})
    lock_person(user)
    question.refresh_from_db()
    if question.closed_at is not None:
        raise TalkRefused("The question is closed: it takes no answers any more.")
    organises = may_organise(user, question.challenge)
    if question.hidden_at is not None and not organises:
        raise TalkRefused("The question is hidden: it takes no answers.")
    since = timezone.now() - _DAY
    written = Answer.objects.filter(
        question__challenge=question.challenge, written_by=user, written_at__gt=since
    ).count()
    if written >= ANSWERS_A_DAY and not organises:
        raise TooMany(
            f"You have written {written} answers within a day, and {ANSWERS_A_DAY} are taken. "
            "Write this one tomorrow."
        )
    made = Answer.objects.create(
        question=question,
        written_by=user,
        text=text,
        folded=_folded(text),
        by_organiser=organises,
    )
    telling.tell_of_answer(made)
    log.info("question.answered", question=question.public_id, user=user.pk)
    return made


@transaction.atomic
def hide(*, entry: Question | Answer, reason: str, by: User) -> bool:
    """From everyone but its author, who reads why, and the organisers. Raises TalkRefused without a
    reason. False where it was hidden before."""
    reason = reason.strip()
    missing = "Say why: its author reads it."
    if problem := text_problem(reason, most=MOST_OF_A_REASON, missing=missing):
        raise TalkRefused(problems={"reason": problem})
    changed = (
        type(entry)
        ._default_manager.filter(pk=entry.pk, hidden_at=None)
        .update(hidden_at=timezone.now(), hidden_by=by, hidden_because=reason)
    )
    if changed:
        entry.refresh_from_db()
        telling.tell_of_hiding(entry)
        log.info("entry.hidden", entry=entry.public_id, by=by.get_username())
    return bool(changed)


def show(*, entry: Question | Answer, by: User) -> bool:
    """Again to everyone; False where it was not hidden."""
    hidden = type(entry)._default_manager.filter(pk=entry.pk).exclude(hidden_at=None)
    changed = hidden.update(hidden_at=None, hidden_by=None, hidden_because="")
    if changed:
        log.info("entry.shown", entry=entry.public_id, by=by.get_username())
    return bool(changed)


def pin(*, question: Question, pinned: bool) -> None:
    """Before the others, or no longer."""
    Question.objects.filter(pk=question.pk).update(is_pinned=pinned)


def close(*, question: Question, closed: bool) -> None:
    """To further answers, or open again."""
    now = timezone.now() if closed else None
    Question.objects.filter(pk=question.pk, closed_at__isnull=closed).update(closed_at=now)


def _folded(*texts: str) -> str:
    return "\n".join(texts).casefold()
