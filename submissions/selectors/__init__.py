"""Reads of what is answered. Each takes the viewer, and leaves out what that one may not see."""

from submissions.reasons import Reason
from submissions.selectors.cards import (
    CardView,
    algorithms_of,
    asked_of,
    card_view,
    find_algorithm,
    missing_fields,
)
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
    "CardView",
    "CaseRow",
    "Estimate",
    "Progress",
    "Reason",
    "Report",
    "SimilarPair",
    "Try",
    "algorithms_of",
    "asked_of",
    "card_view",
    "find_algorithm",
    "find_submission",
    "in_flight",
    "log_of",
    "missing_fields",
    "report",
    "results_csv",
    "similar_pairs",
    "submissions_of",
    "submissions_to",
]
