"""Volumes in ml, and what is read from the PET within a mask: SUV and total lesion glycolysis."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.errors import EvaluationError
from evaluation.files import read_pet, score_files
from evaluation.geometry import Geometry
from evaluation.masks import DrawnMask, label_values
from evaluation.metrics import REGISTRY
from evaluation.metrics.uptake import suv_max, suv_mean, suv_peak, tlg_g
from evaluation.pair import SUV_MARGIN_MM, Pair, PetRegion
from evaluation.scoring import score_masks
from evaluation.spec import EvaluationSpec
from evaluation.volumes import Volume, read_volume, write_volume
from tests.evaluation.grids import QUICK, Labels, grid, mask, measured, pairs, score

Suv = NDArray[np.float32]

UPTAKE = EvaluationSpec(
    metrics=["dice", *(metric.id for metric in REGISTRY.values() if metric.needs_pet)]
)
SHAPE = (1, 1, 5)
GRID = grid(SHAPE, (10.0, 20.0, 30.0))  # a voxel is 6 ml
SUV = np.array([[[1.0, 2.0, 4.0, 8.0, 16.0]]], np.float32)
REFERENCE, PREDICTION = mask(SHAPE, (0, 0, 1), (0, 0, 2)), mask(SHAPE, *[(0, 0, x) for x in (2, 3)])


def errors(
    reference: Labels, prediction: Labels | None, suv: Suv, geometry: Geometry
) -> dict[str, float | None]:
    scored = score(reference, prediction, geometry, UPTAKE, PetRegion.whole(suv))
    return {name: labels["lesion"].value for name, labels in scored.metrics.items()}


class TestVolumes:
    @pytest.mark.parametrize(
        ("metric", "expected"),
        [
            ("mtv_ml", 12.0),
            ("mtv_error_ml", 12.0 - 18.0),
            ("mtv_abs_error_ml", 6.0),
            ("mtv_rel_error", -100 / 3),
            ("mtv_sym_error", -200 * 6 / 30),
        ],
    )
    def test_of_two_voxels_against_three(self, metric: str, expected: float) -> None:
        three = mask(SHAPE, (0, 0, 0), (0, 0, 1), (0, 0, 4))
        assert measured(metric, three, PREDICTION, GRID) == pytest.approx(expected)

    @QUICK
    @given(pairs(drawn=True))
    def test_they_count_voxels(self, case: tuple[Labels, Labels, Geometry]) -> None:
        reference, prediction, geometry = case
        ml = math.prod(geometry.spacing) / 1000
        r, p = int(reference.sum()) * ml, int(prediction.sum()) * ml
        assert measured("mtv_ml", *case) == pytest.approx(p)
        assert measured("mtv_error_ml", *case) == pytest.approx(p - r, abs=1e-9)
        assert measured("mtv_sym_error", *case) == pytest.approx(200 * (p - r) / (p + r), abs=1e-9)

    @QUICK
    @given(pairs(drawn=True))
    def test_the_symmetric_error_changes_its_sign_with_the_roles(
        self, case: tuple[Labels, Labels, Geometry]
    ) -> None:
        reference, prediction, geometry = case
        found = measured("mtv_sym_error", *case)
        assert -200 <= found <= 200
        back = measured("mtv_sym_error", prediction, reference, geometry)
        assert back == pytest.approx(-found, abs=1e-9)


class TestUptake:
    def test_by_hand(self) -> None:
        """R holds SUV 2 and 4, P 4 and 8; no sphere reaches a neighbour 10 mm away."""
        assert errors(REFERENCE, PREDICTION, SUV, GRID) == {
            "dice": 0.5,
            "tlg_error_g": pytest.approx((12 - 6) * 6.0),
            "suv_max_error": 4.0,
            "suv_mean_error": 3.0,
            "suv_peak_error": 4.0,
        }

    def test_an_empty_mask_and_no_result_read_0(self) -> None:
        expected = {"dice": 0.0, "tlg_error_g": pytest.approx(-36.0), "suv_max_error": -4.0,
                    "suv_mean_error": -3.0, "suv_peak_error": -4.0}  # fmt: skip
        assert errors(REFERENCE, mask(SHAPE), SUV, GRID) == expected
        assert errors(REFERENCE, None, SUV, GRID) == expected

    def test_without_lesions_nothing_is_read(self) -> None:
        assert set(errors(mask(SHAPE), PREDICTION, SUV, GRID).values()) == {None}

    def test_negative_uptake_is_uptake(self) -> None:
        """Reconstructions may hold it: the largest of −3 and −1 is −1, not 0."""
        suv = np.array([[[-3.0, -1.0, 0.0, 0.0, 0.0]]], np.float32)
        found = errors(mask(SHAPE, (0, 0, 3)), mask(SHAPE, (0, 0, 0), (0, 0, 1)), suv, GRID)
        assert (found["suv_max_error"], found["suv_mean_error"]) == (-1.0, -2.0)

    @QUICK
    @given(pairs(drawn=True), st.integers(0, 2**32 - 1))
    def test_it_is_that_of_a_plain_loop(
        self, case: tuple[Labels, Labels, Geometry], seed: int
    ) -> None:
        reference, prediction, geometry = case
        suv = np.random.default_rng(seed).normal(3, 2, reference.shape).astype(np.float32)
        found = errors(reference, prediction, suv, geometry)
        inside = [suv[one > 0].astype(float) for one in (reference, prediction)]
        for name, feature in (
            ("suv_max_error", np.max),
            ("suv_mean_error", np.mean),
            ("tlg_error_g", lambda values: np.sum(values) * geometry.voxel_volume_ml),
        ):
            expected = feature(inside[1]) - feature(inside[0])
            assert found[name] == pytest.approx(expected, abs=1e-9)
        peaks = [peak_by_loop(suv, one, geometry) for one in (reference, prediction)]
        assert found["suv_peak_error"] == pytest.approx(peaks[1] - peaks[0], abs=1e-9)


def peak_by_loop(suv: Suv, drawn: Labels, geometry: Geometry) -> float:
    """Sphere by sphere, over all voxels of the image."""
    places = np.argwhere(np.ones(suv.shape, bool)) * geometry.spacing[::-1]
    flat = suv.astype(float).ravel()
    means = []
    for centre in np.argwhere(drawn > 0) * geometry.spacing[::-1]:
        squares = ((places - centre) ** 2).sum(axis=1)
        means.append(flat[squares <= SUV_MARGIN_MM**2].mean())
    return float(max(means))


class TestPeak:
    def test_the_sphere_is_1_ml(self) -> None:
        assert 4 / 3 * math.pi * SUV_MARGIN_MM**3 == pytest.approx(1000.0)
        assert pytest.approx(6.204, abs=5e-4) == SUV_MARGIN_MM

    @pytest.mark.parametrize(("place", "voxels"), [((2, 2, 2), 7), ((0, 2, 2), 6), ((0, 0, 0), 4)])
    def test_what_lies_beyond_the_image_is_left_out(
        self, place: tuple[int, int, int], voxels: int
    ) -> None:
        """At 5 mm the sphere is a voxel and its 6 face neighbours, of which an edge cuts some."""
        shape = (5, 5, 5)
        suv = np.zeros(shape, np.float32)
        suv[place] = 10.0
        geometry = grid(shape, (5.0, 5.0, 5.0))
        one = mask(shape, place) > 0
        pair = Pair.of_arrays(one, one, geometry, PetRegion.whole(suv))
        assert suv_peak(pair.reference) == pytest.approx(10.0 / voxels)

    def test_voxels_outside_the_mask_are_in_the_sphere(self) -> None:
        shape = (1, 1, 3)
        suv = np.array([[[0.0, 3.0, 9.0]]], np.float32)
        one = mask(shape, (0, 0, 1)) > 0
        pair = Pair.of_arrays(one, one, grid(shape, (4.0, 4.0, 4.0)), PetRegion.whole(suv))
        assert suv_peak(pair.reference) == pytest.approx(4.0)

    @pytest.mark.parametrize(
        "spacing", [(2.0, 2.0, 2.0), (4.07283, 4.07283, 3.0), (5.47, 5.47, 3.27), (1.0, 2.0, 7.0)]
    )
    def test_it_is_that_of_a_plain_loop_at_the_edges_too(
        self, spacing: tuple[float, float, float]
    ) -> None:
        generator = np.random.default_rng(11)
        shape = (9, 10, 11)
        suv = generator.gamma(2.0, 2.0, shape).astype(np.float32)
        drawn = (generator.random(shape) < 0.1).astype(np.uint8)
        drawn[0, 0, 0] = drawn[-1, -1, -1] = drawn[0, -1, 5] = 1
        on, pet = grid(shape, spacing), PetRegion.whole(suv)
        pair = Pair.of_arrays(drawn > 0, drawn > 0, on, pet)
        expected = peak_by_loop(suv, drawn, on)
        assert suv_peak(pair.reference) == pytest.approx(expected, rel=1e-12)

    def test_of_even_uptake_it_is_the_mean(self) -> None:
        generator = np.random.default_rng(12)
        drawn = generator.random((6, 7, 8)) < 0.3
        pet = PetRegion.whole(np.full((6, 7, 8), 2.5, np.float32))
        pair = Pair.of_arrays(drawn, drawn, grid((6, 7, 8), (3.0, 3.0, 3.0)), pet)
        features = (suv_peak, suv_mean, suv_max)
        assert [feature(pair.reference) for feature in features] == pytest.approx([2.5] * 3)


@pytest.mark.data
def test_the_digital_phantom_has_its_published_values(data_folder: Path) -> None:
    """The Image Biomarker Standardisation Initiative's consensus, which tells one digit more of
    the peak than is tested here."""
    folder = data_folder / "digital_phantom"
    lines = (folder / "ibsi_1_dig_phantom_reference.csv").read_text().splitlines()
    rows = [line.split(";") for line in lines[1:]]
    published = {tag: (float(value), float(slack)) for value, slack, tag in rows if value and slack}
    drawn = read_volume(folder / "mask.nii.gz")
    suv = read_volume(folder / "phantom.nii.gz").voxels.astype(np.float32)
    inside = label_values(drawn.voxels, [1]) > 0
    side = Pair.of_arrays(inside, inside, drawn.geometry, PetRegion.whole(suv)).reference
    volume, slack = published["morph_vol_approx"]
    assert side.ml * 1000 == pytest.approx(volume, abs=slack)
    assert round(suv_peak(side), 1) == published["loc_peak_glob"][0] == 3.1
    assert round(suv_mean(side), 2) == published["stat_mean"][0] == 2.15
    assert suv_max(side) == published["stat_max"][0] == 6
    assert tlg_g(side) == pytest.approx(suv_mean(side) * side.ml)


def drawn_at(
    geometry: Geometry, low: tuple[int, int, int], high: tuple[int, int, int]
) -> DrawnMask:
    array = np.zeros(geometry.shape, np.uint8)
    array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = 1
    return DrawnMask.from_array(array, geometry)


class TestReadingThePet:
    grid = Geometry((40, 36, 30), (4.07283, 4.07283, 3.0), (-40.0, 12.5, 300.0))
    suv = np.random.default_rng(13).gamma(2.0, 2.0, grid.shape).astype(np.float32)

    @pytest.mark.parametrize("ending", ["nii.gz", "nii", "mha", "nrrd"])
    @pytest.mark.parametrize(
        ("reference", "prediction"),
        [
            (((10, 11, 12), (14, 15, 16)), ((12, 13, 13), (17, 16, 15))),
            (((0, 0, 0), (2, 3, 4)), ((0, 1, 2), (3, 3, 3))),
            (((28, 34, 37), (30, 36, 40)), ((27, 33, 39), (30, 36, 40))),
            (((0, 0, 0), (1, 1, 1)), ((29, 35, 39), (30, 36, 40))),
        ],
        ids=["in the middle", "at the first voxel", "at the last voxel", "at both"],
    )
    def test_a_part_gives_the_bits_of_the_whole(
        self,
        reference: tuple[tuple[int, int, int], ...],
        prediction: tuple[tuple[int, int, int], ...],
        ending: str,
        tmp_path: Path,
    ) -> None:
        path = tmp_path / f"pet.{ending}"
        write_volume(path, Volume(self.suv, self.grid))
        masks = drawn_at(self.grid, *reference), drawn_at(self.grid, *prediction)
        part = read_pet(path, masks)
        found = score_masks(*masks, UPTAKE, pet=part).to_json()
        assert found == score_masks(*masks, UPTAKE, pet=PetRegion.whole(self.suv)).to_json()
        inside = [slice(a, b) for a, b in zip(part.box.start, part.box.stop, strict=True)]
        np.testing.assert_array_equal(part.suv, self.suv[tuple(inside)])

    def test_of_a_small_lesion_little_is_kept(self, tmp_path: Path) -> None:
        write_volume(tmp_path / "pet.nii", Volume(self.suv, self.grid))
        one = drawn_at(self.grid, (10, 11, 12), (11, 12, 13))
        # 6.204 mm are 2 voxels of 3 mm and 1 of 4.07 mm; one more is kept on each side.
        assert read_pet(tmp_path / "pet.nii", [one]).suv.shape == (7, 5, 5)

    def test_masks_that_are_empty_need_no_more_than_a_corner(self, tmp_path: Path) -> None:
        write_volume(tmp_path / "pet.nii", Volume(self.suv, self.grid))
        empty = drawn_at(self.grid, (0, 0, 0), (0, 0, 0))
        assert read_pet(tmp_path / "pet.nii", [empty, empty]).suv.size < 100

    def test_a_pet_of_whole_numbers_with_a_slope_is_read_as_suv(self, tmp_path: Path) -> None:
        import nibabel

        counts = np.arange(math.prod(self.grid.size), dtype=np.int16).reshape(self.grid.size) % 999
        image = nibabel.Nifti1Image(counts, self.grid.ras_affine())
        image.header.set_slope_inter(0.25, 0.0)
        nibabel.save(image, tmp_path / "pet.nii")
        raw = np.asarray(image.dataobj).T.astype(np.float32)
        stored = read_volume(tmp_path / "pet.nii").voxels
        one = drawn_at(self.grid, (10, 11, 12), (14, 15, 16))
        part = read_pet(tmp_path / "pet.nii", [one])
        assert part.suv.dtype == np.float32
        inside = tuple(slice(a, b) for a, b in zip(part.box.start, part.box.stop, strict=True))
        np.testing.assert_array_equal(part.suv, stored[inside])
        np.testing.assert_array_equal(stored, raw * 0.25)

    def test_no_pet_is_said(self) -> None:
        one = drawn_at(self.grid, (10, 11, 12), (14, 15, 16))
        with pytest.raises(EvaluationError) as refused:
            score_masks(one, one, UPTAKE)
        assert refused.value.code == "needs_pet"
        with pytest.raises(EvaluationError) as refused:
            score_masks(one, None, UPTAKE)
        assert refused.value.code == "needs_pet"

    @pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
    def test_a_pet_that_is_not_finite_where_it_counts_is_refused(
        self, number: float, tmp_path: Path
    ) -> None:
        broken = self.suv.copy()
        broken[12, 13, 14] = number
        with pytest.raises(EvaluationError) as refused:
            PetRegion.whole(broken)
        assert refused.value.code == "pet_not_finite"
        write_volume(tmp_path / "pet.mha", Volume(broken, self.grid))
        one = drawn_at(self.grid, (12, 13, 15), (13, 14, 16))  # the sphere reaches it
        with pytest.raises(EvaluationError) as refused:
            read_pet(tmp_path / "pet.mha", [one])
        assert refused.value.code == "pet_not_finite"

    def test_a_pet_on_another_grid_is_refused(self, tmp_path: Path) -> None:
        shifted = Geometry(self.grid.size, self.grid.spacing, (-36.0, 12.5, 300.0))
        write_volume(tmp_path / "pet.mha", Volume(self.suv, shifted))
        one = drawn_at(self.grid, (12, 13, 15), (13, 14, 16))
        with pytest.raises(EvaluationError, match="origin") as refused:
            read_pet(tmp_path / "pet.mha", [one])
        assert refused.value.code == "wrong_grid"

    def test_files_have_the_numbers_of_the_arrays_within_them(self, tmp_path: Path) -> None:
        pet = tmp_path / "pet.nii.gz"
        write_volume(pet, Volume(self.suv, self.grid))
        reference = drawn_at(self.grid, (10, 11, 12), (14, 15, 16))
        prediction = drawn_at(self.grid, (12, 13, 13), (17, 16, 15))
        one, other = tmp_path / "reference.nii.gz", tmp_path / "prediction.mha"
        for path, drawn in ((one, reference), (other, prediction)):
            write_volume(path, Volume(drawn.to_array(), self.grid))
        found = score_files(one, other, UPTAKE, pet=pet)
        whole = PetRegion.whole(self.suv)
        for threads in (1, 2):
            expected = score_masks(reference, prediction, UPTAKE, pet=whole, threads=threads)
            for metric, labels in found.metrics.items():
                value = expected.metrics[metric]["lesion"].value
                assert labels["lesion"].value == pytest.approx(value, rel=1e-5), metric
        with pytest.raises(EvaluationError) as refused:
            score_files(one, other, UPTAKE)
        assert refused.value.code == "needs_pet"


def test_a_pet_that_does_not_cover_what_is_drawn_is_refused() -> None:
    drawn = np.zeros((6, 6, 6), np.uint8)
    drawn[4, 4, 4] = 1
    small = PetRegion.whole(np.ones((4, 6, 6), np.float32))
    with pytest.raises(EvaluationError) as refused:
        score(drawn, drawn, spec=EvaluationSpec(metrics=["suv_max_error", "dice"]), pet=small)
    assert refused.value.code == "pet_too_small"
