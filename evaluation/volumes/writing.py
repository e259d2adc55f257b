"""Write volumes with their geometry and pixels and nothing else: no name, no date, no person."""

import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from evaluation.errors import EvaluationError
from evaluation.volumes.nifti import load_nibabel
from evaluation.volumes.volume import Volume

_META_NAMES = {
    "i1": "MET_CHAR",
    "u1": "MET_UCHAR",
    "i2": "MET_SHORT",
    "u2": "MET_USHORT",
    "f4": "MET_FLOAT",
}
_NRRD_NAMES = {"i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16", "f4": "float"}


def write_volume(path: Path, volume: Volume) -> None:
    """Write ``path`` in the format of its ending: .nii.gz, .nii, .mha or .nrrd.

    Raises EvaluationError (unknown_ending, unsupported_type).
    """
    name = path.name.lower()
    for ending, write in (
        (".nii.gz", lambda one: gzip.compress(write_nifti(one), 6, mtime=0)),
        (".nii", write_nifti),
        (".mha", write_mha),
        (".nrrd", write_nrrd),
    ):
        if name.endswith(ending):
            path.write_bytes(write(volume))
            return
    raise EvaluationError(
        "unknown_ending", f"{path.name} ends in none of .nii.gz, .nii, .mha, .nrrd."
    )


def write_mha(volume: Volume) -> bytes:
    """One compressed MetaImage file of int8, uint8, int16, uint16 or float32."""
    voxels, kind = _little_endian(volume, _META_NAMES)
    geometry = volume.geometry
    matrix = np.array(geometry.direction).reshape(3, 3).T.ravel()
    pixels = isal_zlib.compress(voxels.data, 1)
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        f"CompressedData = True\nCompressedDataSize = {len(pixels)}\n"
        f"TransformMatrix = {_text(matrix)}\nOffset = {_text(geometry.origin)}\n"
        f"CenterOfRotation = 0 0 0\nElementSpacing = {_text(geometry.spacing)}\n"
        f"DimSize = {' '.join(map(str, geometry.size))}\nElementType = {kind}\n"
        "ElementDataFile = LOCAL\n"
    )
    return header.encode("ascii") + pixels


def write_nrrd(volume: Volume) -> bytes:
    """One compressed NRRD file of int8, uint8, int16, uint16 or float32, in LPS."""
    voxels, kind = _little_endian(volume, _NRRD_NAMES)
    geometry = volume.geometry
    axes = (np.array(geometry.direction).reshape(3, 3) * geometry.spacing).T
    header = (
        f"NRRD0004\ntype: {kind}\ndimension: 3\nspace: left-posterior-superior\n"
        f"sizes: {' '.join(map(str, geometry.size))}\n"
        f"space directions: {' '.join(_vector(axis) for axis in axes)}\n"
        "kinds: domain domain domain\nendian: little\nencoding: gzip\n"
        f"space origin: {_vector(geometry.origin)}\n\n"
    )
    return header.encode("ascii") + gzip.compress(voxels.data, 1, mtime=0)


def write_nifti(volume: Volume) -> bytes:
    """One NIfTI-1 file, not compressed. Its affine holds float32, so that an origin far from 0 is
    kept to about 1e-5 mm."""
    image: Any = load_nibabel().Nifti1Image(
        np.transpose(volume.voxels), volume.geometry.ras_affine(), dtype=volume.voxels.dtype
    )
    image.set_sform(image.affine, 1)
    image.set_qform(image.affine, 1)
    image.header.set_xyzt_units("mm")
    content: bytes = image.to_bytes()
    return content


def _little_endian(volume: Volume, names: dict[str, str]) -> tuple[NDArray[np.generic], str]:
    voxels = np.ascontiguousarray(volume.voxels)
    code = voxels.dtype.kind + str(voxels.dtype.itemsize)
    if code not in names:
        raise EvaluationError(
            "unsupported_type",
            f"Pixels of type {voxels.dtype} are not written; use int8, uint8, int16, uint16 or "
            "float32.",
        )
    return voxels.astype(voxels.dtype.newbyteorder("<"), copy=False), names[code]


def _text(values: Iterable[float]) -> str:
    return " ".join(repr(float(value)) for value in values)


def _vector(values: Iterable[float]) -> str:
    return "(" + ",".join(repr(float(value)) for value in values) + ")"
