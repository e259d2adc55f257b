"""Empty masks and missing results: one table, so that no metric decides for itself.

Applicability depends on the reference alone: where it is empty, overlap and distance metrics are
null for every submission, failed ones included. A challenge may replace single cells of the table
in its definition (``empty_masks``); the rows in force are what pages and tables show.
"""

from collections.abc import Mapping
from enum import StrEnum

from evaluation.errors import EvaluationError


class Family(StrEnum):
    """Which row of the table a metric follows."""

    OVERLAP = "overlap"
    CASE_DETECTION = "case_detection"
    DISTANCE = "distance"
    VOLUME = "volume"
    VOLUME_ERROR = "volume_error"
    SIGNED_VOLUME_ERROR = "signed_volume_error"
    SIGNED_RELATIVE_ERROR = "signed_relative_error"
    SYMMETRIC_ERROR = "symmetric_error"
    FEATURE_ERROR = "feature_error"
    LESION_COUNT = "lesion_count"
    EMPTY_CASE = "empty_case"

    @property
    def words(self) -> str:
        return _FAMILY_WORDS[self]


class Situation(StrEnum):
    """What there is to compare in a case, for one label."""

    BOTH_EMPTY = "both_empty"
    REFERENCE_EMPTY = "reference_empty"
    PREDICTION_EMPTY = "prediction_empty"
    NO_RESULT = "no_result"
    NO_RESULT_REFERENCE_EMPTY = "no_result_reference_empty"
    BOTH_DRAWN = "both_drawn"

    @property
    def words(self) -> str:
        return _SITUATION_WORDS[self]

    @property
    def reference_is_empty(self) -> bool:
        return self in REFERENCE_EMPTY


REFERENCE_EMPTY = frozenset(
    {Situation.BOTH_EMPTY, Situation.REFERENCE_EMPTY, Situation.NO_RESULT_REFERENCE_EMPTY}
)


TOLD = (
    Situation.BOTH_EMPTY,
    Situation.REFERENCE_EMPTY,
    Situation.NO_RESULT_REFERENCE_EMPTY,
    Situation.PREDICTION_EMPTY,
    Situation.NO_RESULT,
)
"""The situations in which a rule other than the definition may hold."""


class Rule(StrEnum):
    """What the table says: a fixed value, one that the reference decides, or the definition.

    AS_EMPTY: the definition, as if an empty mask had been answered.
    """

    NULL = "not_applicable"
    ZERO = "zero"
    ONE = "one"
    TWO_HUNDRED = "two_hundred"
    DIAGONAL = "diagonal"
    FAILURE_VOLUME = "failure_volume"
    FAILURE_LESIONS = "failure_lesions"
    AS_EMPTY = "as_empty"
    MEASURE = "measure"


_FAMILY_WORDS = {
    Family.OVERLAP: "overlap and lesion ratios",
    Family.CASE_DETECTION: "cases with lesions",
    Family.DISTANCE: "distances",
    Family.VOLUME: "volume",
    Family.VOLUME_ERROR: "errors in volume",
    Family.SIGNED_VOLUME_ERROR: "signed error in volume",
    Family.SIGNED_RELATIVE_ERROR: "relative error in volume",
    Family.SYMMETRIC_ERROR: "symmetric error in volume",
    Family.FEATURE_ERROR: "errors in SUV, TLG and Dmax",
    Family.LESION_COUNT: "number of false lesions",
    Family.EMPTY_CASE: "lesion-free cases",
}
_SITUATION_WORDS = {
    Situation.BOTH_EMPTY: "no lesion, none drawn",
    Situation.REFERENCE_EMPTY: "no lesion, some drawn",
    Situation.NO_RESULT_REFERENCE_EMPTY: "no lesion, no usable result",
    Situation.PREDICTION_EMPTY: "lesions, none drawn",
    Situation.NO_RESULT: "lesions, no usable result",
    Situation.BOTH_DRAWN: "both drawn",
}


_NOT_APPLICABLE = {
    Situation.BOTH_EMPTY: Rule.NULL,
    Situation.REFERENCE_EMPTY: Rule.NULL,
    Situation.NO_RESULT_REFERENCE_EMPTY: Rule.NULL,
}
_MEASURED = {
    Situation.BOTH_EMPTY: Rule.MEASURE,
    Situation.REFERENCE_EMPTY: Rule.MEASURE,
    Situation.PREDICTION_EMPTY: Rule.MEASURE,
    Situation.BOTH_DRAWN: Rule.MEASURE,
}

