"""Voxels of at least PERCENT (default 41) per cent of SUVmax.

SCOPE=lesion (default): of the SUVmax of each lesion, a lesion being an 18-connected component of
SUV ≥ SEED_SUV (default 2.5); what lies below SEED_SUV belongs to none.
SCOPE=image: of the whole image's SUVmax, one threshold for all.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from examples.algorithms import petio, physiology
else:  # beside this file in the image, one folder up in the source
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    import petio
    import physiology

EIGHTEEN = ndimage.generate_binary_structure(3, 2)


def of_image(suv: "petio.Pet", share: float) -> "petio.Mask":
    """An image without any uptake has no lesion."""
    highest = float(suv.max())
    return (suv >= np.float32(share * highest)) & (highest > 0)


def of_lesions(suv: "petio.Pet", share: float, seed: float) -> "petio.Mask":
    labels, count = ndimage.label(suv >= np.float32(seed), structure=EIGHTEEN)
    thresholds = np.full(count + 1, np.inf, dtype=np.float32)
    if count:
        thresholds[1:] = share * np.asarray(
            ndimage.maximum(suv, labels, np.arange(1, count + 1)), dtype=np.float64
        )
    return np.asarray(suv >= thresholds[labels], dtype=np.bool_)


def segment(case: "petio.Case") -> "petio.Mask":
    share = petio.number("PERCENT", 41) / 100
    scope = os.environ.get("SCOPE", "lesion")
    if scope == "image":
        return of_image(case.suv, share)
    if scope == "lesion":
        return of_lesions(case.suv, share, petio.number("SEED_SUV", 2.5))
    petio.stop(f"SCOPE is {scope!r}, expected lesion or image")


if __name__ == "__main__":
    petio.run(lambda case: physiology.apply(case, segment(case)))
