"""Reads one PET and writes one mask, with SimpleITK."""

import argparse
import os
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

SUV_THRESHOLD = 4.0
SLUG = os.environ.get("OUTPUT_SLUG", "pet-lesion-segmentation")


def segment(suv: NDArray[np.float32]) -> NDArray[np.bool_]:
    """suv: SUVbw (g/ml), indexed [z, y, x]. Returns a mask of the same shape."""
    return suv >= np.float32(SUV_THRESHOLD)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, default=Path("/input"))
    parser.add_argument("--output", type=Path, default=Path("/output"))
    roots = parser.parse_args()
    (path,) = (roots.input / "images" / "pet").glob("*.mha")
    pet = sitk.ReadImage(str(path))
    mask = sitk.GetImageFromArray(segment(sitk.GetArrayFromImage(pet)).astype(np.uint8))
    mask.CopyInformation(pet)  # size, spacing, origin and direction are the PET's
    target = roots.output / "images" / SLUG
    target.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(mask, str(target / path.name), useCompression=True)


if __name__ == "__main__":
    main()
