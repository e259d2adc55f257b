"""How far the results of a new edition are."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet

from challenges.models import Edition, Phase
from challenges.selectors import cases_of
from submissions.models import CaseResult, Run, Submission


@dataclass(frozen=True)
class RescoreProgress:
    """Runs that have their results in the edition, of all that need them."""

    done: int
    of: int


def with_masks(phase: Phase) -> QuerySet[Run]:
    """Runs of scored submissions, on cases that the phase still has."""
    return Run.objects.filter(
        submission__phase=phase,
        submission__state=Submission.State.SCORED,
        state=Run.State.DONE,
        case__in=cases_of(phase),
    )


def without_results(phase: Phase, edition: Edition) -> QuerySet[Run]:
    """Those of them that lack results in the edition."""
    scored = CaseResult.objects.filter(edition=edition, run=OuterRef("pk"))
    return with_masks(phase).filter(~Exists(scored))


def rescore_progress(phase: Phase, edition: Edition) -> RescoreProgress:
    total = with_masks(phase).count()
    return RescoreProgress(total - without_results(phase, edition).count(), total)
