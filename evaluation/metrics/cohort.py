"""Metrics of all cases together.

A missing result counts as an empty mask with as many false positives as a failure costs, so that
failing never pays: in what ranks, no case counts with more false positives than that.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.agreement import bland_altman, lin_concordance
from evaluation.endpoints import (
    Interval,
    Pairs,
    auc,
    auc_pairs,
    concordance_index,
    concordance_pairs,
)
from evaluation.errors import EvaluationError
from evaluation.metrics.base import (
    CohortCase,
    CohortMetric,
    CohortValue,
    Direction,
    Parameter,
    Settings,
    Weighed,
    parametric_cohort,
)
from evaluation.metrics.lesions import MIN_IOU


@dataclass(frozen=True)
class _Found:
    """Of one case, in voxels or lesions; clipped: false, and no more than failing costs."""

    true: float
    missed: float
    false: float
    clipped: float


def _voxels(case: CohortCase) -> _Found:
    counts, common = case.counts, case.counts.common or 0
    drawn = counts.prediction
    wrong = case.failure_voxels if drawn is None else drawn - common
    return _Found(common, counts.reference - common, wrong, min(wrong, case.failure_voxels))


def _lesions(case: CohortCase) -> _Found:
    counts, found = case.counts, case.counts.true_lesions or 0
    wrong = case.failure_lesions if counts.false_lesions is None else counts.false_lesions
    missed = (counts.reference_lesions or 0) - found
    return _Found(found, missed, wrong, min(wrong, case.failure_lesions))


def _together(found: Sequence[_Found]) -> CohortValue:
    true, missed, false, clipped = (
        math.fsum(getattr(one, name) for one in found)
        for name in ("true", "missed", "false", "clipped")
    )
    return CohortValue(
        value=_f1(true, false, missed), ranked=_f1(true, clipped, missed), cases=len(found)
    )


def _sums(
    of_case: Callable[[CohortCase], _Found],
) -> Callable[[Sequence[CohortCase]], Weighed]:
    """What is ranked, of any resample: the sums add up over cases."""

    def weighed(cases: Sequence[CohortCase]) -> Weighed:
        found = [of_case(case) for case in cases]
        twice = np.array([2 * one.true for one in found])
        total = twice + np.array([one.missed + one.clipped for one in found])

        def of_resamples(counts: NDArray[np.float64]) -> NDArray[np.float64]:
            whole = counts @ total
            share = np.full(len(counts), np.nan)
            np.divide(counts @ twice, whole, out=share, where=whole > 0)
            return share

        return of_resamples

    return weighed


def dice_agg(cases: Sequence[CohortCase]) -> CohortValue:
    """2·ΣTP / Σ(|R| + |P|) over voxels. Andrearczyk et al., HECKTOR 2021."""
    return _together([_voxels(case) for case in cases])


def lesion_f1_agg(cases: Sequence[CohortCase]) -> CohortValue:
    """2·ΣTP / (2·ΣTP + ΣFP + ΣFN) over lesions."""
    return _together([_lesions(case) for case in cases])


def _f1(true: float, false: float, missed: float) -> float | None:
    total = 2 * true + false + missed
    return 2 * true / total if total else None


def mtv_bias_ml(cases: Sequence[CohortCase]) -> CohortValue:
    """The mean of prediction − reference with its 95 % limits of agreement, ml."""
    found = bland_altman(*_volumes(cases))
    ml, ratio = found.difference_ml, found.log_ratio
    notes = [f"{len(found.compared)} of {len(cases)} cases compared"]
    if found.failures:
        notes.append(f"{len(found.failures)} without a result left out")
    if found.small:
        notes.append(f"{len(found.small)} below 1 ml of reference left out")
    if ratio.bias is not None and ratio.low is not None and ratio.high is not None:
        notes.append(
            f"ratio of volumes {math.exp(ratio.bias):.3g} "
            f"({math.exp(ratio.low):.3g} to {math.exp(ratio.high):.3g})"
        )
    return CohortValue(value=ml.bias, low=ml.low, high=ml.high, cases=ml.n, note="; ".join(notes))


def mtv_concordance(cases: Sequence[CohortCase]) -> CohortValue:
    """Lin's concordance coefficient of the volumes, of the cases that Bland–Altman compares."""
    volumes = _volumes(cases)
    return CohortValue(lin_concordance(*volumes), cases=len(bland_altman(*volumes).compared))


