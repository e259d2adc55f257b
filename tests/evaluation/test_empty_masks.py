"""The whole table of empty masks and missing results, and what published scorers got wrong in it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.aggregate import clip_to_worst, summarise
from evaluation.empties import TABLE, Family, Rule, Situation, settle, situation
from evaluation.errors import EvaluationError
from evaluation.geometry import Geometry
from evaluation.metrics import REGISTRY, Direction
from evaluation.metrics import volume as volumes
from evaluation.pair import PetRegion
from evaluation.spec import EvaluationSpec
from tests.evaluation.grids import EVERY_METRIC, QUICK, Labels, grid, mask, pairs, score

SHAPE = (3, 4, 5)
GRID = grid(SHAPE, (10.0, 20.0, 30.0))  # a voxel is 6 ml
DIAGONAL = (50.0**2 + 80.0**2 + 90.0**2) ** 0.5
EMPTY, DRAWN = mask(SHAPE), mask(SHAPE, (0, 0, 0), (0, 0, 1))
NA = None

OVERLAPS = (
    "dice jaccard sensitivity ppv petseg_score nsd lesion_f1 lesion_sensitivity lesion_ppv "
    "matched_dice panoptic_quality case_sensitivity"
).split()
DISTANCES = "hd hd95 hd95_pooled assd".split()
FEATURES = "dmax_error_mm tlg_error_g suv_max_error suv_mean_error suv_peak_error".split()
PET = PetRegion.whole(np.full(SHAPE, 3.0, np.float32))
"""SUV 3 everywhere: TLG of what is drawn is 36 g."""


def row(
    overlap: float | None,
    distance: float | None,
    lesion_free: float | None,
    features: tuple[float | None, ...] = (NA,) * 5,
    **volumes: float | None,
) -> dict[str, float | None]:
    """What the table says of every metric; volumes and lesion_fp_count are given by name."""
    return {
        **dict.fromkeys(OVERLAPS, overlap),
        **dict.fromkeys(DISTANCES, distance),
        **dict(zip(FEATURES, features, strict=True)),
        "case_specificity": lesion_free,
        "correct_negative": lesion_free,
        **volumes,
    }


WHOLE_TABLE: dict[str, tuple[Labels, Labels | None, dict[str, float | None]]] = {
    "both empty": (
        EMPTY, EMPTY,
        row(NA, NA, 1, mtv_ml=0, mtv_error_ml=0, mtv_abs_error_ml=0, mtv_rel_error=NA,
            mtv_sym_error=0, fpv_ml=0, fnv_ml=0, lesion_fp_count=0),
    ),
    "only the reference is empty": (
        EMPTY, DRAWN,
        row(NA, NA, 0, mtv_ml=12, mtv_error_ml=12, mtv_abs_error_ml=12, mtv_rel_error=NA,
            mtv_sym_error=200, fpv_ml=12, fnv_ml=0, lesion_fp_count=1),
    ),
    "only the prediction is empty": (
        DRAWN, EMPTY,
        row(0, DIAGONAL, NA, (0, -36, -3, -3, -3), mtv_ml=0, mtv_error_ml=-12,
            mtv_abs_error_ml=12, mtv_rel_error=-100, mtv_sym_error=-200, fpv_ml=0, fnv_ml=12,
            lesion_fp_count=0),
    ),
    "no result, and a lesion": (
        DRAWN, None,
        row(0, DIAGONAL, NA, (0, -36, -3, -3, -3), mtv_ml=NA, mtv_error_ml=NA,
            mtv_abs_error_ml=1000, mtv_rel_error=NA, mtv_sym_error=200, fpv_ml=1000, fnv_ml=1000,
            lesion_fp_count=100),
    ),
    "no result, and no lesion": (
        EMPTY, None,
        row(NA, NA, 0, mtv_ml=NA, mtv_error_ml=NA, mtv_abs_error_ml=1000, mtv_rel_error=NA,
            mtv_sym_error=200, fpv_ml=1000, fnv_ml=1000, lesion_fp_count=100),
    ),
    "both drawn": (
        DRAWN, DRAWN,
        row(1, 0, NA, (0, 0, 0, 0, 0), mtv_ml=12, mtv_error_ml=0, mtv_abs_error_ml=0,
            mtv_rel_error=0, mtv_sym_error=0, fpv_ml=0, fnv_ml=0, lesion_fp_count=0),
    ),
}  # fmt: skip


def values(
    reference: Labels,
    prediction: Labels | None,
    geometry: Geometry = GRID,
    spec: EvaluationSpec = EVERY_METRIC,
) -> dict[str, float | None]:
    scored = score(reference, prediction, geometry, spec)
    return {metric: labels["lesion"].value for metric, labels in scored.metrics.items()}


@pytest.mark.parametrize("case", WHOLE_TABLE)
def test_the_table(case: str) -> None:
    reference, prediction, expected = WHOLE_TABLE[case]
    scored = score(reference, prediction, GRID, EvaluationSpec(metrics=list(REGISTRY)), PET)
    found = {metric: labels["lesion"].value for metric, labels in scored.metrics.items()}
    assert found == {
        metric: None if number is None else pytest.approx(number)
        for metric, number in expected.items()
    }


def test_the_table_speaks_of_every_metric() -> None:
    for _, _, expected in WHOLE_TABLE.values():
        assert set(expected) == set(REGISTRY)


def test_every_family_has_a_rule_for_every_situation() -> None:
    assert set(TABLE) == set(Family)
    for rules in TABLE.values():
        assert set(rules) == set(Situation)


def test_every_metric_that_ranks_declares_what_a_failure_costs() -> None:
    """In each case to which it applies, with a lesion or without."""
    for metric in REGISTRY.values():
        rules = TABLE[metric.family]
        for ends, failed in (
            ((Situation.PREDICTION_EMPTY, Situation.BOTH_DRAWN), Situation.NO_RESULT),
            (
                (Situation.BOTH_EMPTY, Situation.REFERENCE_EMPTY),
                Situation.NO_RESULT_REFERENCE_EMPTY,
            ),
        ):
            applies = any(rules[end] is not Rule.NULL for end in ends)
            if metric.rankable and applies:
                assert rules[failed] not in (Rule.NULL, Rule.MEASURE), metric.id


def test_a_failure_is_never_measured() -> None:
    for rules in TABLE.values():
        assert rules[Situation.NO_RESULT] is not Rule.MEASURE
        assert rules[Situation.NO_RESULT_REFERENCE_EMPTY] is not Rule.MEASURE


@pytest.mark.parametrize("metric", ["hd", "hd95", "assd"])
def test_an_empty_prediction_never_gets_the_best_distance(metric: str) -> None:
    """A published scorer gives HD95 = 0 to an empty prediction: the best value there is."""
    assert values(DRAWN, EMPTY)[metric] == pytest.approx(DIAGONAL)


def test_a_failed_case_is_in_the_mean() -> None:
    """A published scorer skips it silently, so failing where one is weak pays."""
    dice = [values(DRAWN, DRAWN)["dice"], values(DRAWN, None)["dice"]]
    summary = summarise(dice)
    assert (summary.count, summary.mean) == (2, 0.5)


def test_no_situation_gives_a_number_that_is_not_finite() -> None:
    """A published scorer's NaN removes the whole entry from the ranking."""
    for reference, prediction, _ in WHOLE_TABLE.values():
        scored = score(reference, prediction, GRID).to_json()
        for labels in scored["metrics"].values():
            for number in labels["lesion"].values():
                assert number is None or abs(number) < float("inf")


