"""Missed and false lesions are those that the scorer counts."""

import numpy as np
import pytest
from hypothesis import given

from evaluation.marked import DEFAULT_MIN_IOU, FALSE, MISSED, least_iou, marked
from evaluation.masks import DrawnMask
from evaluation.metrics import REGISTRY
from evaluation.pair import Pair
from evaluation.spec import EvaluationSpec
from tests.evaluation.grids import QUICK, grid, mask, pairs

SHAPE = (1, 3, 8)


def marks(reference, prediction, *, labels=(1,), min_iou=0.1):
    geometry = grid(reference.shape)
    drawn = None if prediction is None else DrawnMask.from_array(prediction, geometry)
    return marked(DrawnMask.from_array(reference, geometry), drawn, labels, min_iou)


def test_a_lesion_that_is_found_has_no_mark_and_the_others_have_theirs():
    reference = mask(SHAPE, (0, 0, 0), (0, 0, 1), (0, 2, 4))
    prediction = mask(SHAPE, (0, 0, 1), (0, 0, 7))
    found = marks(reference, prediction)
    expected = np.zeros(SHAPE, np.uint8)
    expected[0, 2, 4], expected[0, 0, 7] = MISSED, FALSE
    np.testing.assert_array_equal(found, expected)


def test_lesions_that_overlap_too_little_are_both_missed_and_false():
    """One voxel of five in common: IoU 0.2."""
    reference = mask(SHAPE, *[(0, 0, x) for x in range(3)])
    prediction = mask(SHAPE, *[(0, 0, x) for x in range(2, 5)])
    assert not marks(reference, prediction, min_iou=0.2).any()
    found = marks(reference, prediction, min_iou=0.21)
    assert found[0, 0].tolist() == [1, 1, 3, 2, 2, 0, 0, 0]


def test_without_a_result_every_lesion_is_missed():
    reference = mask(SHAPE, (0, 0, 0), (0, 2, 4))
    np.testing.assert_array_equal(marks(reference, None), reference * MISSED)


def test_nothing_drawn_twice_has_no_mark():
    assert not marks(mask(SHAPE), mask(SHAPE)).any()


def test_each_label_is_judged_apart():
    """A node drawn as a primary is a missed node and a false primary."""
    reference, prediction = mask(SHAPE, (0, 0, 0)) * np.uint8(2), mask(SHAPE, (0, 0, 0))
    assert marks(reference, prediction, labels=(1, 2))[0, 0, 0] == MISSED | FALSE
    assert marks(reference, prediction, labels=(1,))[0, 0, 0] == FALSE


@given(pairs())
@QUICK
def test_as_many_lesions_are_marked_as_the_scorer_counts(made):
    reference, prediction, geometry = made
    pair = Pair.of_arrays(reference > 0, prediction > 0, geometry)
    found = marks(reference, prediction)
    matching = pair.matching(0.1)
    for bit, drawn, expected in (
        (MISSED, reference, matching.false_negatives),
        (FALSE, prediction, matching.false_positives),
    ):
        chosen = (found & bit) > 0
        assert not (chosen & (drawn == 0)).any()
        alone = Pair.of_arrays(chosen, chosen, geometry)
        assert alone.reference.lesions.count == expected


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        (["dice", {"lesion_f1": {"min_iou": 0.5}}], 0.5),
        ([{"lesion_f1_agg": {"min_iou": 0.3}}, "dice"], 0.3),
        (["dice"], DEFAULT_MIN_IOU),
    ],
)
def test_a_lesion_counts_as_found_at_the_iou_that_the_challenge_names(metrics, expected):
    assert least_iou(EvaluationSpec(metrics=metrics)) == expected


def test_the_default_is_that_of_the_catalogue():
    assert REGISTRY["lesion_f1"].settings["min_iou"] == DEFAULT_MIN_IOU
