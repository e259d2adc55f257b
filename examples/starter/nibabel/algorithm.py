"""Reads one PET as a nibabel image, and writes the mask as NIfTI.

nibabel reads no MetaImage, which the PET comes as: petio.py does, and ``as_nifti`` gives it the
affine that a NIfTI of the same PET would have.
"""

import argparse
import os
from pathlib import Path

import nibabel
import numpy as np
import petio

SUV_THRESHOLD = 4.0
SLUG = os.environ.get("OUTPUT_SLUG", "pet-lesion-segmentation")


def segment(pet: nibabel.Nifti1Image) -> nibabel.Nifti1Image:
    """pet: SUVbw (g/ml), indexed [x, y, z]. Returns a mask with the same shape and affine."""
    mask = pet.get_fdata(dtype=np.float32) >= np.float32(SUV_THRESHOLD)
    return nibabel.Nifti1Image(mask.astype(np.uint8), pet.affine)


def as_nifti(case: petio.Case) -> nibabel.Nifti1Image:
    """MetaImage counts millimetres to the left and to the back, NIfTI to the right and front."""
    axes = _numbers(case, "TransformMatrix").reshape(3, 3)  # a row is the direction of one axis
    affine = np.eye(4)
    affine[:3, :3] = axes.T * _numbers(case, "ElementSpacing")
    affine[:3, 3] = _numbers(case, "Offset")
    return nibabel.Nifti1Image(case.suv.transpose(2, 1, 0), np.diag([-1, -1, 1, 1]) @ affine)


def _numbers(case: petio.Case, key: str) -> np.ndarray:
    return np.array(case.header[key].split(), dtype=np.float64)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, default=Path("/input"))
    parser.add_argument("--output", type=Path, default=Path("/output"))
    roots = parser.parse_args()
    (path,) = (roots.input / "images" / "pet").glob("*.mha")
    mask = segment(as_nifti(petio.read_case(path)))
    target = roots.output / "images" / SLUG
    target.mkdir(parents=True, exist_ok=True)
    nibabel.save(mask, target / f"{path.stem}.nii.gz")


if __name__ == "__main__":
    main()
