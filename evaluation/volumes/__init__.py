"""Read and write volumes: NIfTI (.nii, .nii.gz), MetaImage (.mha) and NRRD (.nrrd), header first.

The header is judged before one pixel is read: declared size, type and dimensions, that it describes
only data inside its own file, and that a file of this length can hold them. Pixels are read as a
stream that stops at the declared size, so a file that inflates to more is never inflated.
"""

from evaluation.volumes.reading import (
    MAX_VOXELS,
    Box,
    chunks,
    open_volume,
    read_box,
    read_volume,
    read_voxels,
)
from evaluation.volumes.volume import Header, Volume
from evaluation.volumes.writing import write_mha, write_nifti, write_nrrd, write_volume

__all__ = [
    "MAX_VOXELS",
    "Box",
    "Header",
    "Volume",
    "chunks",
    "open_volume",
    "read_box",
    "read_volume",
    "read_voxels",
    "write_mha",
    "write_nifti",
    "write_nrrd",
    "write_volume",
]
