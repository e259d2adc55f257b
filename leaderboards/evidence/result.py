"""A scored submission and the leaderboard's row of it, as far as a viewer may know of them."""

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser

from challenges.models import Edition, Phase
from challenges.policies import Viewer, may_organise
from challenges.selectors import shown_edition
from leaderboards.models import Snapshot
from leaderboards.policies import may_see_board, may_see_images
from leaderboards.selectors import Board, board, table_of
from leaderboards.tables import Column, Row
from submissions.models import Submission
from submissions.policies import is_theirs


@dataclass(frozen=True)
class Placed:
    """Where it stands: its row, of a state of the leaderboard."""

    row: Row
    columns: tuple[Column, ...]
    snapshot: Snapshot

    @property
    def competing(self) -> int:
        """How many have a rank beside it."""
        return sum(one.competes for one in table_of(self.snapshot).rows)

    @property
    def among(self) -> int | None:
        """How many of them are ranked in each resample; None where that is not kept."""
        return table_of(self.snapshot).among


@dataclass(frozen=True)
class Result:
    """placed: None for what stands on no leaderboard. in_public: whether single cases are told."""

    submission: Submission
    placed: Placed | None
    in_public: bool

    @property
    def phase(self) -> Phase:
        return self.submission.phase

    @property
    def edition(self) -> Edition:
        return self.placed.snapshot.edition if self.placed else shown_edition(self.phase)


def result_of(viewer: Viewer, public_id: str) -> Result | None:
    """None where there is none, or it is not for ``viewer``.

    It is the same for everyone who may see it, so that it may be passed on: of a public challenge
    what a stranger is shown. What a stranger does not find on the leaderboard, as while that names
    nobody, is for its people and the organisers.
    """
    rows = Submission.objects.select_related(
        "phase__challenge", "phase__dataset", "version__algorithm", "version__image",
        "version__upload", "submitted_by", "team",
    )  # fmt: skip
    found = rows.filter(public_id=public_id, state=Submission.State.SCORED).first()
    if found is None:
        return None
    phase = found.phase
    reader: Viewer = AnonymousUser()
    if not may_see_board(reader, phase):
        reader = viewer
    placed = placed_of(reader, found) if may_see_board(reader, phase) else None
    theirs = is_theirs(viewer, found) or may_organise(viewer, phase.challenge)
    if placed is None and not theirs:
        return None
    return Result(found, placed, may_see_images(AnonymousUser(), phase))


def placed_of(viewer: Viewer, submission: Submission) -> Placed | None:
    """On the leaderboard as it is; or as it was at the end of the day on which it was scored, as a
    later entry of the same people takes its place, and it was published with its rank."""
    phase, key = submission.phase, submission.public_id
    now = _found(board(viewer, phase, submission=key, rows_a_page=1), key)
    if now is not None or submission.ended_at is None:
        return now
    day = submission.ended_at.date()
    return _found(board(viewer, phase, as_of=day, submission=key, rows_a_page=1), key)


def _found(shown: Board, submission: str) -> Placed | None:
    row = next((one for one in shown.table.rows if one.submission == submission), None)
    if row is None or shown.snapshot is None:
        return None
    return Placed(row, shown.table.columns, shown.snapshot)
