"""Empty masks and missing results: one table, so that no metric decides for itself.

Applicability depends on the reference alone: where it is empty, overlap and distance metrics are
null for every submission, failed ones included. The table is the default of ``metrics.md``.
"""

from enum import StrEnum

from evaluation.errors import EvaluationError


class Family(StrEnum):
    """Which row of the table a metric follows."""

    OVERLAP = "overlap"
    DISTANCE = "distance"
    VOLUME = "volume"
    VOLUME_ERROR = "volume_error"
    SIGNED_VOLUME_ERROR = "signed_volume_error"
    SIGNED_RELATIVE_ERROR = "signed_relative_error"
    EMPTY_CASE = "empty_case"


class Situation(StrEnum):
    """What there is to compare in a case, for one label."""

    BOTH_EMPTY = "both_empty"
    REFERENCE_EMPTY = "reference_empty"
    PREDICTION_EMPTY = "prediction_empty"
    NO_RESULT = "no_result"
    NO_RESULT_REFERENCE_EMPTY = "no_result_reference_empty"
    BOTH_DRAWN = "both_drawn"


class Rule(StrEnum):
    """What the table says: a fixed value, one that the reference decides, or the definition."""

    NULL = "null"
    ZERO = "zero"
    ONE = "one"
    DIAGONAL = "diagonal"
    FAILURE_VOLUME = "failure_volume"
    MEASURE = "measure"


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
    Family.EMPTY_CASE: {
        Situation.BOTH_EMPTY: Rule.ONE,
        Situation.REFERENCE_EMPTY: Rule.ZERO,
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


def settle(
    rule: Rule, *, diagonal_mm: float, reference_ml: float, failure_volume_ml: float
) -> float | None:
    """The value that a rule other than MEASURE stands for."""
    match rule:
        case Rule.NULL:
            return None
        case Rule.ZERO:
            return 0.0
        case Rule.ONE:
            return 1.0
        case Rule.DIAGONAL:
            return diagonal_mm
        case Rule.FAILURE_VOLUME:
            return max(reference_ml, failure_volume_ml)
        case Rule.MEASURE:
            raise EvaluationError("not_settled", "A measured value has no fixed one.")
