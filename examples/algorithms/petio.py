"""Reads the PET and writes the mask of one case: what every baseline shares.

Nothing but NumPy and the standard library. Arrays are indexed [z, y, x], as MetaImage stores them;
the header's geometry (spacing in mm, offset, direction, in x, y, z order) goes unchanged from the
PET to the mask.
"""

import argparse
import contextlib
import os
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

Header = dict[str, str]
Mask = NDArray[np.bool_]
Pet = NDArray[np.float32]

ELEMENT_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
GEOMETRY = "TransformMatrix Offset CenterOfRotation AnatomicalOrientation ElementSpacing DimSize"


@dataclass(frozen=True)
class Case:
    """One PET volume: SUVbw (g/ml), float32, indexed [z, y, x], and its MetaImage header."""

    identifier: str
    suv: Pet
    header: Header


def stop(message: str) -> NoReturn:
    """End the program with status 1 and one line on stderr."""
    print(message, file=sys.stderr)
    raise SystemExit(1)


def read_case(path: Path) -> Case:
    """Read a MetaImage with its data in the same file, raw or compressed, of any number type."""
    header: Header = {}
    with path.open("rb") as stream:
        while "ElementDataFile" not in header:
            line = stream.readline(4096)
            key, equals, value = line.decode("latin-1").partition("=")
            if not equals:
                stop(f"{path.name}: the MetaImage header ends before ElementDataFile")
            header[key.strip()] = value.strip()
        data = stream.read()
    if header["ElementDataFile"] != "LOCAL":
        stop(f"{path.name}: ElementDataFile is {header['ElementDataFile']}, expected LOCAL")
    element = ELEMENT_TYPES.get(header["ElementType"])
    if element is None:
        stop(f"{path.name}: ElementType {header['ElementType']} is not one that is read here")
    if header.get("CompressedData", "False").lower() == "true":
        data = zlib.decompress(data)
    msb = header.get("BinaryDataByteOrderMSB", header.get("ElementByteOrderMSB", "False"))
    order = ">" if msb.lower() == "true" else "<"
    shape = [int(size) for size in header["DimSize"].split()][::-1]
    stored = np.frombuffer(data, dtype=order + element)
    if len(shape) != 3 or stored.size != np.prod(shape):
        stop(f"{path.name}: {stored.size} voxels, expected a volume of DimSize {header['DimSize']}")
    return Case(path.stem, stored.reshape(shape).astype(np.float32), header)


def write_mask(path: Path, mask: Mask, header: Header) -> None:
    """Write a compressed uint8 MetaImage, 1 inside the mask, on the geometry of `header`."""
    packed = zlib.compress(np.ascontiguousarray(mask, dtype=np.uint8).tobytes(), 6)
    lines = [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
    ]
    lines += ["CompressedData = True", f"CompressedDataSize = {len(packed)}"]
    lines += [f"{key} = {header[key]}" for key in GEOMETRY.split() if key in header]
    lines += ["ElementType = MET_UCHAR", "ElementDataFile = LOCAL", ""]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\n".join(lines).encode("latin-1") + packed)


def number(name: str, default: float) -> float:
    """A positive number from the environment, or `default` where it is not set."""
    text = os.environ.get(name) or str(default)
    with contextlib.suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    stop(f"{name} is {text!r}, expected a positive number")


def run(segment: Callable[[Case], Mask]) -> None:
    """Segment the one PET below --input and leave its mask below --output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, default=Path("/input"))
    parser.add_argument("--output", type=Path, default=Path("/output"))
    roots = parser.parse_args()
    found = sorted((roots.input / "images" / "pet").glob("*.mha"))
    if len(found) != 1:
        stop(f"{len(found)} .mha files in {roots.input / 'images' / 'pet'}, expected exactly one")
    case = read_case(found[0])
    mask = segment(case)
    slug = os.environ.get("OUTPUT_SLUG") or "pet-lesion-segmentation"
    write_mask(roots.output / "images" / slug / f"{case.identifier}.mha", mask, case.header)
    print(f"{case.identifier}: {int(mask.sum())} of {mask.size} voxels are lesion")
