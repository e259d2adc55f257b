"""A team, or a person alone, says which of its submissions stands on the leaderboard."""

import structlog
from django.db import transaction

from accounts.models import User
from challenges.selectors import phase_spec, phase_state
from submissions.models import Chosen, Submission
from submissions.policies import may_let_stand
from submissions.services.hints import REFRESH, hint_after_commit

log = structlog.get_logger(__name__)


class NotChosen(Exception):
    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@transaction.atomic
def let_stand(*, submission: Submission, by: User) -> Chosen:
    """From now on it stands, in place of what stood before. Raises NotChosen with a sentence."""
    if reason := _why_not(submission, by):
        raise NotChosen(reason)
    chosen = Chosen.objects.create(submission=submission, chosen_by=by)
    log.info("submission.chosen", submission=submission.public_id, by=by.get_username())
    hint_after_commit(REFRESH, submission.phase_id)
    return chosen


def _why_not(submission: Submission, by: User) -> str:
    phase = submission.phase
    if phase_spec(phase).entry != "chosen":
        return "In this phase nobody chooses: which submission stands is a rule of the challenge."
    if submission.is_baseline:
        return "It is a baseline, of which the latest stands."
    if submission.state != Submission.State.SCORED:
        return f"It is {submission.state}, and only what is scored can stand."
    if not may_let_stand(by, submission):
        return "Only present members of the team that it was submitted for choose."
    if phase_state(phase) != "open":
        return "The phase is not open: what stands, stays."
    return ""
