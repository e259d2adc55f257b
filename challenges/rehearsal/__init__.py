"""A challenge tried before it opens: what simulated participants would score, and what that shows.

report = rehearse(cases, definition.evaluation, seed=2024)
report.sentences()
"""

from challenges.rehearsal.participants import PARTICIPANTS, Participant
from challenges.rehearsal.rehearsing import rehearse
from challenges.rehearsal.report import Report
from challenges.rehearsal.scores import RehearsalCase, RehearsalRefused

__all__ = [
    "PARTICIPANTS",
    "Participant",
    "RehearsalCase",
    "RehearsalRefused",
    "Report",
    "rehearse",
]
