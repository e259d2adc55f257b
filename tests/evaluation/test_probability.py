"""Probability maps: calibration where it matters, and soft overlap with several readers."""

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from evaluation.probability import (
    JudgedVoxels,
    ProbabilityRefused,
    brier_score,
    expected_calibration_error,
    judged_voxels,
    soft_dice,
)
from evaluation.volumes import read_volume
from tests.evaluation.grids import QUICK, grid, shapes

Map = NDArray[np.float32]


def line(*values: float) -> Map:
    return np.array([[values]], np.float32)


def drawn(*values: int) -> NDArray[np.bool_]:
    return np.array([[values]], bool)


def judged(pairs: list[tuple[float, int]]) -> JudgedVoxels:
    return JudgedVoxels(
        np.array([p for p, _ in pairs], np.float32), np.array([r for _, r in pairs], bool)
    )


@st.composite
def maps(draw: st.DrawFn):
    """A map with drawn voxels here and there, a reference, and a grid of steps up to 9 mm."""
    shape = draw(shapes)
    levels = st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.1, 0.3, 0.49, 0.5, 0.7, 1.0])
    steps = draw(st.tuples(*[st.sampled_from([1.0, 2.5, 4.07283, 6.0, 8.0, 9.0, 11.0])] * 3))
    probability = draw(arrays.arrays(np.float32, shape, elements=levels))
    few = st.sampled_from([False, False, False, False, False, True])
    return probability, draw(arrays.arrays(np.bool_, shape, elements=few)), grid(shape, steps)


# Which voxels are judged


def test_voxels_within_10_mm_of_the_reference_are_judged() -> None:
    """Centres 5 mm apart: two voxels on, and not three."""
    found = judged_voxels(
        line(0.4, 0.3, 0.2, 0.1, 0.0), drawn(1, 0, 0, 0, 0), grid((1, 1, 5), (5, 1, 1))
    )
    assert found.probability.tolist() == pytest.approx([0.4, 0.3, 0.2])
    assert found.drawn.tolist() == [True, False, False]


def test_voxels_within_10_mm_of_a_likely_one_are_judged() -> None:
    found = judged_voxels(
        line(0.5, 0.1, 0.2, 0.49, 0.3), drawn(0, 0, 0, 0, 0), grid((1, 1, 5), (5, 1, 1))
    )
    assert found.probability.tolist() == pytest.approx([0.5, 0.1, 0.2])


def test_10_mm_are_told_across_the_grid_and_not_along_each_axis() -> None:
    """6 and 8 mm make 10; 8 and 8 do not."""
    reference = np.zeros((2, 2, 2), bool)
    reference[0, 0, 0] = True
    found = judged_voxels(np.zeros((2, 2, 2), np.float32), reference, grid((2, 2, 2), (6, 8, 8)))
    assert found.probability.size == 1 + 3 + 2


def test_the_spacing_is_that_of_x_y_z() -> None:
    reference = np.zeros((3, 3, 3), bool)
    reference[1, 1, 1] = True
    for axis, spacing in enumerate([(11, 11, 9), (11, 9, 11), (9, 11, 11)]):
        probability = np.zeros((3, 3, 3), np.float32)
        np.moveaxis(probability, axis, 0)[:, 1, 1] = [0.1, 0.2, 0.3]
        found = judged_voxels(probability, reference, grid((3, 3, 3), spacing))
        assert sorted(found.probability.tolist()) == pytest.approx([0.1, 0.2, 0.3])


@QUICK
@given(maps())
def test_judged_are_the_voxels_whose_distance_is_at_most_10_mm(case) -> None:
    probability, reference, geometry = case
    found = judged_voxels(probability, reference, geometry)
    either = np.argwhere(reference | (probability >= 0.5))
    steps = np.array(geometry.spacing[::-1])
    near = [
        voxel
        for voxel in np.ndindex(probability.shape)
        if len(either)
        and np.sqrt((((either - np.array(voxel)) * steps) ** 2).sum(axis=1)).min() <= 10.0 + 1e-6
    ]
    assert found.probability.tolist() == [probability[voxel] for voxel in near]
    assert found.drawn.tolist() == [reference[voxel] for voxel in near]


