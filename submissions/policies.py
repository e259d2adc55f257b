"""Who may see and do what with a submission."""

from accounts.models import User
from challenges.policies import Viewer, may_organise, may_see_cases
from submissions.models import Submission


def may_see_submission(viewer: Viewer, submission: Submission) -> bool:
    """Its submitter, and the organisers of its challenge."""
    return _is_submitter(viewer, submission) or may_organise(viewer, submission.phase.challenge)


def may_cancel(viewer: Viewer, submission: Submission) -> bool:
    return not submission.has_ended and may_see_submission(viewer, submission)


def may_see_case_scores(viewer: Viewer, submission: Submission) -> bool:
    """Scores of single cases, logs, and what failures say of the image: never of hidden cases."""
    return may_see_submission(viewer, submission) and may_see_cases(viewer, submission.phase)


def _is_submitter(viewer: Viewer, submission: Submission) -> bool:
    return isinstance(viewer, User) and submission.submitted_by_id == viewer.pk
