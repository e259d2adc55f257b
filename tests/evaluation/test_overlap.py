"""Dice: what two masks have in common."""

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st

from evaluation.geometry import Geometry
from evaluation.oracle import medpy_dice
from evaluation.spec import EvaluationSpec
from tests.evaluation.grids import QUICK, Labels, grid, mask, measured, pairs, score

SHAPE = (2, 2, 2)


def test_dice_of_one_common_voxel_of_one_and_two() -> None:
    reference = mask(SHAPE, (0, 0, 0))
    prediction = mask(SHAPE, (0, 0, 0), (0, 0, 1))
    assert measured("dice", reference, prediction) == pytest.approx(2 / 3)


def test_dice_of_equal_masks_is_one() -> None:
    reference = mask(SHAPE, (0, 0, 0), (1, 1, 1))
    assert measured("dice", reference, reference) == 1.0


def test_dice_of_masks_with_nothing_in_common_is_zero() -> None:
    assert measured("dice", mask(SHAPE, (0, 0, 0)), mask(SHAPE, (1, 1, 1))) == 0.0


def test_dice_does_not_depend_on_the_spacing() -> None:
    reference = mask(SHAPE, (0, 0, 0), (0, 1, 0))
    prediction = mask(SHAPE, (0, 0, 0), (1, 0, 0))
    stretched = grid(SHAPE, (0.5, 3.0, 9.0))
    assert measured("dice", reference, prediction, stretched) == 0.5


def test_each_label_is_scored_by_itself() -> None:
    spec = EvaluationSpec(labels={"primary": 1, "node": 2}, metrics=["dice"])
    reference = np.array([[[1, 1, 2, 0]]], np.uint8)
    prediction = np.array([[[1, 2, 2, 0]]], np.uint8)
    dice = score(reference, prediction, spec=spec).metrics["dice"]
    assert dice["primary"].value == pytest.approx(2 / 3)
    assert dice["node"].value == pytest.approx(2 / 3)


def test_voxels_of_another_label_do_not_count() -> None:
    spec = EvaluationSpec(labels={"primary": 1, "node": 2}, metrics=["dice", "correct_negative"])
    reference = np.array([[[1, 0]]], np.uint8)
    prediction = np.array([[[2, 0]]], np.uint8)
    scored = score(reference, prediction, spec=spec).metrics
    assert scored["dice"]["primary"].value == 0.0
    assert scored["dice"]["node"].value is None
    assert scored["correct_negative"]["node"].value == 0.0


@QUICK
@given(pairs(drawn=True))
def test_dice_is_that_of_medpy_and_of_simpleitk(case: tuple[Labels, Labels, Geometry]) -> None:
    reference, prediction, geometry = case
    dice = measured("dice", reference, prediction, geometry)
    assert dice == pytest.approx(medpy_dice(prediction > 0, reference > 0))
    measures = SimpleITK.LabelOverlapMeasuresImageFilter()
    measures.Execute(
        SimpleITK.GetImageFromArray(reference), SimpleITK.GetImageFromArray(prediction)
    )
    assert dice == pytest.approx(measures.GetDiceCoefficient())


@QUICK
@given(pairs(drawn=True), st.permutations([0, 1, 2]))
def test_dice_is_symmetric_and_blind_to_the_order_of_axes(
    case: tuple[Labels, Labels, Geometry], order: list[int]
) -> None:
    reference, prediction, geometry = case
    dice = measured("dice", reference, prediction, geometry)
    assert 0.0 <= dice <= 1.0
    assert measured("dice", prediction, reference, geometry) == dice
    assert measured("dice", reference.transpose(order), prediction.transpose(order)) == dice
