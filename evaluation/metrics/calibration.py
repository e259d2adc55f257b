"""Metrics over the cohort of how well an algorithm knows how sure it may be.

A case without a statement takes no part and is told; where failing costs nothing, nothing ranks.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.base import CohortCase, CohortMetric, CohortValue, Direction
from evaluation.reliability import STEPS, Reliability

RESAMPLES = 1000
Rows = NDArray[np.float64]


def pooled(cases: Sequence[CohortCase]) -> Reliability:
    """The counts of all cases that have any: what a reliability diagram is drawn of."""
    return Reliability.sum_of(_known(cases))


def expected_calibration_error(cases: Sequence[CohortCase]) -> CohortValue:
    """``Reliability.expected_calibration_error`` of the counts of all cases together."""

    def of_rows(number: Rows, gaps: Rows, _: Rows) -> Rows:
        return np.asarray(np.abs(gaps).sum(axis=1) / (STEPS * number), np.float64)

    return _value(cases, pooled(cases).expected_calibration_error, of_rows)


def brier(cases: Sequence[CohortCase]) -> CohortValue:
    """``Reliability.brier`` of the counts of all cases together."""

    def of_rows(number: Rows, _: Rows, squared: Rows) -> Rows:
        return np.asarray(squared / (STEPS * STEPS * number), np.float64)

    return _value(cases, pooled(cases).brier, of_rows)


def _known(cases: Sequence[CohortCase]) -> list[Reliability]:
    return [one.counts.reliability for one in cases if one.counts.reliability is not None]


def _value(
    cases: Sequence[CohortCase],
    value: float | None,
    of_rows: Callable[[Rows, Rows, Rows], Rows],
) -> CohortValue:
    known = _known(cases)
    judged = sum(one.total > 0 for one in known)
    notes = []
    if missing := len(cases) - len(known):
        notes.append(f"{missing} of {len(cases)} cases without a statement left out")
    if nothing := len(known) - judged:
        notes.append(f"{nothing} with nothing to judge")
    low, high = _interval(cases, of_rows)
    return CohortValue(value=value, cases=judged, low=low, high=high, note="; ".join(notes))


def _interval(
    cases: Sequence[CohortCase], of_rows: Callable[[Rows, Rows, Rows], Rows]
) -> tuple[float | None, float | None]:
    """2.5 and 97.5 % quantiles of resampled patients, each with all its cases; None below two."""
    patients: dict[str, Reliability] = {}
    for case in cases:
        found = case.counts.reliability
        if found is not None and found.total:
            patients[case.patient] = patients.get(case.patient, Reliability()) + found
    rows = list(patients.values())
    if len(rows) < 2:
        return None, None
    drawn = np.random.default_rng(0).multinomial(
        len(rows), np.full(len(rows), 1.0 / len(rows)), size=RESAMPLES
    )
    number = np.array([one.total for one in rows], np.float64)
    squared = np.array([one.squared for one in rows], np.float64)
    gaps = np.array(
        [np.array(one.stated, float) - STEPS * np.array(one.held, float) for one in rows]
    )
    found_values = of_rows(drawn @ number, drawn @ gaps, drawn @ squared)
    low, high = np.quantile(found_values, [0.025, 0.975])
    return float(low), float(high)


_REGION = (
    "Of a probability map over all voxels within 10 mm (or what the challenge says) of R, of P or "
    "of a probability of 0.5 or more, r being 1 in R; of a stated probability over the cases, r "
    "being 1 where the mask is good."
)
_UNRANKED = "Cases without a statement take no part, and are counted, so it is never ranked."

METRICS = (
    CohortMetric(
        id="expected_calibration_error",
        title="Expected calibration error",
        short="ECE",
        unit="",
        direction=Direction.LOWER,
        definition="How far a stated probability p lies, on average, from how often it is so: in "
        f"ten bins of equal width, Σ|Σp − Σr| / number. {_REGION}",
        advice="0 says that of all that is stated with 70 %, 70 % is so; it does not say that "
        "anything is found. Of few cases it is too high by chance, and its interval, too. "
        + _UNRANKED,
        measure=expected_calibration_error,
        interval="95 % bootstrap interval over patients",
        rankable=False,
        needs_confidence=True,
    ),
    CohortMetric(
        id="brier",
        title="Brier score",
        short="Brier",
        unit="",
        direction=Direction.LOWER,
        definition=f"The mean of (p − r)². {_REGION}",
        advice="Calibration and sharpness in one: always saying 50 % gives 0.25, and being surely "
        f"wrong costs most. Large tumours decide it, of a map. {_UNRANKED}",
        measure=brier,
        interval="95 % bootstrap interval over patients",
        rankable=False,
        needs_confidence=True,
    ),
)
