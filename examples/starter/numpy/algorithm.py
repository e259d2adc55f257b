"""Reads one PET and writes one mask, with NumPy alone: petio.py reads and writes MetaImage."""

import numpy as np
import petio

SUV_THRESHOLD = 4.0


def segment(case: petio.Case) -> petio.Mask:
    """case.suv: SUVbw (g/ml), float32, indexed [z, y, x]. Returns a mask of the same shape."""
    return np.asarray(case.suv >= np.float32(SUV_THRESHOLD))


if __name__ == "__main__":
    petio.run(segment)
