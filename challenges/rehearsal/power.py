"""The smallest difference that a number of patients can show, by simulation."""

import math

import numpy as np
from numpy.typing import NDArray

ALPHA, POWER = 0.05, 0.8
_STEPS = 24
_DOUBLINGS = 60


def wilcoxon_p(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two-sided p of each row ``[simulations, n]`` of paired differences: Wilcoxon's signed-rank
    test with the normal approximation, zeros dropped, continuity correction on; 1 where a row has
    no non-zero difference. As SciPy's ``wilcoxon(zero_method="wilcox", correction=True,
    method="approx")``, for all rows at once.
    """
    from scipy.stats import norm, rankdata

    size = np.abs(differences)
    ranks = rankdata(size, axis=1)
    zeros = np.count_nonzero(differences == 0, axis=1, keepdims=True)
    ranks = np.where(differences == 0, 0.0, ranks - zeros)
    plus = np.where(differences > 0, ranks, 0.0).sum(axis=1)
    n = differences.shape[1] - zeros[:, 0]
    away = plus - n * (n + 1) / 4
    # Σ rank² / 4 is the variance with ties corrected for.
    deviation = np.sqrt((ranks**2).sum(axis=1)) / 2
    away = away - 0.5 * np.sign(away)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = 2 * norm.sf(np.abs(away) / deviation)
    return np.where(deviation > 0, np.minimum(p, 1.0), 1.0)


def power(differences: NDArray[np.float64], effect: float) -> float:
    """Share of simulations ``[simulations, n]`` in which a shift by ``effect`` is significant."""
    return float((wilcoxon_p(differences + effect) <= ALPHA).mean())


def null_differences(
    similar: NDArray[np.float64], simulations: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Paired differences ``[simulations, n]`` between two participants who differ by chance alone.

    similar: ``[participants, n]``, values of n patients. In each simulation patients are drawn with
    replacement, and for each two different participants.
    """
    several, n = similar.shape
    patient = rng.integers(n, size=(simulations, n))
    one = rng.integers(several, size=(simulations, n))
    other = (one + rng.integers(1, several, size=(simulations, n))) % several
    found: NDArray[np.float64] = similar[one, patient] - similar[other, patient]
    return found


def smallest_difference(differences: NDArray[np.float64]) -> float | None:
    """The smallest effect of POWER 80 %, by bisection over the same simulations.

    None where no difference could be shown: there are too few patients for a p of ALPHA. 0 where
    participants who differ by chance alone do not differ at all.
    """
    if power(np.zeros_like(differences), 1.0) < POWER:
        return None
    high = float(differences.std())
    if high == 0.0:
        return 0.0
    for _ in range(_DOUBLINGS):
        if power(differences, high) >= POWER:
            break
        high *= 2
    else:
        return None
    low = 0.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if power(differences, middle) >= POWER:
            high = middle
        else:
            low = middle
        if math.isclose(low, high, rel_tol=1e-4):
            break
    return high
