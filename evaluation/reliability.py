"""How well stated probabilities agree with what was so: counts that add up over cases.

Probabilities are whole steps of 1/60 000, so that every count is a whole number: counts of two
halves of a cohort add up to those of the whole, to the last digit and in any order.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

STEPS = 60_000
"""Of a probability of 1. Fits in 16 bits; each ten-thousandth is a whole number of steps, so that
the edges of bins are met exactly."""
BINS = 10
_PER_BIN = STEPS // BINS

Steps = NDArray[np.uint16]


def to_steps(probabilities: NDArray[Any]) -> Steps:
    """The nearest step of each probability from 0 to 1; it lies at most 1/120 000 away."""
    nearest: Steps = np.rint(probabilities.astype(np.float64) * STEPS).astype(np.uint16)
    return nearest


@dataclass(frozen=True)
class Reliability:
    """number: how many probabilities fell into each bin; stated: their sum, in steps; held: of how
    many of them it was so. squared: Σ (p − r)² in squared steps, r being STEPS or 0.

    Bins: ten of equal width, [0, 0.1) to [0.9, 1].
    """

    number: tuple[int, ...] = (0,) * BINS
    stated: tuple[int, ...] = (0,) * BINS
    held: tuple[int, ...] = (0,) * BINS
    squared: int = 0

    @classmethod
    def of(cls, steps: Steps, held: NDArray[np.bool_]) -> Self:
        """steps, held: one-dimensional, of one length."""
        bins = np.minimum(steps // _PER_BIN, BINS - 1)
        sums = (None, steps, held)
        # Sums in float64 are exact below 2⁵³: those of 10¹¹ voxels.
        number, stated, so = (np.bincount(bins, weights=one, minlength=BINS) for one in sums)
        wrong = steps.astype(np.int64) - STEPS * held.astype(np.int64)
        return cls(_whole(number), _whole(stated), _whole(so), int((wrong * wrong).sum()))

    @classmethod
    def sum_of(cls, counts: Iterable[Self]) -> Self:
        total = cls()
        for one in counts:
            total += one
        return total

    def __add__(self, other: Self) -> Self:
        return type(self)(
            _added(self.number, other.number),
            _added(self.stated, other.stated),
            _added(self.held, other.held),
            self.squared + other.squared,
        )

    @property
    def total(self) -> int:
        return sum(self.number)

    @property
    def expected_calibration_error(self) -> float | None:
        """Σ over bins of |Σp − number of which it was so| / number of all: how far, on average, a
        stated probability lies from how often it is so. 0 to 1, 0 is best; None of nothing.

        Naeini et al., AAAI 2015.
        """
        if not self.total:
            return None
        gaps = (abs(p - STEPS * r) for p, r in zip(self.stated, self.held, strict=True))
        return sum(gaps) / (STEPS * self.total)

    @property
    def brier(self) -> float | None:
        """The mean of (p − r)². 0 to 1, 0 is best; None of nothing. Brier, Monthly Weather Review
        1950."""
        return self.squared / (STEPS * STEPS * self.total) if self.total else None

    def to_json(self) -> dict[str, Any]:
        return {name: list(v) if name != "squared" else v for name, v in asdict(self).items()}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        number, stated, held = (tuple(document[one]) for one in ("number", "stated", "held"))
        return cls(number, stated, held, document["squared"])


def _whole(sums: NDArray[Any]) -> tuple[int, ...]:
    return tuple(int(one) for one in sums)


def _added(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))
