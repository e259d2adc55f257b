"""Of a submission's scores what its phase tells whoever submitted it."""

from collections.abc import Iterable
from dataclasses import replace

from challenges.models import Edition
from challenges.selectors import cases_of, definition_of
from challenges.visibility import Sight
from evaluation.aggregate import Summary, summarise
from submissions.models import Submission
from submissions.selectors.best import goodness
from submissions.selectors.cases import CaseRow
from submissions.selectors.standing import entered_as, whose

FIRST = "It is the first that is scored: there is nothing to compare it with."
BETTER = "It is better than the best before it."
NOT_BETTER = "It is not better than the best before it."
UNKNOWN = "Whether it is better than the best before it cannot be told of single cases."


def as_told(row: CaseRow, sight: Sight) -> CaseRow:
    """Volumes are scores too: with the reference's they tell the error."""
    if sight.is_exact:
        return row
    return replace(
        row,
        values=tuple(sight.told(value) for value in row.values),
        reference_ml=None,
        prediction_ml=None,
    )


def summarise_told(values: Iterable[float | None], sight: Sight) -> Summary:
    """values: as they are told; the mean of rounded ones is rounded, too."""
    found = summarise(values)
    if sight.feedback == "full":
        return found
    return Summary(
        count=found.count, mean=sight.told(found.mean), deviation=sight.told(found.deviation)
    )


def verdict_on(submission: Submission, edition: Edition) -> str:
    """By the metric that is tested for significance: its mean over the cases. Empty until there is
    a score."""
    if submission.state != Submission.State.SCORED:
        return ""
    definition = definition_of(submission.phase.challenge)
    phase = next(one for one in definition.phases if one.slug == submission.phase.slug)
    column = phase.best_by or definition.evaluation.primary
    if column is None:
        return UNKNOWN
    scored = Submission.objects.filter(
        phase=submission.phase_id, state=Submission.State.SCORED, is_baseline=False
    )
    # As the board counts them: of the team, or of a person alone.
    scored = (
        scored.filter(team=None, submitted_by=submission.submitted_by_id)
        if submission.team_id is None
        else scored.filter(team=submission.team_id)
    )
    before = [
        one
        for one in scored.select_related("version")
        if one.entered_at < submission.entered_at
        and whose(one) == whose(submission)
        and entered_as(one) != entered_as(submission)
    ]
    if not before:
        return FIRST
    cases = list(cases_of(submission.phase))
    good = goodness(edition, [submission, *before], cases, column)
    best = max(good[one.pk] for one in before)
    return BETTER if good[submission.pk] > best else NOT_BETTER