def test_a_failure_costs_at_least_the_volume_of_the_reference() -> None:
    cheap = EvaluationSpec(metrics=["mtv_abs_error_ml"], failure_volume_ml=5.0)
    assert values(DRAWN, None, spec=cheap)["mtv_abs_error_ml"] == pytest.approx(12)
    assert values(EMPTY, None, spec=cheap)["mtv_abs_error_ml"] == 5


def test_a_relative_error_is_null_below_one_ml_of_reference() -> None:
    small = grid(SHAPE, (10.0, 10.0, 4.999))  # two voxels are 0.9998 ml
    large = grid(SHAPE, (10.0, 10.0, 5.001))
    assert values(DRAWN, EMPTY, small)["mtv_rel_error"] is None
    assert values(DRAWN, EMPTY, large)["mtv_rel_error"] == pytest.approx(-100)


def test_volumes_are_signed_absolute_and_relative() -> None:
    three = mask(SHAPE, (0, 0, 0), (0, 0, 1), (2, 3, 4))
    found = values(DRAWN, three)
    assert found["mtv_error_ml"] == pytest.approx(6)
    assert found["mtv_rel_error"] == pytest.approx(50)
    assert values(three, DRAWN)["mtv_error_ml"] == pytest.approx(-6)
    assert values(three, DRAWN)["mtv_abs_error_ml"] == pytest.approx(6)
    assert values(three, DRAWN)["mtv_rel_error"] == pytest.approx(-100 / 3)


