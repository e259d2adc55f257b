"""How far volumes agree with the reference's over a cohort.

Both measures leave cases out (no result, less than 1 ml): they describe, and must not rank, as a
submission could gain by failing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError

SMALLEST_REFERENCE_ML = 1.0
"""Below it a ratio says more about voxels than about volumes."""
LIMITS_IN_DEVIATIONS = 1.96
_LARGEST_ML = 1e30


class VolumesRefused(EvaluationError):
    """Volumes that cannot be compared."""


@dataclass(frozen=True)
class Limits:
    """The mean difference and its 95 % limits of agreement, bias ± 1.96 sample standard deviations.

    n: the number of cases; all else is None where it is below 2.
    """

    n: int
    bias: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class BlandAltman:
    """difference_ml: prediction − reference. log_ratio: ln(prediction / reference); its exponential
    is a ratio of volumes.

    The tuples hold positions of cases. compared: those of ``difference_ml``; failures: without a
    result; small: with one, but less than 1 ml of reference: these three make up all cases.
    zero_predictions: of the compared, those that have no logarithm and are left out of
    ``log_ratio``.
    """

    difference_ml: Limits
    log_ratio: Limits
    compared: tuple[int, ...]
    failures: tuple[int, ...]
    small: tuple[int, ...]
    zero_predictions: tuple[int, ...]


def bland_altman(
    reference_ml: Sequence[float], prediction_ml: Sequence[float | None]
) -> BlandAltman:
    """Of the cases with a result and at least 1 ml of reference. Bland & Altman, Lancet 1986.

    Two values per case, ml; a prediction of None is a missing result. Raises VolumesRefused where
    the numbers of values differ (code different_lengths) or one is not a volume (not_a_volume).
    """
    reference, prediction, compared = _compared(reference_ml, prediction_ml)
    drawn = prediction > 0.0
    return BlandAltman(
        difference_ml=_limits(prediction - reference),
        log_ratio=_limits(np.log(prediction[drawn]) - np.log(reference[drawn])),
        compared=tuple(compared),
        failures=tuple(case for case, volume in enumerate(prediction_ml) if volume is None),
        small=tuple(
            case
            for case, volume in enumerate(prediction_ml)
            if volume is not None and reference_ml[case] < SMALLEST_REFERENCE_ML
        ),
        zero_predictions=tuple(case for case, one in zip(compared, drawn, strict=True) if not one),
    )


def lin_concordance(
    reference_ml: Sequence[float], prediction_ml: Sequence[float | None]
) -> float | None:
    """2·s_RP / (s_R² + s_P² + (mean R − mean P)²) with 1/n variances, of the cases that
    ``bland_altman`` compares; −1 to 1. Lin, Biometrics 1989.

    None for fewer than two cases, or where all volumes of both are one and the same. Errors as
    ``bland_altman``.
    """
    reference, prediction, compared = _compared(reference_ml, prediction_ml)
    if len(compared) < 2:
        return None
    # Told from the values: the variance of equal ones is rounding noise, not always 0.
    if np.ptp(reference) == 0.0 or np.ptp(prediction) == 0.0:
        return None if np.array_equal(reference, prediction) else 0.0
    from_mean_r, from_mean_p = reference - reference.mean(), prediction - prediction.mean()
    apart = from_mean_r**2 + from_mean_p**2
    shift = float(reference.mean() - prediction.mean())
    value = 2.0 * float((from_mean_r * from_mean_p).mean()) / (float(apart.mean()) + shift**2)
    return max(-1.0, min(1.0, value))


def _compared(
    reference_ml: Sequence[float], prediction_ml: Sequence[float | None]
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[int]]:
    """Both volumes of the cases compared, and the positions of these."""
    if len(reference_ml) != len(prediction_ml):
        raise VolumesRefused(
            "different_lengths",
            f"{len(reference_ml)} reference volumes and {len(prediction_ml)} predicted ones; "
            "expected one of each per case, None for a missing result.",
        )
    for volume in (*reference_ml, *prediction_ml):
        if volume is not None and not 0.0 <= volume <= _LARGEST_ML:
            raise VolumesRefused(
                "not_a_volume",
                f"A volume of {volume:g} ml; expected 0 or more, and None for a missing result.",
            )
    compared = []
    pairs = []
    for case, (reference, prediction) in enumerate(zip(reference_ml, prediction_ml, strict=True)):
        if prediction is not None and reference >= SMALLEST_REFERENCE_ML:
            compared.append(case)
            pairs.append((reference, prediction))
    volumes = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return volumes[:, 0], volumes[:, 1], compared


def _limits(differences: NDArray[np.float64]) -> Limits:
    n = int(differences.size)
    if n < 2:
        return Limits(n)
    bias = float(differences.mean())
    reach = LIMITS_IN_DEVIATIONS * float(differences.std(ddof=1))
    return Limits(n, bias, bias - reach, bias + reach)