@QUICK
@given(maps(), st.tuples(*[st.integers(0, 30)] * 3))
def test_background_beyond_10_mm_is_never_judged(case, added) -> None:
    probability, reference, geometry = case
    reach = [int(10.0 / step) for step in geometry.spacing[::-1]]
    near = [min(pair) for pair in zip(added, reach, strict=True)]
    found = []
    for pad in (near, added):
        widths = [(width, width) for width in pad]
        shape = tuple(size + 2 * width for size, width in zip(probability.shape, pad, strict=True))
        wider = judged_voxels(
            np.pad(probability, widths), np.pad(reference, widths), grid(shape, geometry.spacing)
        )
        found.append((wider.probability.tolist(), wider.drawn.tolist()))
    assert found[0] == found[1]


# Calibration


def test_a_calibrated_map_has_no_calibration_error() -> None:
    half = judged(
        [(0.75, 1), (0.75, 1), (0.75, 1), (0.75, 0), (0.25, 0), (0.25, 0), (0.25, 1), (0.25, 0)]
    )
    assert expected_calibration_error(half) == 0.0
    assert brier_score(half) == 0.1875


def test_calibration_error_by_hand() -> None:
    """Three bins: (|1.65 − 2| + |0.9 − 0| + |0.6 − 1|) / 6."""
    found = judged([(0.8, 1), (0.9, 0), (0.85, 1), (0.2, 1), (0.2, 0), (0.2, 0)])
    assert expected_calibration_error(found) == pytest.approx((0.35 + 0.9 + 0.4) / 6)
    assert brier_score(found) == pytest.approx((0.04 + 0.81 + 0.0225 + 0.64 + 0.04 + 0.04) / 6)


def test_over_and_under_confidence_cancel_within_a_bin_and_not_between_bins() -> None:
    assert expected_calibration_error(judged([(0.94, 1), (0.96, 0), (0.9, 1)])) == pytest.approx(
        0.8 / 3, abs=1e-6
    )
    assert expected_calibration_error(judged([(0.4, 1), (0.6, 0)])) == pytest.approx(0.6)


def test_the_last_bin_is_closed_and_a_bin_holds_its_lower_edge() -> None:
    """Alone in their bins: 1.0 beside 0.95 would otherwise be a bin of its own."""
    assert expected_calibration_error(judged([(1.0, 0), (0.95, 1)])) == pytest.approx(0.475)
    for tenth in range(10):
        edge = np.float32(tenth / 10)
        inside = judged([(float(edge), 1), (float(edge) + 0.05, 0)])
        expected = abs(2 * float(edge) + 0.05 - 1.0) / 2
        assert expected_calibration_error(inside) == pytest.approx(expected, abs=1e-6)


def test_a_sure_and_right_map_is_perfect_and_a_sure_and_wrong_one_the_worst() -> None:
    right, wrong = judged([(1.0, 1), (0.0, 0)]), judged([(1.0, 0), (0.0, 1)])
    assert (expected_calibration_error(right), brier_score(right)) == (0.0, 0.0)
    assert (expected_calibration_error(wrong), brier_score(wrong)) == (1.0, 1.0)


@QUICK
@given(maps())
def test_calibration_is_what_its_definition_gives(case) -> None:
    found = judged_voxels(*case)
    error, brier = expected_calibration_error(found), brier_score(found)
    pairs = list(zip(found.probability.tolist(), found.drawn.tolist(), strict=True))
    if not pairs:
        assert error is None
        assert brier is None
        return
    assert error is not None
    assert brier is not None
    expected = 0.0
    for tenth in range(10):
        low = float(np.float32(tenth / 10))
        high = float(np.float32((tenth + 1) / 10)) if tenth < 9 else 2.0
        held = [(p, r) for p, r in pairs if low <= p < high]
        if held:
            gap = abs(np.mean([p for p, _ in held]) - np.mean([r for _, r in held]))
            expected += len(held) / len(pairs) * gap
    assert error == pytest.approx(expected)
    assert brier == pytest.approx(np.mean([(p - r) ** 2 for p, r in pairs]))
    assert 0.0 <= error <= 1.0
    # By the inequality of Jensen, within each bin.
    assert error**2 <= brier + 1e-12


@QUICK
@given(maps())
def test_a_map_is_scored_the_same_in_any_type(case) -> None:
    probability, reference, geometry = case
    tenths = np.round(probability.astype(np.float64), 2)
    once = judged_voxels(tenths, reference, geometry)
    again = judged_voxels(tenths.astype(np.float32), reference, geometry)
    assert expected_calibration_error(once) == expected_calibration_error(again)
    assert brier_score(once) == brier_score(again)


