"""From the scores of entries to what a leaderboard shows: standings, their uncertainty, subgroups.

Pure, so that ``./uptake rank`` and the server are one.
"""

from evaluation.standings.analysis import (
    Analysis,
    Otherwise,
    Resampled,
    Slice,
    Tested,
    Uncertainty,
    analyse,
)
from evaluation.standings.board import (
    Board,
    Place,
    Standing,
    aggregate_of,
    make_board,
    places_of,
)
from evaluation.standings.groups import (
    DERIVED,
    LEAST_PATIENTS,
    UNKNOWN,
    USUAL,
    Group,
    derived,
    groups_of,
    protected,
)
from evaluation.standings.scores import CaseFacts, EntryScores, Scored

__all__ = [
    "DERIVED",
    "LEAST_PATIENTS",
    "UNKNOWN",
    "USUAL",
    "Analysis",
    "Board",
    "CaseFacts",
    "EntryScores",
    "Group",
    "Otherwise",
    "Place",
    "Resampled",
    "Scored",
    "Slice",
    "Standing",
    "Tested",
    "Uncertainty",
    "aggregate_of",
    "analyse",
    "derived",
    "groups_of",
    "make_board",
    "places_of",
    "protected",
]
