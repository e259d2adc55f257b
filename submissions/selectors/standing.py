"""Whose a submission is, and which of several its people let stand."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from challenges.models import Phase
from challenges.policies import Viewer
from challenges.selectors import phase_spec, phase_state
from submissions.models import Chosen, Submission
from submissions.policies import may_let_stand

Whose = tuple[str, int]
Entered = tuple[int, datetime]
"""Of an original and its re-runs the same: they stand for one another."""


@dataclass(frozen=True)
class Standing:
    """Of a phase in which teams choose. chosen: what counts for whoever this submission is of; None
    where the latest does. is_this: it is this submission, or one that it re-ran or was re-run as.
    may_choose: the viewer, now."""

    chosen: Chosen | None
    is_this: bool
    may_choose: bool


def whose(submission: Submission, nobodys: Collection[int] = ()) -> Whose:
    """nobodys: teams without members, whose submissions are their submitters'."""
    if submission.is_baseline:
        return "baseline", submission.version.algorithm_id
    if submission.team_id is not None and submission.team_id not in nobodys:
        return "team", submission.team_id
    return "person", submission.submitted_by_id


def entered_as(submission: Submission) -> Entered:
    return submission.version_id, submission.entered_at


def choices_in(phase: Phase) -> dict[Entered, int]:
    """What was ever chosen, with a number that grows: the largest of a team's counts."""
    found = Chosen.objects.filter(submission__phase=phase).order_by("pk")
    return {
        (version, entered): key
        for version, entered, key in found.values_list(
            "submission__version", "submission__entered_at", "pk"
        )
    }


def standing_of(viewer: Viewer, submission: Submission) -> Standing | None:
    """None where the phase does not let teams choose, or there is nothing to choose yet."""
    if submission.state != Submission.State.SCORED or submission.is_baseline:
        return None
    phase = submission.phase
    if phase_spec(phase).entry != "chosen":
        return None
    ours = Chosen.objects.filter(submission__phase=phase, submission__is_baseline=False)
    ours = (
        ours.filter(submission__submitted_by=submission.submitted_by_id, submission__team=None)
        if submission.team_id is None
        else ours.filter(submission__team=submission.team_id)
    )
    chosen = ours.select_related("chosen_by", "submission__version__algorithm").first()
    is_this = chosen is not None and entered_as(chosen.submission) == entered_as(submission)
    return Standing(
        chosen=chosen,
        is_this=is_this,
        may_choose=not is_this
        and phase_state(phase) == "open"
        and may_let_stand(viewer, submission),
    )