def _volumes(cases: Sequence[CohortCase]) -> tuple[list[float], list[float | None]]:
    counts = [case.counts for case in cases]
    return [one.reference_ml for one in counts], [one.prediction_ml for one in counts]


def _c_index(settings: Settings) -> CohortMetric:
    event, time = str(settings.get("event", "event")), str(settings.get("time", "time"))
    higher = bool(settings["higher_is_risk"])

    def measure(cases: Sequence[CohortCase]) -> CohortValue:
        known = _known(cases, event, time)
        return _of_interval(
            concordance_index(
                [_time_of(case.metadata, time) for case in known],
                [_yes(case.metadata, event) for case in known],
                [case.counts.prediction_ml for case in known],
                higher_is_risk=higher,
                patients=[case.patient for case in known],
            ),
            cases,
            known,
        )

    def pairs(known: Sequence[CohortCase]) -> Pairs:
        return concordance_pairs(
            [_time_of(case.metadata, time) for case in known],
            [_yes(case.metadata, event) for case in known],
            [case.counts.prediction_ml for case in known],
            higher_is_risk=higher,
        )

    def check(metadata: Mapping[str, str]) -> None:
        if metadata[event].strip() and metadata[time].strip():
            _yes(metadata, event)
            _time_of(metadata, time)

    return CohortMetric(
        id="c_index",
        title="C-index of MTV",
        short="C-index",
        unit="",
        direction=Direction.HIGHER,
        definition="Of the pairs of patients of whom one is known to have had the event earlier, "
        f"the share in which that one has the {'larger' if higher else 'smaller'} predicted MTV "
        "(Harrell). Equal volumes count ½; a missing result loses all its pairs.",
        advice="What the volume says of the patient’s future, not how well it is drawn. 0.5 is "
        "chance.",
        measure=measure,
        check=check,
        interval=_BOOTSTRAP,
        parameters=(_EVENT, _TIME, _HIGHER_IS_RISK),
        settings=settings,
        make=_c_index,
        weighed=_of_known(pairs, event, time),
    )


def _auc(settings: Settings) -> CohortMetric:
    outcome = str(settings.get("outcome", "outcome"))
    higher = bool(settings["higher_is_risk"])

    def measure(cases: Sequence[CohortCase]) -> CohortValue:
        known = _known(cases, outcome)
        return _of_interval(
            auc(
                [_yes(case.metadata, outcome) for case in known],
                [case.counts.prediction_ml for case in known],
                higher_is_risk=higher,
                patients=[case.patient for case in known],
            ),
            cases,
            known,
        )

    def pairs(known: Sequence[CohortCase]) -> Pairs:
        return auc_pairs(
            [_yes(case.metadata, outcome) for case in known],
            [case.counts.prediction_ml for case in known],
            higher_is_risk=higher,
        )

    def check(metadata: Mapping[str, str]) -> None:
        if metadata[outcome].strip():
            _yes(metadata, outcome)

    return CohortMetric(
        id="auc",
        title="AUC of MTV",
        short="AUC",
        unit="",
        direction=Direction.HIGHER,
        definition="Of all pairs of a patient with the outcome and one without, the share in which "
        f"the one with it has the {'larger' if higher else 'smaller'} predicted MTV (area under "
        "the ROC curve). Equal volumes count ½; a missing result ranks on the wrong side.",
        advice="What the volume says of the patient’s outcome, not how well it is drawn. 0.5 is "
        "chance.",
        measure=measure,
        check=check,
        interval=_BOOTSTRAP,
        parameters=(_OUTCOME, _HIGHER_IS_RISK),
        settings=settings,
        make=_auc,
        weighed=_of_known(pairs, outcome),
    )


def _of_known(
    pairs_of: Callable[[Sequence[CohortCase]], Pairs], *columns: str
) -> Callable[[Sequence[CohortCase]], Weighed]:
    """What is ranked, of any resample: pairs of the cases whose outcome is known."""

    def weighed(cases: Sequence[CohortCase]) -> Weighed:
        known = _known(cases, *columns)
        names = {case.name for case in known}
        places = [at for at, case in enumerate(cases) if case.name in names]
        pairs = pairs_of(known)
        return lambda counts: pairs.over(counts[:, places])

    return weighed


