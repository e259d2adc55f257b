"""What must hold of every metric, whatever the masks: turned, moved, scaled, cropped, failed."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.aggregate import clip_to_worst
from evaluation.geometry import Geometry
from evaluation.metrics import Direction, Metric
from evaluation.scoring import MetricValue
from evaluation.spec import Choice, EvaluationSpec
from tests.evaluation.grids import EVERY_METRIC, QUICK, Labels, grid, mask, pairs, score

Case = tuple[Labels, Labels, Geometry]
Values = dict[str, float | None]

MM = ["hd", "hd95", "hd95_pooled", "assd", "dmax_error_mm"]
ML = ["mtv_ml", "mtv_error_ml", "mtv_abs_error_ml", "fpv_ml", "fnv_ml"]
SAME_SCALE_FREE = [
    "dice", "jaccard", "sensitivity", "ppv", "petseg_score", "mtv_sym_error", "lesion_f1",
    "lesion_sensitivity", "lesion_ppv", "lesion_fp_count", "matched_dice", "panoptic_quality",
    "case_sensitivity", "case_specificity", "correct_negative",
]  # fmt: skip
SYMMETRIC = [
    "dice", "jaccard", "petseg_score", "hd", "hd95", "hd95_pooled", "assd", "nsd",
    "mtv_abs_error_ml", "lesion_f1", "matched_dice", "panoptic_quality",
]  # fmt: skip
MIRRORED = {"sensitivity": "ppv", "fpv_ml": "fnv_ml", "lesion_sensitivity": "lesion_ppv"}
SIGNED = ["mtv_error_ml", "mtv_sym_error", "dmax_error_mm"]


def values(
    reference: Labels,
    prediction: Labels | None,
    geometry: Geometry,
    spec: EvaluationSpec = EVERY_METRIC,
) -> Values:
    scored = score(reference, prediction, geometry, spec)
    return {metric: labels["lesion"].value for metric, labels in scored.metrics.items()}


def about(expected: Values) -> dict[str, Any]:
    return {
        name: None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)
        for name, value in expected.items()
    }


def test_every_metric_stands_in_one_of_these_lists() -> None:
    """So that a new one is not left out."""
    known = {*MM, *ML, *SAME_SCALE_FREE, "nsd", "mtv_rel_error"}
    assert known == {metric.id for metric in EVERY_METRIC.shown}


@QUICK
@given(pairs(drawn=True))
def test_the_roles_of_both_masks_can_be_swapped(case: Case) -> None:
    reference, prediction, geometry = case
    found, swapped = values(*case), values(prediction, reference, geometry)
    for name in SYMMETRIC:
        assert swapped[name] == pytest.approx(found[name], rel=1e-12), name
    for name, other in MIRRORED.items():
        assert (swapped[name], swapped[other]) == (found[other], found[name])
    for name in SIGNED:
        assert swapped[name] == pytest.approx(-(found[name] or 0.0), abs=1e-9), name


@QUICK
@given(pairs(drawn=True))
def test_nothing_is_better_than_the_reference_itself(case: Case) -> None:
    reference, _, geometry = case
    best, found = values(reference, reference, geometry), values(*case)
    for metric in EVERY_METRIC.shown:
        one, other = best[metric.id], found[metric.id]
        if metric.direction is Direction.HIGHER:
            assert (one is None) == (other is None)
            if one is not None and other is not None:
                assert (one, other <= 1.0) == (1.0, True), metric.id
        elif metric.direction in (Direction.LOWER, Direction.TOWARDS_ZERO) and one is not None:
            assert one == 0.0, metric.id
            assert metric.direction is Direction.TOWARDS_ZERO or (other or 0.0) >= 0.0


@QUICK
@given(pairs(), st.tuples(*[st.integers(0, 3)] * 3), st.tuples(*[st.integers(0, 3)] * 3))
def test_background_around_both_masks_changes_nothing(
    case: Case, before: tuple[int, int, int], after: tuple[int, int, int]
) -> None:
    """Moved within a larger image; all but what a missing result costs, which is its diagonal."""
    reference, prediction, geometry = case
    wide = [np.pad(one, list(zip(before, after, strict=True))) for one in case[:2]]
    z, y, x = wide[0].shape
    found = values(wide[0], wide[1], grid((z, y, x), geometry.spacing))
    expected = values(*case)
    if reference.any() and not prediction.any():
        for name in ("hd", "hd95", "hd95_pooled", "assd"):
            assert found.pop(name) == pytest.approx(grid((z, y, x), geometry.spacing).diagonal_mm)
            expected.pop(name)
    assert found == about(expected)


@QUICK
@given(pairs(), st.tuples(*[st.floats(-500, 500)] * 3))
def test_where_the_patient_lies_changes_nothing(
    case: Case, origin: tuple[float, float, float]
) -> None:
    reference, prediction, geometry = case
    assert values(reference, prediction, replace(geometry, origin=origin)) == values(*case)


@QUICK
@given(pairs(), st.sets(st.integers(0, 2)))
def test_turning_the_array_end_for_end_changes_nothing(case: Case, axes: set[int]) -> None:
    reference, prediction, geometry = case
    turned = [np.flip(one, tuple(axes)) for one in (reference, prediction)]
    assert values(turned[0], turned[1], geometry) == about(values(*case))


@QUICK
@given(pairs(), st.permutations([0, 1, 2]))
def test_the_order_of_the_axes_changes_nothing(case: Case, order: list[int]) -> None:
    """Their spacings go with them."""
    reference, prediction, geometry = case
    turned = [np.ascontiguousarray(one.transpose(order)) for one in (reference, prediction)]
    z, y, x = turned[0].shape
    edges = [geometry.spacing[::-1][axis] for axis in order]
    moved = grid((z, y, x), (edges[2], edges[1], edges[0]))
    assert values(turned[0], turned[1], moved) == about(values(*case))


@QUICK
@given(pairs(drawn=True), st.sampled_from([0.5, 2.0, 3.7]))
def test_a_patient_twice_as_large_has_twice_the_mm_and_eight_times_the_ml(
    case: Case, factor: float
) -> None:
    reference, prediction, geometry = case
    x, y, z = geometry.spacing
    larger = replace(geometry, spacing=(x * factor, y * factor, z * factor))
    spec = EvaluationSpec(metrics=[*MM, *ML, *SAME_SCALE_FREE])
    expected = values(reference, prediction, geometry, spec)
    for names, power in ((MM, 1), (ML, 3)):
        for name in names:
            expected[name] = (expected[name] or 0.0) * factor**power
    assert values(reference, prediction, larger, spec) == about(expected)
    near = EvaluationSpec(metrics=[{"nsd": {"tolerance_mm": 2.0}}])
    far = EvaluationSpec(metrics=[{"nsd": {"tolerance_mm": 2.0 * factor}}])
    assert values(reference, prediction, larger, far) == values(*case, near)


@QUICK
@given(pairs(drawn=True), st.tuples(*[st.floats(-3, 3)] * 3))
def test_an_oblique_image_has_the_numbers_of_a_straight_one(
    case: Case, angles: tuple[float, float, float]
) -> None:
    reference, prediction, geometry = case
    oblique = replace(geometry, direction=turn(*angles))
    assert values(reference, prediction, oblique) == about(values(*case))


def turn(a: float, b: float, c: float) -> tuple[float, ...]:
    """A rotation by three angles, radians, as a row-major 3×3."""
    about_z = np.array(
        [[math.cos(a), -math.sin(a), 0.0], [math.sin(a), math.cos(a), 0.0], [0, 0, 1]]
    )
    about_y = np.array(
        [[math.cos(b), 0.0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0.0, math.cos(b)]]
    )
    about_x = np.array([[1, 0, 0], [0, math.cos(c), -math.sin(c)], [0, math.sin(c), math.cos(c)]])
    matrix: NDArray[np.float64] = about_z @ about_y @ about_x
    return tuple(matrix.ravel().tolist())


@QUICK
@given(pairs(drawn=True))
def test_metrics_of_one_kind_stand_in_their_known_order(case: Case) -> None:
    found = {name: value or 0.0 for name, value in values(*case).items()}
    dice = found["dice"]
    assert found["jaccard"] == pytest.approx(dice / (2 - dice))
    low, high = sorted((found["sensitivity"], found["ppv"]))
    assert low - 1e-12 <= dice <= found["petseg_score"] + 1e-12 <= high + 2e-12
    assert found["hd95"] <= found["hd"]
    assert found["hd95_pooled"] <= found["hd"]
    assert found["assd"] <= found["hd"] + 1e-12
    assert found["hd"] < case[2].diagonal_mm
    assert found["panoptic_quality"] <= found["lesion_f1"] + 1e-12
    low, high = sorted((found["lesion_sensitivity"], found["lesion_ppv"]))
    assert low - 1e-12 <= found["lesion_f1"] <= high + 1e-12
    assert found["fpv_ml"] <= found["mtv_ml"] + 1e-12
    assert abs(found["mtv_error_ml"]) == found["mtv_abs_error_ml"]


@QUICK
@given(pairs(drawn=True))
def test_a_larger_tolerance_never_lowers_nsd(case: Case) -> None:
    found = []
    for tolerance in (0.0, 0.5, 1.0, 2.0, 4.07283, 10.0, 100.0):
        spec = EvaluationSpec(metrics=[{"nsd": {"tolerance_mm": tolerance}}])
        found.append(values(*case, spec)["nsd"] or 0.0)
    assert found == sorted(found)
    assert found[-1] == 1.0


@pytest.mark.parametrize("edge", [0.1, 1.4, 2.7, 4.07283])
@pytest.mark.parametrize("voxels", [1, 3, 5])
def test_a_distance_of_exactly_the_tolerance_is_within_it(edge: float, voxels: int) -> None:
    """However the product was rounded: a line away by whole voxels."""
    shape = (9, 9, 9)
    spec = EvaluationSpec(metrics=[{"nsd": {"tolerance_mm": voxels * edge}}])
    below = EvaluationSpec(metrics=[{"nsd": {"tolerance_mm": voxels * edge - 1e-5}}])
    for axis in range(3):
        far = [0, 0, 0]
        far[axis] = voxels
        masks = mask(shape, (0, 0, 0)), mask(shape, (far[0], far[1], far[2]))
        geometry = grid(shape, (edge, edge, edge))
        assert values(*masks, geometry, spec)["nsd"] == 1.0
        assert values(*masks, geometry, below)["nsd"] == 0.0


def no_better(metric: Metric, failed: float | None, answered: MetricValue) -> bool:
    """Whether a failure counts for no more than an answer, clipped as for a ranking."""
    counted = clip_to_worst(metric, answered.value, answered.worst)
    if counted is None or failed is None:
        return counted is failed
    return failed <= counted if metric.direction is Direction.HIGHER else failed >= counted


@QUICK
@given(
    pairs(),
    st.sampled_from([1e-6, 1.0, 1000.0]),
    st.sampled_from([1, 100]),
    st.sampled_from([0.1, 0.5]),
)
def test_failing_never_counts_for_more_than_any_answer(
    case: Case, failure_volume: float, failure_lesions: int, least: float
) -> None:
    ranked: list[Choice] = [
        {metric.id: {"min_iou": least}} if "min_iou" in metric.settings else metric.id
        for metric in EVERY_METRIC.shown
        if metric.rankable
    ]
    spec = EvaluationSpec(
        metrics=ranked, failure_volume_ml=failure_volume, failure_lesions=failure_lesions
    )
    reference, _, geometry = case
    scored = score(*case, spec).metrics
    failed = values(reference, None, geometry, spec)
    for metric in spec.shown:
        cell = scored[metric.id]["lesion"]
        assert cell.worst == failed[metric.id], metric.id
        assert no_better(metric, failed[metric.id], cell), metric.id


@QUICK
@given(pairs(), st.sampled_from([1e-6, 1000.0]))
def test_failing_never_counts_for_more_than_an_empty_mask(
    case: Case, failure_volume: float
) -> None:
    """Without clipping: so the failure value itself is declared well."""
    reference, _, geometry = case
    spec = EvaluationSpec(
        metrics=[metric.id for metric in EVERY_METRIC.shown if metric.rankable],
        failure_volume_ml=failure_volume,
    )
    failed = values(reference, None, geometry, spec)
    empty = values(reference, np.zeros_like(reference), geometry, spec)
    for metric in spec.shown:
        one, other = failed[metric.id], empty[metric.id]
        assert (one is None) == (other is None), metric.id
        if one is not None and other is not None:
            worse = one <= other if metric.direction is Direction.HIGHER else one >= other
            assert worse, metric.id


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 6), (5, 1, 6), (5, 6, 1), (1, 1, 6)])
def test_an_image_of_one_slice_or_one_voxel_is_scored(shape: tuple[int, int, int]) -> None:
    full = np.ones(shape, np.uint8)
    found = values(full, full, grid(shape, (2.0, 3.0, 5.0)))
    assert found["dice"] == found["lesion_f1"] == found["nsd"] == 1.0
    assert found["hd"] == 0.0
    one = mask(shape, (0, 0, 0))
    found = values(full, one, grid(shape, (2.0, 3.0, 5.0)))
    far = math.hypot(*[(n - 1) * s for n, s in zip(shape, (5.0, 3.0, 2.0), strict=True)])
    assert found["hd"] == pytest.approx(far)
    assert found["sensitivity"] == pytest.approx(1 / full.size)


def test_a_mask_that_fills_the_image_has_its_edge_as_border() -> None:
    """Against one a voxel smaller all round, every border voxel lies 1, √2 or √3 away at most."""
    full = np.ones((7, 7, 7), np.uint8)
    inner = np.zeros((7, 7, 7), np.uint8)
    inner[1:-1, 1:-1, 1:-1] = 1
    found = values(full, inner, grid((7, 7, 7)))
    assert found["hd"] == pytest.approx(math.sqrt(3))
    wide = [np.pad(one, 4) for one in (full, inner)]
    padded = values(wide[0], wide[1], grid((15, 15, 15)))
    assert padded == about(found)


def test_pooling_can_make_the_percentile_of_tiny_borders_larger() -> None:
    """D_RP = D_PR = {0, 5}: each has the percentile 4.75, and {0, 0, 5, 5} has 5."""
    reference, prediction = mask((1, 1, 11), (0, 0, 0), (0, 0, 5)), mask((1, 1, 11), (0, 0, 5))
    prediction[0, 0, 10] = 1
    found = values(reference, prediction, grid((1, 1, 11)))
    assert found["hd95"] == pytest.approx(4.75)
    assert found["hd95_pooled"] == 5.0
