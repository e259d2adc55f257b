"""Reads of what is answered. Each takes the viewer, and leaves out what that one may not see."""

from submissions.reasons import Reason
from submissions.selectors.cases import CaseRow, Try
from submissions.selectors.estimating import Estimate
from submissions.selectors.lists import (
    SimilarPair,
    find_submission,
    in_flight,
    similar_pairs,
    submissions_of,
    submissions_to,
)
from submissions.selectors.report import STEPS, Progress, Report, report
from submissions.selectors.results import log_of, results_csv

__all__ = [
    "STEPS",
    "CaseRow",
    "Estimate",
    "Progress",
    "Reason",
    "Report",
    "SimilarPair",
    "Try",
    "find_submission",
    "in_flight",
    "log_of",
    "report",
    "results_csv",
    "similar_pairs",
    "submissions_of",
    "submissions_to",
]
