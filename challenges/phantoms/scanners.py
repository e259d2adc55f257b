"""Simulated scanners: sampling, resolution, noise, calibration and the way a volume is stored."""

from dataclasses import dataclass
from typing import Any, TypeVar, cast

import nibabel
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from challenges.phantoms.canvas import FWHM_PER_SIGMA, Mask, Volume

Number = TypeVar("Number", bound=np.generic)

REFERENCE_SIZE = (128, 128, 160)
NOISE_FWHM = 5.0
LIVER_BACKGROUND = 2.2


@dataclass(frozen=True)
class Scanner:
    """A scanner's profile; lengths in mm, the voxel size is that of a matrix of 128×128×160."""

    name: str
    voxel: tuple[float, float, float]
    fwhm: float
    cov: float
    """Coefficient of variation in the liver."""
    calibration: float
    flips: tuple[bool, bool, bool]
    """Which axes are stored from right, front or head to their opposites (RAS+ reversed)."""
    origin: tuple[float, float, float]
    stored_as: type[np.int16] | type[np.float32]
    reconstruction: str

    def spacing(self, size: tuple[int, int, int]) -> tuple[float, float, float]:
        """Voxel size (mm) of a matrix of `size` over the same field of view."""
        x, y, z = (v * r / s for v, r, s in zip(self.voxel, REFERENCE_SIZE, size, strict=True))
        return x, y, z

    def affine(self, size: tuple[int, int, int]) -> NDArray[np.float64]:
        """Voxel indices of the stored volume to RAS+ mm."""
        affine = np.eye(4)
        for axis, (spacing, flipped) in enumerate(zip(self.spacing(size), self.flips, strict=True)):
            extent = (size[axis] - 1) * spacing
            low = self.origin[axis] - extent / 2
            affine[axis, axis] = -spacing if flipped else spacing
            affine[axis, 3] = low + extent if flipped else low
        return affine


SCANNERS = {
    "PSF-TOF": Scanner(
        name="Simulated PSF-TOF",
        voxel=(4.07, 4.07, 6.3),
        fwhm=4.5,
        cov=0.08,
        calibration=1.01,
        flips=(True, True, False),
        origin=(0.0, -148.6, -410.0),
        stored_as=np.float32,
        reconstruction="OSEM 3i21s, PSF, TOF, Gaussian 2 mm",
    ),
    "TOF": Scanner(
        name="Simulated TOF",
        voxel=(4.0, 4.0, 6.2),
        fwhm=5.5,
        cov=0.11,
        calibration=1.03,
        flips=(False, True, True),
        origin=(3.5, 12.0, 655.5),
        stored_as=np.int16,
        reconstruction="BLOB-OS-TF 3i33s, TOF",
    ),
    "Non-TOF": Scanner(
        name="Simulated non-TOF",
        voxel=(4.3, 4.3, 6.4),
        fwhm=7.5,
        cov=0.15,
        calibration=0.97,
        flips=(True, False, False),
        origin=(-21.0, 40.0, -120.0),
        stored_as=np.float32,
        reconstruction="OSEM 4i8s, Gaussian 5 mm",
    ),
}


def acquire(
    activity: Volume,
    scanner: Scanner,
    spacing: tuple[float, float, float],
    scale: float,
    rng: np.random.Generator,
) -> Volume:
    """Measured SUV of a true `activity` (SUV, RAS+), `scale` being the patient's own factor.

    Gaussian point spread, then noise: white, blurred to 5 mm FWHM, of standard deviation
    CoV·√(SUV·SUV of the liver), clipped at 0.
    """
    voxel = np.array(spacing)
    sharpness = scanner.fwhm / FWHM_PER_SIGMA / voxel
    blurred = ndimage.gaussian_filter(
        activity, sharpness, truncate=4.0, output=np.float32
    ) * np.float32(scale)
    white = rng.standard_normal(activity.shape, dtype=np.float32)
    grain = ndimage.gaussian_filter(
        white, NOISE_FWHM / FWHM_PER_SIGMA / voxel, mode="wrap", output=np.float32
    )
    grain /= grain.std()
    spread = scanner.cov * np.sqrt(blurred * np.float32(LIVER_BACKGROUND * scale))
    measured = (blurred + spread * grain) * np.float32(scanner.calibration)
    return np.asarray(np.maximum(measured, 0), dtype=np.float32)


def stored(volume: NDArray[Number], scanner: Scanner) -> NDArray[Number]:
    """A RAS+ volume in the order in which the scanner stores its axes."""
    steps = tuple(slice(None, None, -1 if flipped else 1) for flipped in scanner.flips)
    return np.ascontiguousarray(volume[steps])


def pet_image(suv: Volume, scanner: Scanner) -> nibabel.Nifti1Image:
    """The NIfTI of a RAS+ SUV volume, as int16 with a slope or as float32.

    Both hold multiples of one step, as volumes that were DICOM once do.
    """
    slope = np.float32(max(float(suv.max()), 1.0) / 32000)
    counts = np.rint(stored(suv, scanner) / slope).astype(np.int16)
    if scanner.stored_as is np.int16:
        return _image(counts, scanner, float(slope))
    return _image(counts * slope, scanner, None)


def mask_image(mask: Mask, scanner: Scanner) -> nibabel.Nifti1Image:
    """The NIfTI of a RAS+ mask, uint8 0/1, on the PET's grid."""
    return _image(stored(mask, scanner).astype(np.uint8), scanner, None)


def _image(data: NDArray[Any], scanner: Scanner, slope: float | None) -> nibabel.Nifti1Image:
    nx, ny, nz = data.shape
    nifti: Any = nibabel.Nifti1Image  # nibabel is typed in part
    image = nifti(data, scanner.affine((nx, ny, nz)))
    image.header.set_xyzt_units("mm")
    image.header.set_slope_inter(slope, 0.0 if slope else None)
    image.set_sform(image.affine, code=1)
    image.set_qform(image.affine, code=1)
    return cast(nibabel.Nifti1Image, image)
