"""How alike two masks are: estimated from sketches, against the exact Dice of the masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.geometry import Geometry
from evaluation.masks import DrawnMask
from evaluation.similarity import SIZE, exact_likeness, likeness, sketch
from evaluation.volumes import read_volume

SHAPE = (40, 60, 60)
GRID = Geometry(size=(60, 60, 40), spacing=(2.0, 2.0, 3.0), origin=(0.0, 0.0, 0.0))
Labels = NDArray[np.uint8]


def estimated(first: Labels, second: Labels) -> float | None:
    return likeness(sketch(first), sketch(second)).dice


def by_hand(first: Labels, second: Labels) -> float:
    agreeing = ((first == second) & (first > 0)).sum()
    return float(2 * agreeing / ((first > 0).sum() + (second > 0).sum()))


def ball(radius: float, centre: tuple[int, int, int] = (20, 30, 30)) -> Labels:
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    away = (z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2
    return np.asarray(away <= radius**2, np.uint8)


def noise(share: float, seed: int) -> Labels:
    return (np.random.default_rng(seed).random(SHAPE) < share).astype(np.uint8)


def with_changes(mask: Labels, number: int, seed: int = 0) -> Labels:
    """``number`` voxels drawn that were not, or the other way round."""
    changed = mask.copy().ravel()
    places = np.random.default_rng(seed).choice(changed.size, number, replace=False)
    changed[places] = 1 - np.minimum(changed[places], 1)
    return changed.reshape(mask.shape)


def test_a_mask_is_like_itself():
    assert estimated(ball(15), ball(15)) == 1.0


def test_masks_that_share_nothing_are_not_alike():
    assert estimated(ball(8, (20, 15, 15)), ball(8, (20, 45, 45))) == 0.0


def test_two_empty_masks_say_nothing():
    empty = np.zeros(SHAPE, np.uint8)
    assert sketch(empty) == b""
    assert estimated(empty, empty) is None
    assert exact_likeness(*(DrawnMask.from_array(empty, GRID),) * 2).dice is None


@pytest.mark.parametrize("radius", [2, 15])
def test_an_empty_mask_is_like_no_other(radius):
    empty = np.zeros(SHAPE, np.uint8)
    assert estimated(empty, ball(radius)) == 0.0
    assert estimated(ball(radius), empty) == 0.0


def test_voxels_of_another_label_do_not_agree():
    first = ball(15)
    assert estimated(first, 2 * first) == 0.0
    half = first.copy()
    half[:20] *= 2
    assert estimated(first, half) == pytest.approx(by_hand(first, half), abs=0.04)


def test_a_sketch_has_a_size_of_its_own_whatever_the_mask():
    assert len(sketch(ball(15))) == len(sketch(noise(0.3, 1))) == 8 * SIZE
    assert len(sketch(ball(2))) == 8 * ball(2).sum()


@pytest.mark.parametrize("radius", [1, 3, 5])
def test_of_masks_no_larger_than_a_sketch_it_is_exact(radius):
    first, second = ball(radius), ball(radius, (20, 31, 30))
    assert max(first.sum(), second.sum()) < SIZE
    assert estimated(first, second) == pytest.approx(by_hand(first, second), abs=1e-12)


def test_a_small_and_a_large_mask_are_compared_too():
    first, second = ball(5), ball(9)
    assert first.sum() < SIZE < second.sum()
    assert estimated(first, second) == pytest.approx(by_hand(first, second), abs=0.04)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(ball(15), ball(14.5), id="one inside the other"),
        pytest.param(ball(15), ball(15, (20, 31, 30)), id="shifted by a voxel"),
        pytest.param(ball(15), ball(15, (20, 40, 30)), id="shifted far"),
        pytest.param(noise(0.2, 1), noise(0.2, 2), id="noise, independent"),
        pytest.param(noise(0.5, 1), with_changes(noise(0.5, 1), 2000), id="noise, changed"),
        pytest.param(ball(15), with_changes(ball(15), 300), id="ball, changed"),
    ],
)
def test_the_estimate_is_the_exact_dice_within_its_error(first, second):
    exact = by_hand(first, second)
    jaccard = exact / (2 - exact)
    error = 2 / (1 + jaccard) ** 2 * np.sqrt(jaccard * (1 - jaccard) / SIZE)
    assert estimated(first, second) == pytest.approx(exact, abs=5 * error + 1e-9)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    share=st.floats(0.001, 0.6),
    changes=st.integers(0, 5000),
    labels=st.integers(1, 3),
)
def test_any_mask_and_a_changed_copy(seed, share, changes, labels):
    random = np.random.default_rng(seed)
    first = (random.integers(1, labels + 1, SHAPE) * (random.random(SHAPE) < share)).astype(
        np.uint8
    )
    second = with_changes(first, changes, seed)
    exact = by_hand(first, second)
    assert estimated(first, second) == pytest.approx(exact, abs=0.06)
    assert estimated(second, first) == estimated(first, second)
    masks = (DrawnMask.from_array(one, GRID) for one in (first, second))
    assert exact_likeness(*masks).dice == pytest.approx(exact, abs=1e-12)


def test_near_one_the_estimate_errs_by_less_than_0_01():
    """Where it decides whether two masks are looked at in full."""
    errors = []
    for seed in range(60):
        first = noise(0.3, seed)
        second = with_changes(first, 1600, seed)
        assert 0.96 < by_hand(first, second) < 0.985
        dice = estimated(first, second)
        assert dice is not None
        errors.append(dice - by_hand(first, second))
    assert abs(np.mean(errors)) < 0.002, "no bias"
    assert max(map(abs, errors)) < 0.01


@pytest.mark.data
def test_on_real_tumours_thresholds_0_1_suv_apart_are_less_alike_than_a_copy(data_folder):
    """Why 0.98 is where predictions are called nearly identical."""
    folders = sorted((data_folder / "sts_pet").glob("STS_*"))
    pets = [read_volume(folder / "pet.nii.gz").voxels for folder in folders]
    assert len(pets) == 40
    for low, high in ((2.4, 2.5), (3.9, 4.0)):
        pairs = [((pet >= low), (pet >= high)) for pet in pets]
        dice = [estimated(one.astype(np.uint8), other.astype(np.uint8)) for one, other in pairs]
        assert np.mean([value for value in dice if value is not None]) < 0.975
