"""The checks that need all cases: what stands out among the others, or is there twice."""

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from statistics import fmean, median
from typing import TypeVar

from challenges.ingest.quality.facts import Facts
from challenges.ingest.quality.registry import QualityFinding, ordered

FEWEST_CASES = 8
"""Below it nobody can tell what is usual."""
FAR_IN_DEVIATIONS = 4.0
LEAST_DEVIATION = {"dice": 0.03, "volume": 0.25}
"""Cohorts that agree more closely than this still vary so much by chance; volume: its
logarithm."""
_TO_DEVIATION = 1.4826
Of = TypeVar("Of", bound=Hashable)
COHORT_CHECKS = frozenset(
    {
        "duplicate",
        "patient_in_two_splits",
        "volume_in_cohort",
        "reader_outlier",
        "earl_mixed",
        "voxel_sizes",
        "scanners",
    }
)
"""Those whose findings change with the other cases."""


def check_cohort(
    facts: Mapping[str, Facts],
    patients: Mapping[str, str],
    splits: Mapping[str, str],
    readers: Sequence[str],
    metadata: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, list[QualityFinding]]:
    """Findings of each case among all; every case has an entry, empty where nothing was found.

    facts, patients (whose case it is), splits (empty: in none) and metadata (columns of cases.csv;
    ``scanner`` and ``earl_class`` are looked at) are by case. A split stands for the phases that
    use it. readers: those compared with each other.
    """
    found: dict[str, list[QualityFinding]] = {case: [] for case in facts}
    rows = metadata or {}
    for check in (
        _duplicates(facts),
        _two_splits(facts, patients, splits),
        _volumes(facts),
        _outliers(facts, readers),
        _earl(facts, splits, rows),
        _voxels(facts),
        _scanners(facts, rows),
    ):
        for case, finding in check:
            found[case].append(finding)
    return {case: ordered(findings) for case, findings in found.items()}


Found = Iterator[tuple[str, QualityFinding]]


def _duplicates(facts: Mapping[str, Facts]) -> Found:
    for same in _grouped({case: one.pet_sha256 for case, one in facts.items()}).values():
        for case in same if len(same) > 1 else []:
            others = ", ".join(other for other in same if other != case)
            yield (
                case,
                QualityFinding(
                    "duplicate",
                    "PET",
                    "blocking",
                    f"The PET image is voxel by voxel that of {others}; each case is expected to "
                    "be another examination. Exclude all but one, or bring the right image.",
                ),
            )


def _two_splits(
    facts: Mapping[str, Facts], patients: Mapping[str, str], splits: Mapping[str, str]
) -> Found:
    of_patient = _grouped({case: patients.get(case) or case for case in facts})
    for cases in of_patient.values():
        named = sorted({splits[case] for case in cases if splits.get(case)})
        for case in cases if len(named) > 1 else []:
            where = "; ".join(f"{other} in {splits.get(other) or 'no split'}" for other in cases)
            yield (
                case,
                QualityFinding(
                    "patient_in_two_splits",
                    "",
                    "blocking",
                    f"The cases of this patient lie in {len(named)} splits ({where}); one is "
                    "expected. Move all of them into one.",
                ),
            )


def _volumes(facts: Mapping[str, Facts]) -> Found:
    logs = {case: math.log(one.reference_ml) for case, one in facts.items() if one.reference_ml > 0}
    for case, away, middle, _ in _far(logs, LEAST_DEVIATION["volume"]):
        volume = facts[case].reference_ml
        yield (
            case,
            QualityFinding(
                "volume_in_cohort",
                "",
                "warning",
                f"The reference has {volume:.3g} ml, {'more' if away > 0 else 'less'} than "
                f"expected among {len(logs)} cases with a median of {math.exp(middle):.3g} ml "
                f"({abs(away):.1f} robust standard deviations on a log scale). Look at the mask.",
            ),
        )


