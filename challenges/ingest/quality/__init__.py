"""Quality control of cases: measured once at ingest, checked from the numbers whenever asked.

facts = measure_case(suv, geometry, {"Reader A": mask}, [mask])
findings = check_case(facts, {"uptake_min": "60"})
among_all = check_cohort({"case-1": facts, …}, patients, splits, readers, metadata)
"""

from challenges.ingest.quality.case import check_case, declared_free, minutes
from challenges.ingest.quality.cohort import COHORT_CHECKS, check_cohort
from challenges.ingest.quality.facts import (
    CtFacts,
    Facts,
    MaskFacts,
    MirrorFacts,
    PairFacts,
    PlaceFacts,
)
from challenges.ingest.quality.measure import measure_case
from challenges.ingest.quality.registry import CHECKS, Check, QualityFinding

__all__ = [
    "CHECKS",
    "COHORT_CHECKS",
    "Check",
    "CtFacts",
    "Facts",
    "MaskFacts",
    "MirrorFacts",
    "PairFacts",
    "PlaceFacts",
    "QualityFinding",
    "check_case",
    "check_cohort",
    "declared_free",
    "measure_case",
    "minutes",
]
