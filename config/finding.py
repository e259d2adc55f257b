"""One thing that ``./uptake doctor`` looked at."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    GOOD = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """remedy: what to do, or what the finding means, where it is not good."""

    what: str
    verdict: Verdict
    found: str
    remedy: str = ""
