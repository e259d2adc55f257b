"""What people are told of a challenge; of its phases by whoever finds that one opens or closes.

Each ``tell_of_…`` is called in the transaction of the change that it tells of. What others wrote is
set off line by line, so that nobody takes it for the platform's own words.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notice, User
from accounts.services import notices
from challenges.models import Announcement, Answer, Phase, Protocol, Question, Registration
from challenges.selectors.people import organisers_of, people_taking_part

Kind = Notice.Kind
REMINDED = timedelta(days=3)
"""So long before it closes, those who take part are told."""
_LOOKED_BACK = timedelta(days=7)
_MOST_QUOTED = 1500


@dataclass(frozen=True)
class _News:
    phase: Phase
    key: str
    subject: str
    text: str


def tell_of_amendment(protocol: Protocol) -> None:
    challenge, by = protocol.challenge, protocol.frozen_by
    text = (
        f"The protocol of “{challenge.title}” was amended: version {protocol.version} is in force. "
        "What changed stands beside what was before."
    )
    if protocol.reason:
        text += f" The organisers’ reason:\n\n{_quoted(protocol.reason)}"
    people = people_taking_part(challenge) | organisers_of(challenge)
    notices.notify(
        people.exclude(pk=by.pk) if by else people,
        kind=Kind.AMENDMENT,
        subject=f"{challenge.title}: amended",
        text=text,
        link=reverse("history", args=(challenge.slug,)),
        key=f"amendment:{challenge.pk}:{protocol.version}",
    )


def tell_of_announcement(announcement: Announcement) -> None:
    challenge = announcement.challenge
    people = people_taking_part(challenge) | organisers_of(challenge)
    notices.notify(
        people.exclude(pk=announcement.written_by_id),
        kind=Kind.ANNOUNCEMENT,
        subject=f"{challenge.title}: {announcement.title}",
        text=f"The organisers of “{challenge.title}” announce:\n\n"
        f"{_quoted(announcement.title)}\n>\n{_quoted(announcement.text)}",
        link=reverse("announcements", args=(challenge.slug,)),
        key=_announced(announcement),
    )


def take_back_announcement(announcement: Announcement) -> None:
    title = announcement.challenge.title
    notices.withdraw(
        key=_announced(announcement),
        subject=f"{title}: an announcement was withdrawn",
        text=f"The organisers of “{title}” have withdrawn what they had announced.",
    )


def tell_of_question(question: Question) -> None:
    """The organisers, as it waits for them."""
    challenge = question.challenge
    notices.notify(
        organisers_of(challenge).exclude(pk=question.asked_by_id),
        kind=Kind.WAITING,
        subject=f"{challenge.title}: a question",
        text=f"{question.asked_by.get_username()} asks about “{challenge.title}”:\n\n"
        f"{_quoted(question.title)}\n>\n{_quoted(question.text)}",
        link=_page(question),
        key=f"question:{question.public_id}",
    )


def tell_of_answer(answer: Answer) -> None:
    """Whoever asked; nobody is told of an answer of their own."""
    question, who = answer.question, answer.written_by.get_username()
    notices.notify(
        User.objects.filter(pk=question.asked_by_id).exclude(pk=answer.written_by_id),
        kind=Kind.ANSWER,
        subject=f"{question.challenge.title}: an answer to your question",
        text=f"You asked “{question.title}”. {who}"
        f"{', who organises,' if answer.by_organiser else ''} answers:\n\n{_quoted(answer.text)}",
        link=_page(question),
        key=_answered(answer),
    )


def tell_of_hiding(entry: Question | Answer) -> None:
    """Its author, with the reason; of a hidden answer the asker has nothing to read any more."""
    if isinstance(entry, Answer):
        notices.withdraw(
            key=_answered(entry),
            subject=f"{entry.question.challenge.title}: an answer was hidden",
            text=f"An organiser has hidden an answer to “{entry.question.title}”.",
        )
        question, author, what = entry.question, entry.written_by, "answer"
    else:
        question, author, what = entry, entry.asked_by, "question"
    at = entry.hidden_at.isoformat() if entry.hidden_at else ""
    notices.notify(
        [author] if author.pk != entry.hidden_by_id else [],
        kind=Kind.ANSWER,
        subject=f"{question.challenge.title}: your {what} was hidden",
        text=f"An organiser has hidden your {what} at “{question.title}”. Others do not see it any "
        f"more. The reason:\n\n{_quoted(entry.hidden_because)}",
        link=_page(question),
        key=f"hidden:{entry.public_id}:{at}",
    )


def tell_of_registration(registration: Registration) -> None:
    """The organisers, that it waits; once a day for each person, however often it is withdrawn."""
    challenge = registration.challenge
    notices.notify(
        organisers_of(challenge),
        kind=Kind.WAITING,
        subject=f"{challenge.title}: a registration waits",
        text=f"{registration.user.get_username()} wants to take part in “{challenge.title}”, and "
        "waits for an organiser’s decision.",
        link=reverse("prepare_participants", args=(challenge.slug,)),
        key=f"registration:{challenge.pk}:{registration.user_id}:{timezone.now().date()}",
    )


def tell_of_decision(registration: Registration) -> None:
    challenge, at = registration.challenge, registration.decided_at
    approved = registration.state == Registration.State.APPROVED
    text = f"Your registration for “{challenge.title}” was {registration.state}."
    if approved:
        text += " You may submit now, alone or in a team."
    if registration.note:
        text += f" The organisers write:\n\n{_quoted(registration.note)}"
    notices.notify(
        [registration.user],
        kind=Kind.REGISTRATION,
        subject=f"{challenge.title}: your registration was {registration.state}",
        text=text,
        link=reverse("register", args=(challenge.slug,)),
        key=f"decision:{registration.pk}:{at.isoformat() if at else ''}",
    )


def reconcile(now: datetime | None = None) -> int:
    """Tell of phases that have opened or closed, or close soon; returns how many of them.

    Each date is told of once; one that an amendment moves is another date. What happened before
    there were notices here, or more than a week ago, is told to nobody.
    """
    now = now or timezone.now()
    found = list(_news(now, max(notices.began_at(), now - _LOOKED_BACK)))
    told = notices.was_told([one.key for one in found])
    new = [one for one in found if one.key not in told]
    for one in new:
        notices.notify(
            people_taking_part(one.phase.challenge),
            kind=Kind.PHASE,
            subject=f"{one.phase.challenge.title}: {one.subject}",
            text=one.text,
            link=f"{reverse('challenge', args=(one.phase.challenge.slug,))}#phases",
            key=one.key,
        )
    return len(new)


def _news(now: datetime, since: datetime) -> Iterator[_News]:
    phases = Phase.objects.exclude(challenge__published_at=None).select_related("challenge")
    not_closed = Q(closes_at=None) | Q(closes_at__gt=now)
    for phase in phases.filter(not_closed, opens_at__gt=since, opens_at__lte=now):
        yield _opened(phase)
    submitting = phases.exclude(kind=Phase.Kind.TRAINING)
    long_open = Q(opens_at=None) | Q(opens_at__lte=F("closes_at") - REMINDED)
    for phase in submitting.filter(long_open, closes_at__gt=now, closes_at__lte=now + REMINDED):
        yield _closes_soon(phase)
    for phase in submitting.filter(closes_at__gt=since, closes_at__lte=now):
        yield _closed(phase)


def _opened(phase: Phase) -> _News:
    if phase.kind == Phase.Kind.TRAINING:
        what = "Its cases can be downloaded." if phase.gives_away else "It takes no submissions."
    else:
        what = "It takes submissions"
        what += f" until {_date(phase.closes_at)}." if phase.closes_at else "; no end is set."
    return _News(
        phase,
        f"phase-opened:{phase.pk}:{_key(phase.opens_at)}",
        f"{phase.title} is open",
        f"“{phase.title}” of “{phase.challenge.title}” has opened. {what}",
    )


def _closes_soon(phase: Phase) -> _News:
    return _News(
        phase,
        f"phase-closes:{phase.pk}:{_key(phase.closes_at)}",
        f"{phase.title} closes soon",
        f"“{phase.title}” of “{phase.challenge.title}” closes {_date(phase.closes_at)}. What is "
        "submitted before is still run and scored.",
    )


def _closed(phase: Phase) -> _News:
    return _News(
        phase,
        f"phase-closed:{phase.pk}:{_key(phase.closes_at)}",
        f"{phase.title} is closed",
        f"“{phase.title}” of “{phase.challenge.title}” closed {_date(phase.closes_at)}, and takes "
        "no submissions any more. What is on its way is still scored.",
    )


def _announced(announcement: Announcement) -> str:
    return f"announcement:{announcement.public_id}"


def _answered(answer: Answer) -> str:
    return f"answer:{answer.public_id}"


def _page(question: Question) -> str:
    return reverse("question", args=(question.challenge.slug, question.public_id))


def _quoted(text: str) -> str:
    """As a mail quotes another; a long one is cut, as its page has the rest."""
    shown = text if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED].rstrip()} …"
    return "\n".join(f"> {line}".rstrip() for line in shown.splitlines())


def _date(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def _key(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
