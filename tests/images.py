"""Container images for tests, built for real on the local base, and saved as tarballs."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import docker

BASE = "uptake/base:local"
ALGORITHMS = Path(__file__).resolve().parent.parent / "examples" / "algorithms"
SLUG = "pet-lesion-segmentation"

# Reads the PET's header and writes an empty mask on its grid, with nothing but Python's own library.
EMPTY_MASK = f"""
import pathlib, zlib
pet = next(pathlib.Path("/input/images/pet").glob("*.mha"))
header = pet.read_bytes().split(b"ElementDataFile")[0].decode()
fields = dict(line.split(" = ") for line in header.strip().splitlines())
voxels = 1
for number in fields["DimSize"].split():
    voxels *= int(number)
pixels = zlib.compress(bytes(voxels), 1)
fields |= {{"ElementType": "MET_UCHAR", "CompressedDataSize": str(len(pixels))}}
text = "".join(f"{{name}} = {{value}}\\n" for name, value in fields.items())
target = pathlib.Path("/output/images/{SLUG}")
target.mkdir(parents=True)
(target / "mask.mha").write_bytes(text.encode() + b"ElementDataFile = LOCAL\\n" + pixels)
"""

# The same with a mask of what has an SUV of 2.5 or more, so that its scores differ by case.
THRESHOLD_MASK = EMPTY_MASK.replace(
    "pixels = zlib.compress(bytes(voxels), 1)",
    """
import array
content = pet.read_bytes().split(b"ElementDataFile = LOCAL\\n", 1)[1]
if fields.get("CompressedData") == "True":
    content = zlib.decompress(content)
suv = array.array("f", content)
pixels = zlib.compress(bytes(value >= 2.5 for value in suv), 1)""",
)


def save_program(program: str, archive: Path, *lines: str) -> Path:
    """An image that runs a Python program; ``lines`` are further ones of its Dockerfile."""
    entry = json.dumps(["python3", "-B", "-c", program])
    dockerfile = "\n".join([f"FROM {BASE}", *lines, f"ENTRYPOINT {entry}", ""])
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as file:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(dockerfile.encode())
        file.addfile(member, io.BytesIO(dockerfile.encode()))
    context.seek(0)
    return _save(archive, fileobj=context, custom_context=True)


def save_baseline(folder: str, archive: Path, **arguments: str) -> Path:
    """One of examples/algorithms, with its build arguments."""
    return _save(
        archive,
        path=str(ALGORITHMS),
        dockerfile=f"{folder}/Dockerfile",
        buildargs={"BASE": BASE, **arguments},
    )


def _save(archive: Path, **build: Any) -> Path:
    client = docker.from_env()
    image, _ = client.images.build(rm=True, **build)
    with archive.open("wb") as file:
        for chunk in image.save():
            file.write(chunk)
    client.close()
    return archive
