"""PERCIST-like: SUVbw ≥ 1.5 × mean + 2 × SD of a 3 cm sphere in the right lobe of the liver.

After Wahl et al., J Nucl Med 2009;50(suppl 1):122S-150S, who measure SUV by lean body mass; here
it is SUVbw. The liver is found by position: in the right half of the body, below air-like lung,
the largest even region of liver-like uptake. A field without one ends the program with status 1.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

if TYPE_CHECKING:
    from examples.algorithms import petio, physiology
else:  # beside this file in the image, one folder up in the source
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    import petio
    import physiology

Vector = NDArray[np.float64]

SPHERE_MM = 15.0
LIVER_SUV = (1.2, 4.5)
EVENNESS = 0.25  # largest SD / mean within the sphere
LIVER_ML = 60.0  # of sphere centres: a liver that holds the sphere in so many places
LUNG_SHARE = 0.28  # lung is darker than this share of the liver, muscle is not
LUNG_ML = 150.0
ABOVE_MM = 150.0
NO_LIVER = "no liver in the field: PERCIST takes its threshold from the liver, and found none"


def ball(radius: float, spacing: Vector) -> "petio.Mask":
    reach = [np.arange(-int(radius / s), int(radius / s) + 1) * s for s in spacing]
    z, y, x = np.meshgrid(*reach, indexing="ij")
    return np.asarray(z**2 + y**2 + x**2 <= radius**2)


def evenly_warm(suv: "petio.Pet", spacing: Vector) -> "petio.Mask":
    """Where a box as wide as the sphere has the liver's mean and hardly any variation."""
    width = np.maximum(1, np.rint(1.8 * SPHERE_MM / spacing).astype(int)).tolist()
    mean = ndimage.uniform_filter(suv.astype(np.float64), width, mode="constant")
    square = ndimage.uniform_filter(suv.astype(np.float64) ** 2, width, mode="constant")
    spread = np.sqrt(np.maximum(square - mean**2, 0))
    even = (mean > LIVER_SUV[0]) & (mean < LIVER_SUV[1]) & (spread < EVENNESS * mean)
    return np.asarray(even)


def under_lung(suv: "petio.Pet", region: "petio.Mask", body: "petio.Mask", spacing: Vector) -> bool:
    """Whether there is dark lung within the body straight above `region`."""
    slices = int(ABOVE_MM / spacing[0])
    top = int(np.flatnonzero(region.any(axis=(1, 2)))[-1])
    footprint = region.any(axis=0)
    above = np.s_[top : top + slices]
    lung = body[above] & footprint & (suv[above] < LUNG_SHARE * float(suv[region].mean()))
    return float(lung.sum() * spacing.prod()) / 1000 >= LUNG_ML


def liver(suv: "petio.Pet", spacing: Vector) -> "petio.Mask | None":
    """The sphere within the right lobe; None where there is no liver.

    `suv` is upright, spacing (z, y, x) in mm.
    """
    smooth, body, middle = physiology.outline(suv, spacing)
    right = np.arange(suv.shape[2]) < middle - SPHERE_MM / spacing[2]
    labels, count = ndimage.label(evenly_warm(suv, spacing) & body & right)
    volumes = np.bincount(labels.ravel(), minlength=count + 1)[1:] * spacing.prod() / 1000
    for label in np.argsort(-volumes):
        if volumes[label] < LIVER_ML:
            break
        region = labels == label + 1
        if under_lung(smooth, region, body, spacing):
            depth = ndimage.distance_transform_edt(region, sampling=spacing)
            centre = np.unravel_index(int(np.argmax(depth)), suv.shape)
            seed = np.zeros(suv.shape, dtype=np.bool_)
            seed[centre] = True
            return np.asarray(ndimage.binary_dilation(seed, ball(SPHERE_MM, spacing)))
    return None


def segment(case: "petio.Case") -> "petio.Mask":
    suv, spacing = physiology.upright(case.suv, case.header)
    sphere = liver(suv, spacing)
    if sphere is None:
        petio.stop(NO_LIVER)
    reference = suv[sphere].astype(np.float64)
    threshold = 1.5 * float(reference.mean()) + 2 * float(reference.std())
    print(f"liver {reference.mean():.2f} ± {reference.std():.2f}, threshold SUV {threshold:.2f}")
    return case.suv >= np.float32(threshold)


if __name__ == "__main__":
    petio.run(lambda case: physiology.apply(case, segment(case)))
