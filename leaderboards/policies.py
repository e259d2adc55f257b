"""Who may see what lies behind a leaderboard: its cases one by one, references, and masks."""

from challenges.models import Phase
from challenges.policies import Viewer, may_see, may_see_data
from challenges.selectors.viewing import images_are_public
from challenges.visibility import cases_are_told, sight_of
from submissions.models import Submission
from submissions.policies import is_theirs


def may_see_board(viewer: Viewer, phase: Phase) -> bool:
    """The leaderboard, and how sure it is."""
    return may_see(viewer, phase.challenge)


def may_see_details(viewer: Viewer, phase: Phase) -> bool:
    """Scores of single cases of every entry, and names of the cases: who may see these, and of a
    hidden phase everyone once its organisers have published them."""
    return may_see_images(viewer, phase) or cases_are_told(phase)


def may_see_images(viewer: Viewer, phase: Phase) -> bool:
    """The cases one by one, and their images.

    Of a public phase everyone, from its opening on; of a hidden one organisers and stewards. Where
    its leaderboard is frozen or anonymous, hides a metric, or tells less than its scores in full,
    nobody else, as single cases would tell it all.
    """
    if may_see_data(viewer, phase.challenge):
        return True
    if not sight_of(viewer, phase).is_whole:
        return False
    return phase.challenge.published_at is not None and images_are_public(phase)


def may_see_references(viewer: Viewer, phase: Phase) -> bool:
    """Outlines of readers and references, and whatever tells where they are, as missed lesions do:
    everyone where the phase gives its cases away, else organisers and stewards."""
    if may_see_data(viewer, phase.challenge):
        return True
    return phase.gives_away and may_see_images(viewer, phase)


def may_see_mask(viewer: Viewer, submission: Submission) -> bool:
    """The masks of an entry: organisers and stewards, and of cases that are public whoever
    submitted it and the members of its team. Developers were never told that others would.

    A baseline is the organisers' own: everyone sees its masks where they give the cases away, and
    not otherwise, as it may be what a reader drew.
    """
    phase = submission.phase
    if may_see_data(viewer, phase.challenge):
        return True
    if not may_see_images(viewer, phase):
        return False
    if submission.is_baseline and phase.gives_away:
        return True
    return is_theirs(viewer, submission)
