"""A cohort of simulated patients: who is scanned where, and the files that this leaves."""

import csv
import gzip
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import nibabel
import numpy as np
from numpy.random import SeedSequence, default_rng

from challenges.phantoms import body, lesions, organs, patients, readers, scanners
from challenges.phantoms.canvas import Canvas, Mask, Volume, smooth_field

LESION_FREE = 5 / 24
MARGIN = 10.0


@dataclass(frozen=True)
class Centre:
    name: str
    country: str
    scanner: str
    arms_up: float
    activity_per_kg: float


CENTRES = (
    Centre("Centre A", "Germany", "PSF-TOF", 0.8, 3.0),
    Centre("Centre B", "Netherlands", "TOF", 0.9, 3.2),
    Centre("Centre C", "Japan", "PSF-TOF", 0.5, 3.7),
    Centre("Centre D", "Canada", "Non-TOF", 0.3, 5.2),
    Centre("Centre E", "Brazil", "TOF", 0.7, 4.4),
)


@dataclass(frozen=True)
class CaseRow:
    """A line of cases.csv; the fields are its columns."""

    case_id: str
    patient_id: str
    centre: str
    country: str
    scanner: str
    tracer: str
    radionuclide: str
    injected_MBq: float
    weight_kg: float
    height_m: float
    sex: str
    age_years: int
    uptake_min: float
    reconstruction: str
    body_region: str
    lesion_count: int


@dataclass(frozen=True)
class Phantom:
    """One simulated case, arrays indexed [x, y, z] on a RAS+ grid.

    `suv` in g/ml, `truth` and `inside` (the body) as masks, one mask for each reader, and the
    factor `scale` of this patient's SUVs.
    """

    suv: Volume
    truth: Mask
    inside: Mask
    masks: dict[str, Mask]
    scale: float
    scanner: scanners.Scanner
    row: CaseRow


@dataclass(frozen=True)
class Plan:
    number: int
    centre: Centre
    lesion_free: bool
    size: tuple[int, int, int]
    seed: SeedSequence


def generate(
    folder: Path,
    *,
    seed: int = 2024,
    cases: int = 24,
    size: tuple[int, int, int] = scanners.REFERENCE_SIZE,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write `cases` phantoms of `size` voxels (x, y, z) and cases.csv into `folder`.

    The field of view is the same at every size, about 510–550 × 510–550 × 990–1020 mm: a smaller
    matrix has larger voxels. Five in 24 cases have no lesion. Files depend on `seed`, `cases` and
    `size` alone, to the byte. `progress` is called with the number of cases done and `cases`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[CaseRow] = []
    with ProcessPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        for row in pool.map(_write, plans(seed, cases, size), [folder] * cases):
            rows.append(row)
            if progress:
                progress(len(rows), cases)
    with (folder / "cases.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(field.name for field in fields(CaseRow))
        table.writerows(astuple(row) for row in rows)


def plans(seed: int, cases: int, size: tuple[int, int, int]) -> list[Plan]:
    """Every case's centre, whether it has lesions, and a random stream of its own."""
    cohort, *streams = SeedSequence(seed).spawn(cases + 1)
    rng = default_rng(cohort)
    free = set(rng.permutation(cases)[: round(cases * LESION_FREE)].tolist())
    visits = rng.permutation(np.arange(cases) % len(CENTRES))
    return [
        Plan(number, CENTRES[visits[number]], number in free, size, streams[number])
        for number in range(cases)
    ]


def simulate(plan: Plan) -> Phantom:
    """Draw, paint, scan and read one case."""
    rng = default_rng(plan.seed)
    centre, scanner = plan.centre, scanners.SCANNERS[plan.centre.scanner]
    patient = patients.draw(rng, arms_up=centre.arms_up, activity_per_kg=centre.activity_per_kg)
    canvas = Canvas(plan.size, scanner.spacing(plan.size), MARGIN)
    canvas.wobble = smooth_field(rng, plan.size, canvas.voxel, 28.0)
    outline = body.outline(canvas, patient)
    body.paint(canvas, patient, outline, rng)
    organs.paint(canvas, patient, organs.draw(rng), rng)
    if plan.lesion_free:
        truth = lesions.none(canvas)
    else:
        truth = lesions.grow(canvas, patient.frame, outline, rng)
    suv = scanners.acquire(canvas.activity, scanner, scanner.spacing(plan.size), patient.scale, rng)
    masks = {
        reader.name: readers.delineate(truth, reader, outline.inside, canvas.voxel, rng)
        for reader in readers.READERS
    }
    row = CaseRow(
        case_id=f"demo-{plan.number + 1:03d}",
        patient_id=f"patient-{plan.number + 1:03d}",
        centre=centre.name,
        country=centre.country,
        scanner=scanner.name,
        tracer="FDG",
        radionuclide="F-18",
        injected_MBq=patient.injected_MBq,
        weight_kg=patient.weight_kg,
        height_m=patient.height_m,
        sex=patient.sex,
        age_years=patient.age_years,
        uptake_min=patient.uptake_min,
        reconstruction=scanner.reconstruction,
        body_region="whole-body",
        lesion_count=truth.count,
    )
    return Phantom(suv, truth.mask, outline.inside, masks, patient.scale, scanner, row)


def _write(plan: Plan, folder: Path) -> CaseRow:
    case = simulate(plan)
    place = folder / case.row.case_id
    place.mkdir(exist_ok=True)
    _save(scanners.pet_image(case.suv, case.scanner), place / "pet.nii.gz")
    for name, mask in case.masks.items():
        _save(scanners.mask_image(mask, case.scanner), place / f"{name}.nii.gz")
    return case.row


def _save(image: nibabel.Nifti1Image, path: Path) -> None:
    """Without the time of day that gzip would add, equal images are equal files."""
    path.write_bytes(gzip.compress(image.to_bytes(), compresslevel=6, mtime=0))
