"""Every voxel of SUV ≥ SUV_THRESHOLD (default 2.5) is lesion."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from examples.algorithms import petio, physiology
else:  # beside this file in the image, one folder up in the source
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    import petio
    import physiology


def segment(case: "petio.Case") -> "petio.Mask":
    """Compared in float32, in which the PET is stored: a voxel of exactly SUV T is inside."""
    return case.suv >= np.float32(petio.number("SUV_THRESHOLD", 2.5))


if __name__ == "__main__":
    petio.run(lambda case: physiology.apply(case, segment(case)))
