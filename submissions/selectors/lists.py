"""Submissions in lists: a person's, a challenge's, those under way, and pairs that are alike."""

from dataclasses import dataclass

from django.db.models import Count, F, Q, QuerySet

from challenges.models import Challenge, Phase, TeamMember
from challenges.policies import Viewer, may_organise
from submissions.models import Run, Similarity, Submission
from submissions.policies import may_see_submission


@dataclass(frozen=True)
class SimilarPair:
    """Two submissions whose masks are nearly identical; dice: mean over so many cases.

    same_side: of one person, or for one team.
    """

    first: Submission
    second: Submission
    dice: float
    cases: int
    same_person: bool
    same_side: bool

    @property
    def both(self) -> tuple[Submission, Submission]:
        return self.first, self.second


def submissions_of(viewer: Viewer) -> QuerySet[Submission]:
    """The viewer's own, and those of the teams that the viewer is in; newest first."""
    if not viewer.is_authenticated:
        return Submission.objects.none()
    teams = TeamMember.objects.filter(user=viewer.pk).values("team")
    return _for_list(Submission.objects.filter(Q(submitted_by=viewer.pk) | Q(team__in=teams)))


def submissions_to(viewer: Viewer, challenge: Challenge) -> QuerySet[Submission]:
    """Every submission of the challenge, for its organisers; for others none."""
    if not may_organise(viewer, challenge):
        return Submission.objects.none()
    return _for_list(Submission.objects.filter(phase__challenge=challenge))


def similar_pairs(viewer: Viewer, challenge: Challenge) -> tuple[SimilarPair, ...]:
    """For organisers; those of two people or teams first, then the most alike."""
    if not may_organise(viewer, challenge):
        return ()
    found = (
        Similarity.objects.filter(first__phase__challenge=challenge)
        .exclude(first=F("second"))
        .select_related(
            *(
                f"{one}__{what}"
                for one in ("first", "second")
                for what in ("version__algorithm", "submitted_by", "team", "phase")
            )
        )
    )
    pairs = [_pair(one) for one in found.order_by("-dice", "first_id", "second_id")]
    return tuple(sorted(pairs, key=lambda pair: pair.same_side))


def _pair(one: Similarity) -> SimilarPair:
    first, second = one.first, one.second
    same_person = first.submitted_by_id == second.submitted_by_id
    same_team = first.team_id is not None and first.team_id == second.team_id
    return SimilarPair(
        first, second, one.dice, one.cases, same_person, same_side=same_person or same_team
    )


def in_flight(phase: Phase) -> QuerySet[Submission]:
    return (
        _for_list(Submission.objects.filter(phase=phase))
        .exclude(state__in=Submission.ENDS)
        .order_by("received_at", "pk")
    )


def _for_list(submissions: QuerySet[Submission]) -> QuerySet[Submission]:
    return (
        submissions.select_related("version__algorithm", "phase__challenge", "submitted_by", "team")
        .annotate(
            total_runs=Count("runs"),
            executed_runs=Count("runs", filter=Q(runs__state__in=Run.EXECUTED)),
        )
        .order_by("-received_at", "-pk")
    )  # an annotation drops the model's own order


def find_submission(viewer: Viewer, public_id: str) -> Submission | None:
    """None both where there is none and where the viewer may not know of it."""
    submission = (
        Submission.objects.select_related(
            "version__algorithm",
            "version__image",
            "version__upload",
            "phase__challenge",
            "rerun_of",
            "log_released_by",
        )
        .filter(public_id=public_id)
        .first()
    )
    if submission is None or not may_see_submission(viewer, submission):
        return None
    return submission
