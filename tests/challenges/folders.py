"""A tiny valid challenge folder, to be imported whole or to be broken in one place."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import yaml
from numpy.typing import NDArray

from tests.designs import DESIGN, SOURCE

SIZE = (6, 5, 4)
AFFINE = np.array(
    [[-4.0, 0, 0, 10.0], [0, 4.0, 0, -20.0], [0, 0, 5.0, 30.0], [0, 0, 0, 1]], np.float64
)
READERS = [{"name": f"Reader {name}", "file": f"reader-{name.lower()}"} for name in "ABC"]


METRICS: dict[str, Any] = {"metrics": ["dice", "hd95", "mtv_abs_error_ml"]}


@dataclass
class ChallengeFolder:
    """Written by ``write``; a test changes what it likes before or after."""

    path: Path
    keys: dict[str, Any] = field(default_factory=dict)
    cases: tuple[str, ...] = ("case-1", "case-2")
    ct: bool = False
    readers: int = 1

    def write(self) -> Path:
        self.path.mkdir(parents=True, exist_ok=True)
        self.define()
        self.table([("case_id", "patient_id", "centre")] + [
            (case, f"patient-{case}", "Centre A") for case in self.cases
        ])  # fmt: skip
        for seed, case in enumerate(self.cases):
            (self.path / case).mkdir()
            self.image(case, "pet", pet(seed))
            if self.ct:
                self.image(case, "ct", np.full(SIZE, 40, np.int16))
            for number, name in enumerate(self.masks):
                self.image(case, name, lesion(number))
        return self.path

    @property
    def masks(self) -> list[str]:
        return ["reference"] if self.readers == 1 else [one["file"] for one in READERS]

    def define(self, **keys: Any) -> None:
        self.keys |= keys
        document: dict[str, Any] = {
            "format": 1,
            "slug": "small",
            "title": "Small",
            "summary": "A challenge of a test.",
            "question": "Does it work?",
            "modalities": ["PET", "CT"] if self.ct else ["PET"],
            "phases": [{"slug": "open", "title": "Open phase", "cases": "public"}],
            "evaluation": METRICS,
            "source": SOURCE,
            "design": DESIGN,
        }
        if self.readers > 1:
            document["readers"] = READERS
        text = yaml.safe_dump(document | self.keys, sort_keys=False)
        (self.path / "challenge.yaml").write_text(text, encoding="utf-8")

    def table(self, rows: Iterable[Iterable[str]]) -> None:
        with (self.path / "cases.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)

    def image(
        self,
        case: str,
        name: str,
        voxels: NDArray[Any],
        affine: NDArray[np.float64] = AFFINE,
        ending: str = "nii.gz",
    ) -> Path:
        target = self.path / case / f"{name}.{ending}"
        nibabel.save(nibabel.Nifti1Image(voxels, affine), target)
        return target


def pet(seed: int) -> NDArray[np.float32]:
    """[x, y, z], as nibabel has it."""
    suv = np.random.default_rng(seed).random(SIZE).astype(np.float32)
    suv[1:4, 1:3, 1:3] = 6.0
    return suv


def lesion(reader: int = 0) -> NDArray[np.uint8]:
    """Each reader draws one voxel more along x."""
    mask = np.zeros(SIZE, np.uint8)
    mask[1 : 3 + reader, 1:3, 1:3] = 1
    return mask
