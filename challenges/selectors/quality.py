"""What was found in the data, for the people who decide about it."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from challenges.ingest.quality import CHECKS, Facts
from challenges.models import Case, Challenge, Finding

ORDER = {"blocking": 0, "warning": 1, "information": 2}
SORTS = ("findings", "name", "patient", "split", "volume", "lesions", "suv_max", "uptake")


@dataclass(frozen=True)
class FindingView:
    """title and meaning: of the check, for a physician."""

    row: Finding
    title: str
    meaning: str


@dataclass(frozen=True)
class CaseView:
    """facts: None for cases that were imported before there were any."""

    case: Case
    facts: Facts | None
    findings: tuple[FindingView, ...]

    @property
    def open(self) -> tuple[FindingView, ...]:
        return tuple(one for one in self.findings if one.row.state == Finding.State.OPEN)

    @property
    def conversion(self) -> list[tuple[str, str]]:
        """How DICOM became SUV, in words and with units; empty for images that came as SUV."""
        return conversion_words(self.case.conversion)

    @property
    def to_decide(self) -> int:
        return sum(one.row.severity == Finding.Severity.BLOCKING for one in self.open)


def cases_with_findings(challenge: Challenge, sort: str = "findings") -> list[CaseView]:
    """Sorted by one of SORTS; what is unknown comes last."""
    cases = challenge.dataset.cases.prefetch_related("findings__decided_by")
    views = [case_view(case) for case in cases]
    return sorted(views, key=lambda view: _key(view, sort))


def case_view(case: Case) -> CaseView:
    findings = sorted(case.findings.all(), key=lambda one: (ORDER[one.severity], one.pk))
    return CaseView(
        case=case,
        facts=Facts.from_json(case.facts) if case.facts else None,
        findings=tuple(_finding(one) for one in findings),
    )


def _finding(row: Finding) -> FindingView:
    check = CHECKS.get(row.check_id)
    title, meaning = (check.title, check.meaning) if check else (row.check_id, "")
    return FindingView(row, title, meaning)


def _key(view: CaseView, sort: str) -> tuple[Any, ...]:
    facts, last = view.facts, view.case.position
    match sort:
        case "name":
            return (view.case.name,)
        case "patient":
            return (view.case.patient, last)
        case "split":
            return (view.case.split, last)
        case "volume":
            return (facts is None, -(facts.reference_ml if facts else 0), last)
        case "lesions":
            return (facts is None, -(facts.lesion_count if facts else 0), last)
        case "suv_max":
            return (facts is None, -(facts.suv_max if facts else 0), last)
        case "uptake":
            known = facts is not None and facts.uptake_min is not None
            return (not known, -(facts.uptake_min or 0) if facts else 0, last)
        case _:
            counts = [sum(one.row.severity == level for one in view.open) for level in ORDER]
            return (view.case.excluded_at is not None, *(-one for one in counts), last)


def conversion_words(report: dict[str, Any]) -> list[tuple[str, str]]:
    """Of what ``ingest.sources.read_pet`` reports; what is not there is left out."""
    times = report.get("times") or {}
    dose, uptake = report.get("dose_bq"), times.get("uptake_minutes")
    half_life, weight = report.get("half_life_seconds"), report.get("weight_kg")
    factor = report.get("factor")
    rows = [
        ("Rule", report.get("rule")),
        ("Factor", factor and f"{factor:.6g} {report.get('factor_unit', '')}"),
        ("Injected activity", dose and f"{dose / 1e6:.1f} MBq"),
        ("Body weight", weight and f"{weight:g} kg"),
        ("Half-life", half_life and f"{half_life / 60:.1f} min"),
        ("Injected", _moment(times, "injected_at")),
        ("Scan began", _moment(times, "scanned_at")),
        ("Injection to scan", uptake is not None and f"{uptake:.1f} min"),
        ("Warnings", "; ".join(report.get("warnings") or [])),
    ]
    return [(label, str(value)) for label, value in rows if value]


def _moment(times: dict[str, Any], name: str) -> str:
    """The time of day alone, as dates are nobody's business; and where it was read."""
    if not times.get(name):
        return ""
    day, _, clock = str(times[name]).partition("T")
    return f"{clock or day}, from {times.get(f'{name}_from', 'the header')}"


@dataclass(frozen=True)
class Agreement:
    """Two readers over all cases that both drew something in; medians."""

    first: str
    second: str
    cases: int
    dice: float
    hd95_mm: float | None
    volume_ratio: float | None


def agreements(challenge: Challenge) -> tuple[Agreement, ...]:
    """Of each pair of readers. volume_ratio: median of second / first."""
    pairs: dict[tuple[str, str], list[tuple[float, float | None, float | None]]] = {}
    for case in challenge.dataset.cases.filter(excluded_at=None).exclude(facts={}):
        facts = Facts.from_json(case.facts)
        for pair in facts.pairs:
            if pair.dice is None:
                continue
            one, other = (facts.annotations[name].volume_ml for name in (pair.first, pair.second))
            ratio = other / one if one else None
            pairs.setdefault((pair.first, pair.second), []).append((pair.dice, pair.hd95_mm, ratio))
    return tuple(
        Agreement(
            first,
            second,
            len(rows),
            median(row[0] for row in rows),
            _median([row[1] for row in rows]),
            _median([row[2] for row in rows]),
        )
        for (first, second), rows in sorted(pairs.items())
    )


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
