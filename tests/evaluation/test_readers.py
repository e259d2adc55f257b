"""Several experts: which reference their masks make, and against whom each of them is scored."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from evaluation import readers
from evaluation.readers import (
    ReadersRefused,
    Recipe,
    average_over_readers,
    leave_one_out,
    majority,
    reference_masks,
    soft_reference,
    staple,
)
from evaluation.volumes import read_volume
from tests.evaluation.grids import QUICK, Labels

RECIPES = pytest.mark.parametrize("recipe", list(Recipe))
EMPTY = np.zeros((1, 1, 4), np.uint8)


def row(*labels: int) -> Labels:
    return np.array([[labels]], np.uint8)


def ball(z: int, y: int, x: int, radius: int, size: int = 20) -> Labels:
    zs, ys, xs = np.ogrid[:size, :size, :size]
    squared = (zs - z) ** 2 + (ys - y) ** 2 + (xs - x) ** 2
    return np.asarray(squared <= radius**2, np.uint8)


A, B, C, D = ball(10, 10, 10, 6), ball(10, 10, 12, 6), ball(10, 11, 10, 5), ball(9, 10, 10, 6)


@st.composite
def readings(draw: st.DrawFn, low: int = 1, high: int = 6, labels: int = 3) -> list[Labels]:
    shape = draw(st.tuples(*[st.integers(1, 4)] * 3))
    drawn = arrays.arrays(np.uint8, shape, elements=st.integers(0, labels))
    return draw(st.lists(drawn, min_size=low, max_size=high))


# Majority


def test_a_majority_is_more_than_half() -> None:
    found = majority([row(1, 1, 1, 0), row(1, 1, 0, 0), row(1, 0, 0, 0)])
    assert found.tolist() == row(1, 1, 0, 0).tolist()


def test_half_of_the_votes_is_no_majority() -> None:
    found = majority([row(1, 1), row(1, 1), row(1, 0), row(0, 0)])
    assert found.tolist() == row(1, 0).tolist()


def test_each_label_needs_a_majority_of_its_own() -> None:
    """All three readers see a lesion in the first voxel, of three kinds: none has it."""
    found = majority([row(1, 2, 2), row(2, 2, 2), row(3, 1, 0)])
    assert found.tolist() == row(0, 2, 2).tolist()


def test_the_majority_of_one_mask_is_that_mask() -> None:
    assert majority([row(0, 3, 1)]).tolist() == row(0, 3, 1).tolist()


def test_an_empty_mask_votes_for_background() -> None:
    assert majority([row(1, 1), row(1, 1), row(0, 0), row(0, 0)]).tolist() == row(0, 0).tolist()


def test_three_hundred_readers_are_counted_rightly() -> None:
    assert majority([row(1, 0)] * 257 + [row(0, 1)] * 43).tolist() == row(1, 0).tolist()


@QUICK
@given(readings())
def test_a_majority_is_what_counting_by_hand_gives(masks: list[Labels]) -> None:
    found = majority(masks)
    assert found.dtype == np.uint8
    for voxel in np.ndindex(found.shape):
        votes = [int(mask[voxel]) for mask in masks]
        winners = [label for label in (1, 2, 3) if votes.count(label) * 2 > len(votes)]
        assert found[voxel] == (winners[0] if winners else 0)


@QUICK
@given(readings(), st.randoms())
def test_the_order_of_readers_does_not_matter(masks: list[Labels], random) -> None:
    shuffled = list(masks)
    random.shuffle(shuffled)
    np.testing.assert_array_equal(majority(masks), majority(shuffled))


@pytest.mark.parametrize(
    ("masks", "code"), [([], "no_readers"), ([row(1), row(1, 0), row(0)], "different_shapes")]
)
def test_masks_of_which_nothing_can_be_made_are_refused(masks: list[Labels], code: str) -> None:
    for make in (
        majority,
        lambda given: staple(given, [1]),
        lambda given: reference_masks(given, Recipe.MAJORITY),
        lambda given: soft_reference(given, 1),
    ):
        with pytest.raises(ReadersRefused) as refused:
            make(masks)
        assert refused.value.code == code


# STAPLE


def test_staple_of_equal_masks_is_that_mask() -> None:
    np.testing.assert_array_equal(staple([A, A, A], [1]), A)


def test_staple_of_one_mask_is_that_mask() -> None:
    np.testing.assert_array_equal(staple([A], [1]), A)


def test_staple_is_that_of_simpleitk_on_the_whole_image() -> None:
    """With one label, and as much background as is cropped to."""
    images = [SimpleITK.GetImageFromArray(np.pad(mask, 1)) for mask in (A, B, C, D)]
    estimate = SimpleITK.STAPLE(images, 1.0)
    expected = SimpleITK.GetArrayFromImage(estimate)[1:-1, 1:-1, 1:-1] >= 0.5
    np.testing.assert_array_equal(staple([A, B, C, D], [1]) == 1, expected)
    assert 0 < expected.sum() != majority([A, B, C, D]).sum()


def test_staple_trusts_readers_by_their_agreement_where_a_majority_counts_heads() -> None:
    """Two of four drew a voxel: no majority, but the two are the better ones."""
    split = (A + B + C + D) == 2
    assert not majority([A, B, C, D])[split].any()
    assert staple([A, B, C, D], [1])[split].any()


def test_staple_does_not_depend_on_the_background_around() -> None:
    """Its prior is the share of foreground, which a whole body would bring near 0."""
    masks = [A, B, C, D]
    expected = staple(masks, [1])
    for pad in ([(0, 0), (0, 0), (0, 0)], [(60, 2), (0, 50), (31, 40)]):
        wider = staple([np.pad(mask, pad) for mask in masks], [1])
        inside = tuple(slice(low, low + 20) for low, _ in pad)
        np.testing.assert_array_equal(wider[inside], expected)
        assert wider.sum() == expected.sum()
    touching = tuple(slice(int(hit.min()), int(hit.max()) + 1) for hit in np.nonzero(A | B | C | D))
    np.testing.assert_array_equal(
        staple([mask[touching] for mask in masks], [1]), expected[touching]
    )


def test_staple_acts_per_label() -> None:
    def shown(mask: Labels, label: int, at: int) -> Labels:
        placed = np.zeros((20, 20, 50), np.uint8)
        placed[:, :, at : at + 20] = mask * label
        return placed

    masks = [shown(mask, 1, 0) + shown(other, 7, 25) for mask, other in pairwise([A, B, C, D])]
    found = staple(masks, [7, 1])
    np.testing.assert_array_equal(found[:, :, :20] == 1, staple([A, B, C], [1]) == 1)
    np.testing.assert_array_equal(found[:, :, 25:45] == 7, staple([B, C, D], [1]) == 1)
    assert set(np.unique(found)) == {0, 1, 7}


def test_of_two_labels_in_a_voxel_the_more_probable_one_takes_it(monkeypatch) -> None:
    probabilities = iter([np.array([[[0.6, 0.9, 0.4, 0.7]]]), np.array([[[0.8, 0.7, 0.5, 0.7]]])])
    monkeypatch.setattr(readers, "_foreground_probability", lambda drawn: next(probabilities))
    masks = [row(1, 1, 1, 1), row(2, 2, 2, 2), row(1, 2, 1, 2)]
    assert staple(masks, [2, 1]).tolist() == row(2, 1, 2, 1).tolist()


def test_a_label_that_nobody_drew_stays_empty() -> None:
    assert not staple([EMPTY, EMPTY, EMPTY], [1, 2]).any()
    assert set(np.unique(staple([A, B, C], [1, 2]))) == {0, 1}


def test_one_of_three_readers_does_not_overrule_two_who_drew_nothing() -> None:
    assert not staple([A, np.zeros_like(A), np.zeros_like(A)], [1]).any()


def test_staple_of_two_masks_is_refused() -> None:
    """What comes out is decided by rounding: of a ball within a ball the larger or the smaller."""
    with pytest.raises(ReadersRefused) as refused:
        staple([A, B], [1])
    assert refused.value.code == "staple_of_two"


def test_an_estimate_that_is_not_a_number_is_refused() -> None:
    nothing = np.zeros((2, 2, 2), bool)
    with pytest.raises(ReadersRefused) as refused:
        readers._foreground_probability([nothing] * 3)
    assert refused.value.code == "staple_failed"


def test_readers_with_nothing_in_common_end_in_an_empty_mask_and_not_in_an_endless_loop() -> None:
    masks = [ball(5, 5, 5, 3), ball(14, 14, 14, 3), ball(5, 14, 5, 3)]
    assert not staple(masks, [1]).any()


@QUICK
@given(readings(low=3))
def test_staple_lies_between_what_all_and_what_any_reader_drew(masks: list[Labels]) -> None:
    found = staple(masks, [1, 2, 3])
    stacked = np.stack(masks)
    unanimous = (stacked == stacked[0]).all(axis=0)
    np.testing.assert_array_equal(found[unanimous], stacked[0][unanimous])
    assert ((stacked == found) | (found == 0)).any(axis=0).all()


def test_staple_is_the_same_each_time() -> None:
    np.testing.assert_array_equal(staple([A, B, C, D], [1]), staple([A, B, C, D], [1]))


# The reference of a case


@RECIPES
def test_one_reader_is_the_reference(recipe: Recipe) -> None:
    (only,) = reference_masks([A], recipe)
    np.testing.assert_array_equal(only, A)


@RECIPES
def test_two_readers_are_two_references(recipe: Recipe) -> None:
    first, second = reference_masks([A, B], recipe)
    np.testing.assert_array_equal(first, A)
    np.testing.assert_array_equal(second, B)


def test_three_readers_are_one_consensus() -> None:
    (found,) = reference_masks([A, B, C], Recipe.MAJORITY)
    np.testing.assert_array_equal(found, majority([A, B, C]))
    (found,) = reference_masks([A, B, C], Recipe.STAPLE)
    np.testing.assert_array_equal(found, staple([A, B, C], [1]))
    (found,) = reference_masks([EMPTY] * 3, Recipe.STAPLE)
    assert not found.any()


# Leave one out


@QUICK
@given(readings(low=2), st.sampled_from(Recipe))
def test_a_reader_is_never_scored_against_their_own_mask(
    masks: list[Labels], recipe: Recipe
) -> None:
    """Whatever the reader draws instead, the reference of the others stays."""
    named = {str(number): mask for number, mask in enumerate(masks)}
    before = leave_one_out(named, recipe)
    assert list(before) == list(named)
    for reader in named:
        after = leave_one_out({**named, reader: np.full_like(masks[0], 1)}, recipe)[reader]
        for one, other in zip(before[reader], after, strict=True):
            np.testing.assert_array_equal(one, other)


@RECIPES
def test_with_two_others_a_reader_is_scored_against_each(recipe: Recipe) -> None:
    found = leave_one_out({"a": A, "b": B, "c": C}, recipe)
    for reader, others in {"a": (B, C), "b": (A, C), "c": (A, B)}.items():
        for mask, other in zip(found[reader], others, strict=True):
            np.testing.assert_array_equal(mask, other)


def test_with_three_others_a_reader_is_scored_against_their_consensus() -> None:
    for recipe, consensus in (
        (Recipe.MAJORITY, majority([A, B, C])),
        (Recipe.STAPLE, staple([A, B, C], [1])),
    ):
        (found,) = leave_one_out({"a": A, "b": B, "c": C, "d": D}, recipe)["d"]
        np.testing.assert_array_equal(found, consensus)


def test_with_one_other_a_reader_is_scored_against_that_one() -> None:
    found = leave_one_out({"a": A, "b": B}, Recipe.MAJORITY)
    np.testing.assert_array_equal(found["a"][0], B)
    np.testing.assert_array_equal(found["b"][0], A)
    assert {reader: len(masks) for reader, masks in found.items()} == {"a": 1, "b": 1}


def test_who_did_not_read_is_no_vote_and_has_no_row() -> None:
    found = leave_one_out({"a": A, "b": None, "c": C, "d": D}, Recipe.MAJORITY)
    assert sorted(found) == ["a", "c", "d"]
    np.testing.assert_array_equal(found["a"][0], C)
    np.testing.assert_array_equal(found["a"][1], D)


def test_who_drew_nothing_is_a_vote() -> None:
    nothing = np.zeros_like(A)
    readers_of_case = {"a": A, "b": nothing, "c": nothing, "d": D}
    (found,) = leave_one_out(readers_of_case, Recipe.MAJORITY)["d"]
    assert not found.any()
    assert "b" in leave_one_out(readers_of_case, Recipe.MAJORITY)


@RECIPES
def test_a_reader_without_others_is_absent(recipe: Recipe) -> None:
    assert leave_one_out({"a": A, "b": None}, recipe) == {}
    assert leave_one_out({"a": None}, recipe) == {}
    assert leave_one_out({}, recipe) == {}


# Shares and means


def test_a_soft_reference_is_the_share_of_readers() -> None:
    share = soft_reference([row(1, 1, 2), row(1, 0, 1), row(1, 2, 0), row(0, 0, 0)], 1)
    assert share.dtype == np.float32
    assert share.tolist() == [[[0.75, 0.25, 0.25]]]


@QUICK
@given(readings())
def test_a_share_above_half_is_the_majority(masks: list[Labels]) -> None:
    for label in (1, 2, 3):
        share = soft_reference(masks, label)
        np.testing.assert_array_equal(
            share, np.mean([mask == label for mask in masks], 0, np.float32)
        )
        np.testing.assert_array_equal(share > 0.5, majority(masks) == label)


def test_a_mean_over_readers_leaves_out_what_does_not_apply() -> None:
    assert average_over_readers([0.8, 0.6]) == pytest.approx(0.7)
    assert average_over_readers([None, 0.6]) == 0.6
    assert average_over_readers([0.0, None, 1.0]) == 0.5
    assert average_over_readers([None, None]) is None
    assert average_over_readers([]) is None


# Real label maps of five methods on one subject, and their published fusion


@pytest.fixture(scope="module")
def tumour(data_folder: Path) -> tuple[dict[str, Labels], Labels]:
    folder = data_folder / "raters" / "TCGA-DU-7294"
    drawn = {
        path.name: read_volume(path).voxels.astype(np.uint8)
        for path in sorted((folder / "segmentation").glob("*.nii.gz"))
    }
    assert len(drawn) == 5
    return drawn, read_volume(folder / "fusion" / "mav.nii.gz").voxels.astype(np.uint8)


@pytest.mark.data
def test_the_majority_is_the_published_fusion_of_five_label_maps(
    tumour: tuple[dict[str, Labels], Labels],
) -> None:
    """In every voxel, the 152 included where all five see tumour and no kind has a majority."""
    drawn, published = tumour
    np.testing.assert_array_equal(majority(list(drawn.values())), published)
    undecided = np.logical_and.reduce([mask > 0 for mask in drawn.values()]) & (published == 0)
    assert undecided.sum() == 152


@pytest.mark.data
def test_staple_of_real_label_maps_is_near_their_majority(
    tumour: tuple[dict[str, Labels], Labels],
) -> None:
    drawn, published = tumour
    found = staple(list(drawn.values()), [1, 2, 4])
    for label in (1, 2):
        one, other = found == label, published == label
        assert 2 * (one & other).sum() / (one.sum() + other.sum()) > 0.9


@pytest.mark.data
def test_the_others_of_five_are_four_of_whom_three_decide(
    tumour: tuple[dict[str, Labels], Labels],
) -> None:
    drawn, published = tumour
    box = tuple(slice(int(hit.min()), int(hit.max()) + 1) for hit in np.nonzero(published))
    drawn = {reader: mask[box] for reader, mask in drawn.items()}
    found = leave_one_out(drawn, Recipe.MAJORITY)
    assert list(found) == list(drawn)
    for reader, (reference,) in found.items():
        for label in (1, 2, 4):
            votes = sum(
                (mask == label).astype(int) for name, mask in drawn.items() if name != reader
            )
            np.testing.assert_array_equal(reference == label, votes >= 3)
