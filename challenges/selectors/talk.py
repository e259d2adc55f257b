"""Announcements, questions and answers, as far as who looks may read them."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from accounts.models import User
from challenges.models import Announcement, Answer, Challenge, Question
from challenges.policies import Viewer, may_organise

_MOST_WORDS = 8


@dataclass(frozen=True)
class Hidden:
    """By whom and why something is hidden; for its author and the organisers."""

    at: datetime
    by: str
    because: str


@dataclass(frozen=True)
class AnswerView:
    public_id: str
    text: str
    written_by: str
    by_organiser: bool
    written_at: datetime
    is_viewers: bool
    hidden: Hidden | None


@dataclass(frozen=True)
class Thread:
    """A question with its answers, those of organisers marked."""

    public_id: str
    title: str
    text: str
    asked_by: str
    asked_at: datetime
    is_viewers: bool
    is_pinned: bool
    closed_at: datetime | None
    hidden: Hidden | None
    answers: tuple[AnswerView, ...]


def announcements_of(viewer: Viewer, challenge: Challenge) -> QuerySet[Announcement]:
    """The newest first; those that were withdrawn for organisers alone."""
    rows = challenge.announcements.select_related("written_by", "withdrawn_by")
    return rows if may_organise(viewer, challenge) else rows.filter(withdrawn_at=None)


def questions_of(viewer: Viewer, challenge: Challenge, search: str = "") -> QuerySet[Question]:
    """Pinned first, then the newest first; of those with every word of ``search`` in the question
    or in one of its answers. Each has the numbers ``answer_count`` and ``organiser_count``.

    What is hidden is there for its author and the organisers.
    """
    rows = challenge.questions.filter(_shown_to(viewer, challenge, "asked_by"))
    answers = Answer.objects.filter(
        _shown_to(viewer, challenge, "written_by"), question=OuterRef("pk")
    )
    for word in search.casefold().split()[:_MOST_WORDS]:
        rows = rows.filter(Q(folded__contains=word) | Exists(answers.filter(folded__contains=word)))
    shown = Q(answers__hidden_at=None)
    return (
        rows.select_related("asked_by")
        .annotate(
            answer_count=Count("answers", filter=shown),
            organiser_count=Count("answers", filter=shown & Q(answers__by_organiser=True)),
        )
        .order_by("-is_pinned", "-asked_at", "-pk")
    )  # an annotation drops the model's own order


def thread_of(viewer: Viewer, challenge: Challenge, public_id: str) -> Thread | None:
    """None both where there is none and where it is hidden from the viewer."""
    shown = _shown_to(viewer, challenge, "asked_by")
    rows = challenge.questions.select_related("asked_by", "hidden_by")
    found = rows.filter(shown, public_id=public_id).first()
    if found is None:
        return None
    answers = found.answers.filter(_shown_to(viewer, challenge, "written_by"))
    return Thread(
        public_id=found.public_id,
        title=found.title,
        text=found.text,
        asked_by=found.asked_by.get_username(),
        asked_at=found.asked_at,
        is_viewers=found.asked_by_id == viewer.pk,
        is_pinned=found.is_pinned,
        closed_at=found.closed_at,
        hidden=_hidden(found),
        answers=tuple(
            _answer(viewer, one) for one in answers.select_related("written_by", "hidden_by")
        ),
    )


def unanswered(challenge: Challenge) -> int:
    """Open questions that no organiser has answered."""
    answered = Answer.objects.filter(question=OuterRef("pk"), by_organiser=True, hidden_at=None)
    waiting = challenge.questions.filter(~Exists(answered), hidden_at=None, closed_at=None)
    return waiting.count()


def _shown_to(viewer: Viewer, challenge: Challenge, author: str) -> Q:
    if may_organise(viewer, challenge):
        return Q()
    shown = Q(hidden_at=None)
    return shown | Q(**{author: viewer}) if isinstance(viewer, User) else shown


def _answer(viewer: Viewer, one: Answer) -> AnswerView:
    return AnswerView(
        public_id=one.public_id,
        text=one.text,
        written_by=one.written_by.get_username(),
        by_organiser=one.by_organiser,
        written_at=one.written_at,
        is_viewers=one.written_by_id == viewer.pk,
        hidden=_hidden(one),
    )


def _hidden(entry: Question | Answer) -> Hidden | None:
    if entry.hidden_at is None:
        return None
    by = entry.hidden_by.get_username() if entry.hidden_by else ""
    return Hidden(entry.hidden_at, by, entry.hidden_because)
