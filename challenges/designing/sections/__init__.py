"""The sections of a design document, in its order."""

from challenges.designing.sections.access import access_log
from challenges.designing.sections.annotation import annotation
from challenges.designing.sections.assessment import assessment
from challenges.designing.sections.challenge import challenge
from challenges.designing.sections.conduct import ethics, phases, policies
from challenges.designing.sections.data import data_sets
from challenges.designing.sections.handling import handling, quality_control
from challenges.designing.sections.history import history
from challenges.designing.sections.mission import mission

SECTIONS = (
    challenge,
    mission,
    data_sets,
    annotation,
    quality_control,
    handling,
    assessment,
    phases,
    policies,
    ethics,
    access_log,
    history,
)
"""Each makes its section of a ``Material``."""

__all__ = ["SECTIONS"]
