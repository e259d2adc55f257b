"""What a report is written from, read once, as far as its reader may see it."""

from dataclasses import dataclass

from challenges.definition import ChallengeDefinition
from challenges.models import Phase, Protocol
from challenges.policies import Viewer
from challenges.selectors import definition_of, protocol_of
from evaluation.spec import EvaluationSpec
from leaderboards.selectors import Board, board
from leaderboards.uncertain import HowSure, how_sure

MOST_ROWS = 10_000


@dataclass(frozen=True)
class Material:
    """inlined: whether figures take the colours of the page that they stand in."""

    phase: Phase
    protocol: Protocol
    definition: ChallengeDefinition
    shown: Board
    sure: HowSure
    inlined: bool

    @property
    def spec(self) -> EvaluationSpec:
        return self.definition.evaluation


def material_of(viewer: Viewer, phase: Phase, *, inlined: bool) -> Material:
    return Material(
        phase=phase,
        protocol=protocol_of(phase.challenge),
        definition=definition_of(phase.challenge),
        shown=board(viewer, phase, rows_a_page=MOST_ROWS),
        sure=how_sure(viewer, phase),
        inlined=inlined,
    )
