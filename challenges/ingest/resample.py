"""CT to the PET grid, as it is handed to containers."""

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from evaluation.geometry import Geometry
from evaluation.volumes import Volume

OUTSIDE_HU = -1024


def ct_on_grid(ct: Volume, grid: Geometry) -> NDArray[np.int16]:
    """CT in HU, linearly interpolated on ``grid``; OUTSIDE_HU where the CT does not reach."""
    image = SimpleITK.GetImageFromArray(ct.voxels.astype(np.float32))
    image.SetSpacing(ct.geometry.spacing)
    image.SetOrigin(ct.geometry.origin)
    image.SetDirection(ct.geometry.direction)
    resampler = SimpleITK.ResampleImageFilter()
    resampler.SetSize(grid.size)
    resampler.SetOutputSpacing(grid.spacing)
    resampler.SetOutputOrigin(grid.origin)
    resampler.SetOutputDirection(grid.direction)
    resampler.SetInterpolator(SimpleITK.sitkLinear)
    resampler.SetDefaultPixelValue(OUTSIDE_HU)
    hounsfield: NDArray[np.float32] = SimpleITK.GetArrayFromImage(resampler.Execute(image))
    whole: NDArray[np.int16] = np.clip(np.rint(hounsfield), -32768, 32767).astype(np.int16)
    return whole
