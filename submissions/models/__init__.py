"""What is answered, and what happened to it: schema only."""

from submissions.models.algorithm import (
    Algorithm,
    AlgorithmVersion,
    CardRevision,
    ContainerImage,
    Kind,
    Upload,
)
from submissions.models.chosen import Chosen
from submissions.models.host import Host, Worker
from submissions.models.readers import AgainstReader, CrossScoring, ReaderResult
from submissions.models.rescore import Rescore
from submissions.models.run import Attempt, CaseResult, Prediction, Run
from submissions.models.submission import Similarity, Submission

__all__ = [
    "AgainstReader",
    "Algorithm",
    "AlgorithmVersion",
    "Attempt",
    "CardRevision",
    "CaseResult",
    "Chosen",
    "ContainerImage",
    "CrossScoring",
    "Host",
    "Kind",
    "Prediction",
    "ReaderResult",
    "Rescore",
    "Run",
    "Similarity",
    "Submission",
    "Upload",
    "Worker",
]
