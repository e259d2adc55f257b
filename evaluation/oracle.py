"""medpy's own numbers, for comparison: the one module that imports medpy (GPL-3.0-or-later).

Uptake's scores never come from here. medpy is optional; each function imports it when called.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError

Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]


def medpy_dice(prediction: Mask, reference: Mask) -> float:
    return float(_medpy().dc(prediction, reference))


def medpy_hd(prediction: Mask, reference: Mask, spacing_zyx: Spacing) -> float:
    """mm; raises RuntimeError when a mask is empty."""
    return float(_medpy().hd(prediction, reference, spacing_zyx))


def medpy_hd95_pooled(prediction: Mask, reference: Mask, spacing_zyx: Spacing) -> float:
    """mm; the 95th percentile of both directions pooled, which is not ``hd95``."""
    return float(_medpy().hd95(prediction, reference, spacing_zyx))


def medpy_assd(prediction: Mask, reference: Mask, spacing_zyx: Spacing) -> float:
    """mm; since medpy 0.5 the mean over both borders pooled, as ``assd`` here."""
    return float(_medpy().assd(prediction, reference, spacing_zyx))


def _medpy() -> Any:  # noqa: ANN401
    try:
        from medpy.metric import binary
    except ImportError as error:
        raise EvaluationError(
            "medpy_missing",
            "medpy is not installed. It is optional and GPL-licensed: pip install medpy.",
        ) from error
    return binary