TABLE: dict[Family, dict[Situation, Rule]] = {
    Family.OVERLAP: {
        **_NOT_APPLICABLE,
        Situation.PREDICTION_EMPTY: Rule.ZERO,
        Situation.NO_RESULT: Rule.ZERO,
        Situation.BOTH_DRAWN: Rule.MEASURE,
    },
    Family.CASE_DETECTION: {
        **_NOT_APPLICABLE,
        Situation.PREDICTION_EMPTY: Rule.ZERO,
        Situation.NO_RESULT: Rule.ZERO,
        Situation.BOTH_DRAWN: Rule.MEASURE,
    },
    Family.DISTANCE: {
        **_NOT_APPLICABLE,
        Situation.PREDICTION_EMPTY: Rule.DIAGONAL,
        Situation.NO_RESULT: Rule.DIAGONAL,
        Situation.BOTH_DRAWN: Rule.MEASURE,
    },
    Family.VOLUME: {
        **_MEASURED,
        Situation.NO_RESULT: Rule.NULL,
        Situation.NO_RESULT_REFERENCE_EMPTY: Rule.NULL,
    },
    Family.VOLUME_ERROR: {
        **_MEASURED,
        Situation.NO_RESULT: Rule.FAILURE_VOLUME,
        Situation.NO_RESULT_REFERENCE_EMPTY: Rule.FAILURE_VOLUME,
    },
    # Signed errors describe bias; a failure is charged through their absolute form.
    Family.SIGNED_VOLUME_ERROR: {
        **_MEASURED,
        Situation.NO_RESULT: Rule.NULL,
        Situation.NO_RESULT_REFERENCE_EMPTY: Rule.NULL,
    },
    Family.SIGNED_RELATIVE_ERROR: {
        **_NOT_APPLICABLE,
        Situation.PREDICTION_EMPTY: Rule.MEASURE,
        Situation.NO_RESULT: Rule.NULL,
        Situation.BOTH_DRAWN: Rule.MEASURE,
    },
    Family.SYMMETRIC_ERROR: {
        Situation.BOTH_EMPTY: Rule.ZERO,
        Situation.REFERENCE_EMPTY: Rule.MEASURE,
        Situation.PREDICTION_EMPTY: Rule.MEASURE,
        Situation.BOTH_DRAWN: Rule.MEASURE,
        Situation.NO_RESULT: Rule.TWO_HUNDRED,
        Situation.NO_RESULT_REFERENCE_EMPTY: Rule.TWO_HUNDRED,
    },
    # Features of an empty mask are 0, and a missing result counts as one.
    Family.FEATURE_ERROR: {
        **_NOT_APPLICABLE,
        Situation.PREDICTION_EMPTY: Rule.MEASURE,
        Situation.NO_RESULT: Rule.AS_EMPTY,
        Situation.BOTH_DRAWN: Rule.MEASURE,
    },
    Family.LESION_COUNT: {
        **_MEASURED,
        Situation.NO_RESULT: Rule.FAILURE_LESIONS,
        Situation.NO_RESULT_REFERENCE_EMPTY: Rule.FAILURE_LESIONS,
    },
    Family.EMPTY_CASE: {
        Situation.BOTH_EMPTY: Rule.MEASURE,
        Situation.REFERENCE_EMPTY: Rule.MEASURE,
        Situation.NO_RESULT_REFERENCE_EMPTY: Rule.ZERO,
        Situation.PREDICTION_EMPTY: Rule.NULL,
        Situation.NO_RESULT: Rule.NULL,
        Situation.BOTH_DRAWN: Rule.NULL,
    },
}


def situation(reference_voxels: int, prediction_voxels: int | None) -> Situation:
    """``prediction_voxels`` is None where there is no usable result."""
    if prediction_voxels is None:
        return Situation.NO_RESULT if reference_voxels else Situation.NO_RESULT_REFERENCE_EMPTY
    if reference_voxels:
        return Situation.BOTH_DRAWN if prediction_voxels else Situation.PREDICTION_EMPTY
    return Situation.REFERENCE_EMPTY if prediction_voxels else Situation.BOTH_EMPTY


Table = Mapping[Family, Mapping[Situation, Rule | float]]


def settle(
    rule: Rule | float,
    *,
    diagonal_mm: float,
    reference_ml: float,
    failure_volume_ml: float,
    failure_lesions: int,
) -> float | None:
    """The value that a rule other than MEASURE and AS_EMPTY stands for."""
    match rule:
        case Rule.NULL:
            return None
        case Rule.ZERO:
            return 0.0
        case Rule.ONE:
            return 1.0
        case Rule.TWO_HUNDRED:
            return 200.0
        case Rule.DIAGONAL:
            return diagonal_mm
        case Rule.FAILURE_VOLUME:
            return max(reference_ml, failure_volume_ml)
        case Rule.FAILURE_LESIONS:
            return float(failure_lesions)
        case Rule():
            raise EvaluationError("not_settled", "A measured value has no fixed one.")
        case _:
            return float(rule)


def words(rule: Rule | float, *, failure_volume_ml: float, failure_lesions: int) -> str:
    """What a cell of the table says, for a page."""
    match rule:
        case Rule.NULL:
            return "not applicable"
        case Rule.ZERO:
            return "0"
        case Rule.ONE:
            return "1"
        case Rule.TWO_HUNDRED:
            return "200 %"
        case Rule.DIAGONAL:
            return "the image’s diagonal"
        case Rule.FAILURE_VOLUME:
            return f"the reference’s volume, at least {failure_volume_ml:g} ml"
        case Rule.FAILURE_LESIONS:
            return f"{failure_lesions}"
        case Rule.AS_EMPTY:
            return "as for an empty mask"
        case Rule.MEASURE:
            return "measured"
        case _:
            return f"{rule:g}"
