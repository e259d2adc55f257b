"""What people are told of their submissions: that one has ended, and that scores have changed.

A submission that ended is told of where it is found without that: by the task that is hinted at, or
by the reconciler; so whatever dies in between changes nothing. Neither a score nor a log is in it.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import CharField, Exists, F, OuterRef, QuerySet, Value
from django.db.models.functions import Concat
from django.urls import reverse
from django.utils import timezone

from accounts.models import Event, Notice, User
from accounts.services import notices
from challenges.models import Edition
from challenges.selectors.people import organisers_of
from submissions.models import Submission
from submissions.reasons import meaning
from submissions.sandbox.outcome import Owner

State = Submission.State
_LOOKED_BACK = timedelta(days=7)
_KEY = "submission-ended:"
_WORDS = {
    State.SCORED: "has been scored",
    State.REJECTED: "was rejected",
    State.FAILED: "failed",
    State.CANCELLED: "was cancelled",
}


def reconcile() -> int:
    """Tell of every submission that ended without that; returns of how many."""
    found = list(_not_told())
    for submission in found:
        tell_of_end(submission=submission)
    return len(found)


@transaction.atomic
def tell_of_end(*, submission: Submission, but: User | None = None) -> None:
    """Its submitter and the present members of its team. but: who ended it, and so knows."""
    phase, version = submission.phase, submission.version
    title = f"“{version.algorithm.title}” (version {version.number})"
    people = _theirs(Submission.objects.filter(pk=submission.pk))
    notices.notify(
        people.exclude(pk=but.pk) if but else people,
        kind=Notice.Kind.SUBMISSION,
        subject=f"{version.algorithm.title}: {submission.state} in {phase.challenge.title}",
        text=f"{title} {_WORDS[State(submission.state)]} in “{phase.title}” of "
        f"“{phase.challenge.title}”.{_why(submission)}",
        link=reverse("submission", args=(submission.public_id,)),
        key=f"{_KEY}{submission.public_id}",
    )


def tell_of_edition(*, edition: Edition) -> None:
    """Who has scored submissions in its phase, and the organisers: the leaderboard shows it now."""
    phase = edition.phase
    scored = phase.submissions.filter(state=State.SCORED)
    notices.notify(
        _theirs(scored) | organisers_of(phase.challenge),
        kind=Notice.Kind.EDITION,
        subject=f"{phase.challenge.title}: new scores in {phase.title}",
        text=f"An amendment of “{phase.challenge.title}” has changed what scores are made of. "
        f"Every submission to “{phase.title}” was scored anew from its kept masks, and the "
        f"leaderboard shows edition {edition.number} from now on.",
        link=reverse("leaderboard", args=(phase.challenge.slug, phase.slug)),
        key=f"edition:{edition.pk}",
    )


def _not_told() -> QuerySet[Submission]:
    told = Event.objects.filter(
        key=Concat(Value(_KEY), OuterRef("public_id"), output_field=CharField())
    )
    since = max(notices.began_at(), timezone.now() - _LOOKED_BACK)
    return (
        Submission.objects.filter(~Exists(told), state__in=Submission.ENDS, ended_at__gt=since)
        .select_related("phase__challenge", "version__algorithm")
        .order_by(F("ended_at"), "pk")
    )


def _theirs(submissions: QuerySet[Submission]) -> QuerySet[User]:
    own = User.objects.filter(pk__in=submissions.values("submitted_by"))
    mates = User.objects.filter(teams__team__in=submissions.exclude(team=None).values("team"))
    return User.objects.filter(pk__in=own.values("pk")) | User.objects.filter(
        pk__in=mates.values("pk")
    )


def _why(submission: Submission) -> str:
    """In the words that give nothing away, as a phase may be hidden."""
    if submission.state not in (State.FAILED, State.REJECTED):
        return ""
    of_image = submission.state == State.REJECTED
    known = meaning(submission.reason_code, of_image=of_image)
    why = f"\n\n{known.title}: {known.generic}"
    if submission.reason_owner == Owner.PLATFORM.value:
        why += " It counts as nothing, and an organiser can run it again."
    return why