def _outliers(facts: Mapping[str, Facts], readers: Sequence[str]) -> Found:
    """Each reader's mean Dice with the others in a case, against all readers in all cases."""
    dices: dict[tuple[str, str], float] = {}
    for case, one in facts.items():
        for reader in readers:
            own = [
                pair.dice
                for pair in one.pairs
                if reader in (pair.first, pair.second) and pair.dice is not None
            ]
            if own:
                dices[case, reader] = fmean(own)
    cases = {case for case, _ in dices}
    if len(cases) < FEWEST_CASES:
        return
    far = {at: (away, middle) for at, away, middle, _ in _far(dices, LEAST_DEVIATION["dice"])}
    for (case, reader), (away, middle) in far.items():
        alone = dices[case, reader] <= min(
            value for (other, _), value in dices.items() if other == case
        )
        if away < 0 and alone:
            yield (
                case,
                QualityFinding(
                    "reader_outlier",
                    reader,
                    "warning",
                    f"{reader} agrees with the other readers in this case with a mean Dice of "
                    f"{dices[case, reader]:.2f}; the median over {len(cases)} cases and their "
                    f"readers is {middle:.2f}. Look at the outlines; ask for a second read.",
                ),
            )


def _far(values: Mapping[Of, float], least: float) -> Iterator[tuple[Of, float, float, float]]:
    """(key, distance in deviations, median, deviation) of what lies farther than
    FAR_IN_DEVIATIONS; the deviation is 1.4826 times the median absolute deviation."""
    if len(values) < FEWEST_CASES:
        return
    middle = median(values.values())
    deviation = _TO_DEVIATION * median(abs(value - middle) for value in values.values())
    deviation = max(deviation, least)
    for key, value in values.items():
        away = (value - middle) / deviation
        if abs(away) > FAR_IN_DEVIATIONS:
            yield key, away, middle, deviation


def _earl(
    facts: Mapping[str, Facts],
    splits: Mapping[str, str],
    metadata: Mapping[str, Mapping[str, str]],
) -> Found:
    for split, cases in _grouped({case: splits.get(case, "") for case in facts}).items():
        classes = {case: metadata.get(case, {}).get("earl_class", "").strip() for case in cases}
        classes = {case: value for case, value in classes.items() if value}
        counts = Counter(classes.values())
        if len(counts) < 2:
            continue
        where = f"split {split}" if split else "the challenge"
        told = ", ".join(f"{count} of class {value}" for value, count in sorted(counts.items()))
        most = _commonest(counts)
        for case, value in classes.items():
            if value != most:
                yield (
                    case,
                    QualityFinding(
                        "earl_mixed",
                        "",
                        "warning",
                        f"EARL class {value}, and {where} mixes classes ({told}); one is "
                        "expected, as SUV of different classes are not to be pooled. Split by "
                        "class, or harmonise the images.",
                    ),
                )


def _voxels(facts: Mapping[str, Facts]) -> Found:
    sizes = {
        case: " × ".join(f"{edge:.2f}" for edge in one.voxel_mm) for case, one in facts.items()
    }
    yield from _unlike_most(
        "voxel_sizes", sizes, "Voxels of {value} mm; {count} of {total} cases have {most} mm. "
        "Distances in voxels do not compare; metrics in mm do."
    )  # fmt: skip


def _scanners(facts: Mapping[str, Facts], metadata: Mapping[str, Mapping[str, str]]) -> Found:
    named = {case: metadata.get(case, {}).get("scanner", "").strip() for case in facts}
    yield from _unlike_most(
        "scanners", {case: value for case, value in named.items() if value},
        "Scanner {value}; {count} of {total} cases come from {most}. Compare results by scanner.",
    )  # fmt: skip


def _unlike_most(check: str, values: Mapping[str, str], text: str) -> Found:
    counts = Counter(values.values())
    if len(counts) < 2:
        return
    most = _commonest(counts)
    for case, value in values.items():
        if value != most:
            told = text.format(value=value, most=most, count=counts[most], total=len(values))
            yield case, QualityFinding(check, "", "information", told)


def _commonest(counts: Counter[str]) -> str:
    """Of equally common ones the first by name, whatever the order of the cases."""
    return min(counts, key=lambda value: (-counts[value], value))


def _grouped(values: Mapping[str, str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for case, value in values.items():
        groups[value].append(case)
    return groups