def test_where_neither_drew_anything_there_is_nothing_to_judge() -> None:
    found = judged_voxels(line(0.1, 0.49), drawn(0, 0), grid((1, 1, 2)))
    assert found.probability.size == 0
    assert expected_calibration_error(found) is None
    assert brier_score(found) is None


def test_an_empty_reference_is_judged_where_the_map_draws() -> None:
    found = judged_voxels(line(0.5, 0.0), drawn(0, 0), grid((1, 1, 2)))
    assert brier_score(found) == 0.125
    assert expected_calibration_error(found) == 0.25


# Soft Dice


def test_soft_dice_by_hand() -> None:
    """2·(0.5·1 + 1·0.5) / (1.5 + 1.5 + 0.25)."""
    found = soft_dice(line(0.5, 1.0, 0.25, 0.0), line(1.0, 0.5, 0.0, 0.0))
    assert found == pytest.approx(2.0 / 3.25)


def test_soft_dice_of_masks_is_dice() -> None:
    assert soft_dice(line(1, 1, 0), line(1, 0, 0)) == pytest.approx(2 / 3)
    assert soft_dice(line(1, 1, 0), line(1, 1, 0)) == 1.0
    assert soft_dice(line(0, 0, 1), line(1, 1, 0)) == 0.0


def test_soft_dice_of_an_empty_map_is_0_and_without_any_reader_not_applicable() -> None:
    assert soft_dice(line(0, 0), line(0.5, 0)) == 0.0
    assert soft_dice(line(0.7, 0), line(0, 0)) is None
    assert soft_dice(line(0, 0), line(0, 0)) is None


@QUICK
@given(maps(), st.data())
def test_soft_dice_is_what_its_definition_gives(case, data) -> None:
    probability, _, _ = case
    share = data.draw(
        arrays.arrays(
            np.float32, probability.shape, elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])
        )
    )
    found = soft_dice(probability, share)
    if not share.any():
        assert found is None
        return
    assert found is not None
    p, s = probability.astype(float), share.astype(float)
    assert found == pytest.approx(2 * (p * s).sum() / (p.sum() + s.sum()))
    assert 0.0 <= found <= 1.0


# What is refused


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.001, 1.001])
def test_what_is_no_probability_is_refused(value: float) -> None:
    strange, fine = line(0.5, value, 0.1), line(0.5, 0.5, 0.0)
    for measure in (
        lambda: judged_voxels(strange, drawn(1, 0, 0), grid((1, 1, 3))),
        lambda: soft_dice(strange, fine),
        lambda: soft_dice(fine, strange),
    ):
        with pytest.raises(ProbabilityRefused) as refused:
            measure()
        assert refused.value.code == "not_probabilities"


def test_an_array_on_another_grid_is_refused() -> None:
    for measure in (
        lambda: judged_voxels(line(0.5), drawn(1, 0), grid((1, 1, 2))),
        lambda: judged_voxels(line(0.5, 0.5), drawn(1), grid((1, 1, 2))),
        lambda: soft_dice(line(0.5), line(0.5, 0.5)),
    ):
        with pytest.raises(ProbabilityRefused) as refused:
            measure()
        assert refused.value.code == "wrong_shape"


# Real and large volumes


@pytest.mark.data
def test_a_real_tumour_is_judged_where_a_distance_transform_says(data_folder: Path) -> None:
    folder = data_folder / "sts_pet" / "STS_001"
    volume = read_volume(folder / "reference.nii.gz")
    reference, geometry = volume.voxels.astype(bool), volume.geometry
    suv = read_volume(folder / "pet.nii.gz").voxels.astype(np.float32)
    probability = np.clip(suv / 8.0, 0.0, 1.0)
    found = judged_voxels(probability, reference, geometry)
    outside = ~(reference | (probability >= 0.5))
    near = distance_transform_edt(outside, sampling=geometry.spacing[::-1]) <= 10.0 + 1e-6
    np.testing.assert_array_equal(found.probability, probability[near])
    np.testing.assert_array_equal(found.drawn, reference[near])


def test_a_whole_body_with_noise_everywhere_is_judged_in_seconds() -> None:
    geometry = grid((326, 400, 200), (2.04, 2.04, 3.0))
    probability = np.zeros(geometry.shape, np.float32)
    probability.ravel()[::9973] = 0.6
    start = time.perf_counter()
    found = judged_voxels(probability, np.zeros(geometry.shape, bool), geometry)
    assert expected_calibration_error(found) is not None
    assert time.perf_counter() - start < 3.0
