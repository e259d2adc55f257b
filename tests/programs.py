"""Small programs that run as plain processes, in place of the project's own baselines."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

GOOD = """
import argparse, pathlib, sys
sys.path.insert(0, {root!r})
import numpy as np
from evaluation.volumes import Volume, read_volume, write_mha
options = argparse.ArgumentParser()
options.add_argument("--input"); options.add_argument("--output")
given = options.parse_args()
pet = read_volume(next(pathlib.Path(given.input, "images", "pet").glob("*.mha")))
print("thresholding")
mask = (pet.voxels >= 2.5).astype(np.uint8)
target = pathlib.Path(given.output, "images", "pet-lesion-segmentation")
target.mkdir(parents=True)
(target / "mask.mha").write_bytes(write_mha(Volume(mask, pet.geometry)))
"""
FAILS_LATER = """
import pathlib, sys
counter = pathlib.Path({counter!r})
number = int(counter.read_text()) if counter.exists() else 0
counter.write_text(str(number + 1))
if number:
    sys.exit("it was the second case")
"""


def write_programs(folder: Path) -> Path:
    """good.py, and one for each way to fail."""
    folder.mkdir()
    good = GOOD.format(root=str(ROOT))
    moved = "__import__('dataclasses').replace(pet.geometry, origin=(9.0, 9.0, 9.0))"
    counter = str(folder / "counter")
    for name, text in {
        "good.py": good,
        "exits.py": "import sys; print('a hint'); sys.exit(3)",
        "silent.py": "",
        "sleeps.py": "import time; time.sleep(60)",
        "fails_later.py": FAILS_LATER.format(counter=counter) + good,
        "wrong_grid.py": good.replace("Volume(mask, pet.geometry)", f"Volume(mask, {moved})"),
    }.items():
        (folder / name).write_text(text)
    return folder
