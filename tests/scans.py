"""Scans of a few voxels, and folders of them that can be imported. No Django."""

import csv
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.geometry import Geometry
from evaluation.volumes import Volume, write_mha
from tests.designs import DESIGN, SOURCE

GRID = Geometry(size=(12, 10, 8), spacing=(4.0, 4.0, 5.0), origin=(-20.0, -18.0, 7.0))


def pet_with_lesion(seed: int) -> NDArray[np.float32]:
    """Background of SUV about 1 with a block of SUV 6."""
    suv = np.random.default_rng(seed).normal(1.0, 0.05, GRID.shape).astype(np.float32)
    suv[2:5, 3:7, 4:8] = 6.0
    return suv


def write_challenge(folder: Path, *, slug: str, cases: int = 3, **overrides: object) -> Path:
    """A folder to import; the reference is where the PET's SUV is 2.5 or more."""
    definition = {
        "format": 1,
        "slug": slug,
        "title": f"Challenge {slug}",
        "summary": "A challenge of a test.",
        "question": "Does it work?",
        "evaluation": {"metrics": ["dice", "hd95", "mtv_abs_error_ml", "mtv_error_ml"]},
        "phases": [
            {
                "slug": "open",
                "title": "Open phase",
                "cases": "public",
                "limits": {
                    "memory_gib": 0.5,
                    "shm_gib": 0.0625,
                    "tmp_gib": 0.0625,
                    "cpus": 1,
                    "minutes_per_case": 0.5,
                },
            }
        ],
        "source": SOURCE,
        "design": DESIGN,
        **overrides,
    }
    folder.mkdir(parents=True, exist_ok=True)
    # JSON is YAML too.
    (folder / "challenge.yaml").write_text(json.dumps(definition, indent=1))
    with (folder / "cases.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["case_id", "patient_id", "centre"])
        for number in range(cases):
            name = f"case-{number + 1}"
            table.writerow([name, f"patient-{number + 1}", f"centre-{number % 2 + 1}"])
            suv = pet_with_lesion(number)
            (folder / name).mkdir()
            (folder / name / "pet.mha").write_bytes(write_mha(Volume(suv, GRID)))
            mask = (suv >= 2.5).astype(np.uint8)
            (folder / name / "reference.mha").write_bytes(write_mha(Volume(mask, GRID)))
    return folder