def test_correct_negative_is_asked_only_of_lesion_free_cases() -> None:
    for reference, prediction, _ in WHOLE_TABLE.values():
        asked = values(reference, prediction)["correct_negative"] is not None
        assert asked == (not reference.any())


def test_the_worst_value_stands_beside_each_measured_one() -> None:
    scored = score(DRAWN, DRAWN, GRID).metrics
    assert scored["dice"]["lesion"].worst == 0
    assert scored["hd95"]["lesion"].worst == pytest.approx(DIAGONAL)
    assert scored["mtv_abs_error_ml"]["lesion"].worst == 1000


def test_a_measured_value_worse_than_failing_counts_as_failing() -> None:
    assert clip_to_worst(REGISTRY["mtv_abs_error_ml"], 4000.0, 1000.0) == 1000.0
    assert clip_to_worst(REGISTRY["mtv_abs_error_ml"], 400.0, 1000.0) == 400.0
    assert clip_to_worst(REGISTRY["dice"], 0.3, 0.0) == 0.3
    assert clip_to_worst(REGISTRY["mtv_error_ml"], -4000.0, None) == -4000.0
    assert clip_to_worst(REGISTRY["dice"], None, 0.0) is None


def test_the_prediction_has_no_volume_where_there_is_none() -> None:
    assert score(DRAWN, None, GRID).prediction_ml == {"lesion": None}
    assert score(DRAWN, EMPTY, GRID).prediction_ml == {"lesion": 0.0}
    assert score(EMPTY, None, GRID).reference_ml == {"lesion": 0.0}


def test_the_situation_follows_from_two_counts() -> None:
    assert situation(0, 0) is Situation.BOTH_EMPTY
    assert situation(0, 3) is Situation.REFERENCE_EMPTY
    assert situation(3, 0) is Situation.PREDICTION_EMPTY
    assert situation(3, 3) is Situation.BOTH_DRAWN
    assert situation(3, None) is Situation.NO_RESULT
    assert situation(0, None) is Situation.NO_RESULT_REFERENCE_EMPTY


def test_a_measured_rule_has_no_fixed_value() -> None:
    with pytest.raises(EvaluationError):
        settle(Rule.MEASURE, diagonal_mm=1, reference_ml=1, failure_volume_ml=1, failure_lesions=1)


def test_masks_of_another_shape_than_the_grid_are_refused() -> None:
    with pytest.raises(EvaluationError, match="mask has shape") as refused:
        score(EMPTY, mask((3, 4, 6)), GRID)
    assert refused.value.code == "wrong_shape"


def test_a_metric_that_gives_nan_is_a_defect_and_never_a_score(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = replace(REGISTRY["dice"], measure=lambda _: float("nan"))
    monkeypatch.setitem(REGISTRY, "dice", broken)
    with pytest.raises(EvaluationError, match="defect of the scorer"):
        values(DRAWN, DRAWN, spec=EvaluationSpec(metrics=["dice"]))


@QUICK
@given(pairs(), st.booleans())
def test_what_applies_depends_on_the_reference_alone(
    case: tuple[Labels, Labels, Geometry], failed: bool
) -> None:
    """Of the metrics that rank: whatever is submitted, the same cells are null."""
    reference, prediction, geometry = case
    ranked = [metric.id for metric in EVERY_METRIC.shown if metric.rankable]
    found = values(reference, None if failed else prediction, geometry)
    other = values(reference, reference, geometry)
    assert [found[name] is None for name in ranked] == [other[name] is None for name in ranked]


@QUICK
@given(pairs())
def test_no_answer_is_worse_than_none(case: tuple[Labels, Labels, Geometry]) -> None:
    """Clipped as for ranking, a value is never worse than that of a missing result."""
    reference, prediction, geometry = case
    scored = score(reference, prediction, geometry).metrics
    failed = score(reference, None, geometry).metrics
    for metric in REGISTRY.values():
        if not metric.rankable:
            continue
        cell, worst = scored[metric.id]["lesion"], failed[metric.id]["lesion"].value
        assert cell.worst == worst
        counted = clip_to_worst(metric, cell.value, cell.worst)
        if counted is None or worst is None:
            assert counted is worst
        elif metric.direction is Direction.HIGHER:
            assert counted >= worst
        else:
            assert counted <= worst


def test_the_floor_of_relative_errors_is_the_one_on_the_page() -> None:
    assert volumes.RELATIVE_FLOOR_ML == 1.0
    assert "1 ml" in REGISTRY["mtv_rel_error"].definition
