"""Synthetic PET: the same for the same seed, plausible, and consistent with its readers' masks."""

import csv
from itertools import combinations
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from challenges.phantoms import Phantom, generate, simulate
from challenges.phantoms.canvas import Canvas
from challenges.phantoms.cohort import MARGIN, plans
from challenges.phantoms.organs import LIVER_PLACE
from challenges.phantoms.scanners import SCANNERS, Scanner

SIZE = (64, 64, 80)
CASES = 6


@pytest.fixture(scope="module")
def phantoms() -> list[Phantom]:
    return [simulate(plan) for plan in plans(2024, CASES, SIZE)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    generate(folder, seed=7, cases=3, size=(32, 32, 40))
    return folder


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def load(path: Path) -> Any:
    return nibabel.load(path)


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "cases.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_equal_seeds_write_equal_files(folder: Path, tmp_path: Path) -> None:
    generate(tmp_path, seed=7, cases=3, size=(32, 32, 40))
    written = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(written) == 1 + 3 * 4
    for path in written:
        assert (tmp_path / path).read_bytes() == (folder / path).read_bytes(), path


def test_another_seed_draws_other_patients(folder: Path, tmp_path: Path) -> None:
    generate(tmp_path, seed=8, cases=1, size=(32, 32, 40))
    pet = "demo-001/pet.nii.gz"
    assert (tmp_path / pet).read_bytes() != (folder / pet).read_bytes()


def test_progress_counts_the_cases(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    generate(
        tmp_path, cases=2, size=(16, 16, 20), progress=lambda done, of: told.append((done, of))
    )
    assert told == [(1, 2), (2, 2)]


def test_five_of_24_cases_have_no_lesion() -> None:
    for seed in (1, 2, 2024):
        assert sum(plan.lesion_free for plan in plans(seed, 24, SIZE)) == 5


def test_every_centre_and_scanner_appears() -> None:
    drawn = plans(2024, 24, SIZE)
    assert {plan.centre.name for plan in drawn} == {f"Centre {letter}" for letter in "ABCDE"}
    assert {plan.centre.scanner for plan in drawn} == set(SCANNERS)


def test_case_ids_and_columns(folder: Path) -> None:
    rows = table(folder)
    assert [row["case_id"] for row in rows] == ["demo-001", "demo-002", "demo-003"]
    assert len({row["patient_id"] for row in rows}) == 3
    assert list(rows[0]) == [
        "case_id", "patient_id", "centre", "country", "scanner", "tracer", "radionuclide",
        "injected_MBq", "weight_kg", "height_m", "sex", "age_years", "uptake_min",
        "reconstruction", "body_region", "lesion_count",
    ]  # fmt: skip


def test_masks_lie_on_the_grid_of_the_pet(folder: Path) -> None:
    for row in table(folder):
        pet = load(folder / row["case_id"] / "pet.nii.gz")
        assert pet.get_data_dtype() in (np.dtype("f4"), np.dtype("i2"))
        for reader in "abc":
            mask = load(folder / row["case_id"] / f"reader-{reader}.nii.gz")
            assert mask.shape == pet.shape
            assert mask.get_data_dtype() == np.uint8
            np.testing.assert_array_equal(mask.affine, pet.affine)
            assert set(np.unique(mask.dataobj)) <= {0, 1}


def test_orientations_and_storage_differ_between_scanners() -> None:
    affines = [scanner.affine(SIZE) for scanner in SCANNERS.values()]
    assert len({nibabel.aff2axcodes(affine) for affine in affines}) == 3
    assert {scanner.stored_as for scanner in SCANNERS.values()} == {np.int16, np.float32}


@pytest.mark.parametrize("scanner", SCANNERS.values(), ids=SCANNERS)
def test_the_field_is_head_to_thigh_at_any_size(scanner: Scanner) -> None:
    for size in (SIZE, (128, 128, 160)):
        x, y, z = np.array(scanner.spacing(size)) * size
        assert 500 < x < 560
        assert 500 < y < 560
        assert 950 < z < 1050


def test_uptake_is_never_negative_and_plausible(phantoms: list[Phantom]) -> None:
    for case in phantoms:
        assert case.suv.dtype == np.float32
        assert case.suv.min() >= 0
        assert 8 < np.percentile(case.suv, 99.99) < 80
        assert case.suv[~case.inside].mean() < 0.1


def test_the_liver_is_where_it_should_be_with_its_uptake(phantoms: list[Phantom]) -> None:
    measured = []
    for case in phantoms:
        canvas = Canvas(SIZE, case.scanner.spacing(SIZE), MARGIN)
        stature = case.row.height_m / 1.72
        x, y, u = canvas.axes()
        near = (x - LIVER_PLACE[0]) ** 2 + (y - LIVER_PLACE[1]) ** 2
        sphere = near + (u - LIVER_PLACE[2] * stature) ** 2 < 25**2
        assert sphere.sum() > 60
        measured.append(float(np.median(case.suv[sphere])) / case.scale)
    assert np.mean(measured) == pytest.approx(2.2, abs=0.15)
    assert min(measured) > 1.8
    assert max(measured) < 2.7


def test_masks_are_inside_the_body(phantoms: list[Phantom]) -> None:
    for case in phantoms:
        for mask in (case.truth, *case.masks.values()):
            assert not (mask & ~case.inside).any()


def test_lesion_free_cases_are_empty_for_every_reader(phantoms: list[Phantom]) -> None:
    free = [case for case in phantoms if case.row.lesion_count == 0]
    assert len(free) == 1
    for case in phantoms:
        for mask in case.masks.values():
            assert mask.any() == (case.row.lesion_count > 0)


def test_lesions_are_hotter_than_the_body_around_them(phantoms: list[Phantom]) -> None:
    for case in phantoms:
        if case.row.lesion_count:
            assert case.suv[case.truth].mean() > 1.3 * np.median(case.suv[case.inside])


def test_readers_agree_as_readers_do() -> None:
    drawn = [plan for plan in plans(2024, 24, (128, 128, 160)) if not plan.lesion_free][:3]
    agreement = [
        dice(one, other)
        for case in map(simulate, drawn)
        for one, other in combinations(case.masks.values(), 2)
    ]
    assert 0.7 < np.mean(agreement) < 0.95
    assert min(agreement) > 0.4
    assert max(agreement) < 1