def _of_interval(
    found: Interval, cases: Sequence[CohortCase], known: Sequence[CohortCase]
) -> CohortValue:
    unknown = len(cases) - len(known)
    return CohortValue(
        value=found.value,
        ranked=found.value,
        low=found.low,
        high=found.high,
        cases=len(known),
        note=f"{unknown} cases of unknown outcome left out" if unknown else "",
    )


def _known(cases: Sequence[CohortCase], *columns: str) -> list[CohortCase]:
    """The cases that have something in each column: what a reader does not know is left empty."""
    return [case for case in cases if all(case.metadata.get(one, "").strip() for one in columns)]


def _number(metadata: Mapping[str, str], column: str) -> float:
    text = metadata[column]
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise EvaluationError("not_a_number", f"“{column}” is “{text}”; a number is expected.")
    return number


def _time_of(metadata: Mapping[str, str], column: str) -> float:
    time = _number(metadata, column)
    if time < 0:
        raise EvaluationError("not_a_number", f"“{column}” is {time:g}; 0 or more is expected.")
    return time


def _yes(metadata: Mapping[str, str], column: str) -> bool:
    text = metadata[column].strip().lower()
    if text not in _YES and text not in _NO:
        raise EvaluationError("not_yes_or_no", f"“{column}” is “{text}”; 1 or 0 is expected.")
    return text in _YES


def _lesion_f1_agg(settings: Settings) -> CohortMetric:
    return CohortMetric(
        id="lesion_f1_agg",
        title="Aggregated lesion F1",
        short="Lesion F1 agg.",
        unit="",
        direction=Direction.HIGHER,
        definition="The lesions of all cases taken together: 2·ΣTP / (2·ΣTP + ΣFP + ΣFN). A lesion "
        f"is found at an intersection over union of {settings['min_iou']:g} or more.",
        advice="A patient with many lesions weighs as much as many with one.",
        measure=lesion_f1_agg,
        parameters=(MIN_IOU,),
        settings=settings,
        make=_lesion_f1_agg,
        weighed=_sums(_lesions),
    )


_YES, _NO = {"1", "yes", "true"}, {"0", "no", "false"}
_BOOTSTRAP = "95 % bootstrap interval over patients"
_EVENT = Parameter("event", "Column that says whether the event was observed: 1 or 0.")
_TIME = Parameter("time", "Column of the time to the event, or to the end of follow-up.")
_OUTCOME = Parameter("outcome", "Column of the outcome: 1 or 0.")
_HIGHER_IS_RISK = Parameter(
    "higher_is_risk", "Whether a larger volume means a higher risk.", default=True
)


METRICS = (
    CohortMetric(
        id="dice_agg",
        title="Aggregated Dice",
        short="Dice agg.",
        unit="",
        direction=Direction.HIGHER,
        definition="The voxels of all cases taken together: 2·Σ|R∩P| / Σ(|R| + |P|).",
        advice="HECKTOR’s measure. Lesion-free cases count through what is drawn in them; large "
        "tumours decide it.",
        measure=dice_agg,
        weighed=_sums(_voxels),
    ),
    parametric_cohort(_lesion_f1_agg, MIN_IOU),
    CohortMetric(
        id="mtv_bias_ml",
        title="Bias of MTV",
        short="MTV bias",
        unit="ml",
        direction=Direction.TOWARDS_ZERO,
        definition="The mean of predicted minus reference volume, with the limits between which "
        "95 % of the differences lie: bias ± 1.96 standard deviations (Bland–Altman). Of cases "
        "with a result and at least 1 ml of reference.",
        advice="Says whether volumes are too large or too small throughout, and how far a single "
        "one may be off. Failures take no part and are listed, so it is never ranked.",
        measure=mtv_bias_ml,
        decimals=1,
        interval="95 % limits of agreement",
        rankable=False,
    ),
    CohortMetric(
        id="mtv_concordance",
        title="Concordance of MTV",
        short="MTV concordance",
        unit="−1 to 1",
        direction=Direction.HIGHER,
        definition="Lin’s coefficient: 2·cov(R, P) / (var R + var P + (mean R − mean P)²) of the "
        "volumes, with variances by 1/n. 1 is perfect agreement; a constant error lowers it.",
        advice="A few very large tumours can make it high whatever the rest is like. Failures take "
        "no part, so it is never ranked.",
        measure=mtv_concordance,
        rankable=False,
    ),
    parametric_cohort(_c_index, _EVENT, _TIME, _HIGHER_IS_RISK),
    parametric_cohort(_auc, _OUTCOME, _HIGHER_IS_RISK),
)
