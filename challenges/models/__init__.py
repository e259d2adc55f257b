"""What is asked: schema only; every write is in services, every read beyond a get in selectors."""

from challenges.models.access import Acceptance, Access, Download
from challenges.models.challenge import Challenge, Edition, Membership, Phase, Protocol
from challenges.models.dataset import Annotation, Case, Dataset, Image, Reader, Reference
from challenges.models.leased import Leased
from challenges.models.quality import DataImport, Decision, Finding
from challenges.models.rehearsal import Rehearsal
from challenges.models.talk import Announcement, Answer, Question
from challenges.models.team import Registration, Team, TeamMember

__all__ = [
    "Acceptance",
    "Access",
    "Annotation",
    "Announcement",
    "Answer",
    "Case",
    "Challenge",
    "DataImport",
    "Dataset",
    "Decision",
    "Download",
    "Edition",
    "Finding",
    "Image",
    "Leased",
    "Membership",
    "Phase",
    "Protocol",
    "Question",
    "Reader",
    "Reference",
    "Registration",
    "Rehearsal",
    "Team",
    "TeamMember",
]
