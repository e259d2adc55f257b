"""What a volume is, and what its file says of it before its pixels are read."""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import VolumeRefused
from evaluation.geometry import Geometry


@dataclass(frozen=True)
class Volume:
    """voxels: ``[z, y, x]`` (SUV g/ml for PET, HU for CT, labels for masks), on ``geometry``."""

    voxels: NDArray[np.generic]
    geometry: Geometry

    def sha256(self) -> str:
        """Of type, grid and pixels (hex): the same however the file is compressed."""
        digest = hashlib.sha256(self.voxels.dtype.str.encode())
        digest.update(json.dumps(self.geometry.to_json(), sort_keys=True).encode())
        digest.update(np.ascontiguousarray(self.voxels).data)
        return digest.hexdigest()


class Packing(StrEnum):
    """How the pixels behind a header are compressed. A NIfTI file is compressed with its header,
    so what stands behind it is plain."""

    NONE = "none"
    ZLIB = "zlib"
    GZIP = "gzip"


@dataclass(frozen=True)
class Header:
    """What a file says of itself, before its pixels are read."""

    geometry: Geometry
    dtype: np.dtype[np.generic]
    slope: float = 1.0
    intercept: float = 0.0
    skip_bytes: int = 0
    packing: Packing = Packing.NONE

    @property
    def scaled(self) -> bool:
        return (self.slope, self.intercept) != (1.0, 0.0)

    @property
    def pixel_bytes(self) -> int:
        return self.geometry.voxels * self.dtype.itemsize


def checked_size(numbers: list[int]) -> tuple[int, int, int]:
    if min(numbers) < 1:
        raise VolumeRefused("bad_header", f"The image's size is {numbers}; each must be 1 or more.")
    return numbers[0], numbers[1], numbers[2]
