"""Who may see and do what with a submission."""

from accounts.models import User
from challenges.models import TeamMember
from challenges.policies import Viewer, may_organise, may_see, may_see_cases
from submissions.models import AlgorithmVersion, Submission


def may_see_submission(viewer: Viewer, submission: Submission) -> bool:
    """Its submitter, the present members of its team, and the organisers of its challenge."""
    return is_theirs(viewer, submission) or may_organise(viewer, submission.phase.challenge)


def may_cancel(viewer: Viewer, submission: Submission) -> bool:
    return not submission.has_ended and may_see_submission(viewer, submission)


def may_see_case_scores(viewer: Viewer, submission: Submission) -> bool:
    """Scores and names of single cases: never of hidden ones."""
    return may_see_submission(viewer, submission) and may_see_cases(viewer, submission.phase)


def may_see_logs(viewer: Viewer, submission: Submission) -> bool:
    """Logs, and what failures say in full: of hidden cases once an organiser has released them."""
    if may_see_case_scores(viewer, submission):
        return True
    return submission.log_released_at is not None and may_see_submission(viewer, submission)


def may_rerun(viewer: Viewer, submission: Submission) -> bool:
    return may_organise(viewer, submission.phase.challenge)


def may_release_logs(viewer: Viewer, submission: Submission) -> bool:
    """Of hidden cases; those of public ones are not withheld."""
    return submission.phase.is_hidden and may_organise(viewer, submission.phase.challenge)


def is_theirs(viewer: Viewer, submission: Submission) -> bool:
    """Whether it is the viewer's own, or of the team that the viewer is in. Whoever has left a team
    keeps what that person submitted, and no more."""
    if not isinstance(viewer, User):
        return False
    if submission.submitted_by_id == viewer.pk:
        return True
    team = submission.team_id
    return team is not None and TeamMember.objects.filter(team=team, user=viewer).exists()


def may_let_stand(viewer: Viewer, submission: Submission) -> bool:
    """Say that it stands on the leaderboard: the present members of the team that it was submitted
    for; of a person alone, or a team that everyone has left, whoever submitted it."""
    if not isinstance(viewer, User):
        return False
    team = submission.team_id
    members = TeamMember.objects.filter(team=team) if team is not None else None
    if members is not None and members.exists():
        return members.filter(user=viewer).exists()
    return submission.submitted_by_id == viewer.pk


def may_see_card(viewer: Viewer, version: AlgorithmVersion) -> bool:
    """Everyone, once the version is scored in a challenge that is public: who reads a leaderboard
    reads what its entries are. Before that those who may see a submission of it."""
    if isinstance(viewer, User) and version.algorithm.owner_id == viewer.pk:
        return True
    submissions = version.submissions.all()
    return any(
        one.state == Submission.State.SCORED and may_see(viewer, one.phase.challenge)
        for one in submissions
    ) or any(may_see_submission(viewer, one) for one in submissions)


def may_edit_card(viewer: Viewer, version: AlgorithmVersion) -> bool:
    """Its owner, and the present members of a team that it was submitted for."""
    if not isinstance(viewer, User):
        return False
    if version.algorithm.owner_id == viewer.pk:
        return True
    # By objects, as whoever shows many versions has fetched them all at once.
    submissions = version.submissions.all()
    teams = [one.team for one in submissions if one.team is not None]
    return any(one.submitted_by_id == viewer.pk for one in submissions) or any(
        member.user_id == viewer.pk for team in teams for member in team.members.all()
    )


def may_operate(viewer: Viewer) -> bool:
    """See hosts, workers and leases, and drain: whoever ``./uptake operator`` named."""
    return isinstance(viewer, User) and viewer.is_active and viewer.is_staff
