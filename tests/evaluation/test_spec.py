"""How a challenge says what is scored and ranked: strictly, and with words that help."""

from typing import Any

import pytest
from pydantic import ValidationError

from evaluation.metrics import COHORT, REGISTRY
from evaluation.spec import EvaluationSpec


def refused(**keys: Any) -> str:
    with pytest.raises(ValidationError) as error:
        EvaluationSpec.model_validate(keys)
    return str(error.value)


def test_the_default_ranks_overlap_border_lesions_and_volume() -> None:
    spec = EvaluationSpec()
    assert spec.labels == {"lesion": 1}
    assert [metric.id for metric in spec.ranked] == [
        "dice",
        "nsd",
        "lesion_f1",
        "mtv_abs_error_ml",
    ]
    assert {"case_sensitivity", "case_specificity"} < {metric.id for metric in spec.shown}


def test_a_misspelt_metric_is_answered_with_the_nearest() -> None:
    assert "unknown metric “dicee” (did you mean dice" in refused(metrics=["dicee"])


def test_a_metric_like_no_other_is_answered_with_all() -> None:
    assert f"known: {', '.join([*REGISTRY, *COHORT])}" in refused(metrics=["zzz"])


def test_every_wrong_metric_is_told_at_once() -> None:
    text = refused(metrics=["dicee", "hd59"])
    assert "dicee" in text
    assert "hd59" in text


def test_a_metric_twice_and_none_at_all_are_refused() -> None:
    assert "named twice" in refused(metrics=["dice", "dice"])
    assert "at least 1" in refused(metrics=[])


def test_unknown_keys_and_wrong_types_are_refused() -> None:
    assert "metrcs" in refused(metrcs=["dice"])
    assert "1 is no metric" in refused(metrics=[1])
    assert "valid number" in refused(failure_volume_ml="1000")


@pytest.mark.parametrize("volume", [0, -1, float("nan"), float("inf"), 1e300])
def test_a_failure_costs_a_volume_that_can_be_ranked(volume: float) -> None:
    assert "failure_volume_ml" in refused(failure_volume_ml=volume)


def test_labels_have_names_and_different_values_from_1_to_255() -> None:
    assert "at least one label" in refused(labels={})
    assert "same value" in refused(labels={"primary": 1, "node": 1})
    assert "greater than or equal to 1" in refused(labels={"lesion": 0})
    assert "less than or equal to 255" in refused(labels={"lesion": 256})
    assert "pattern" in refused(labels={"A Lesion": 1})


def test_a_signed_mean_is_never_ranked() -> None:
    text = refused(metrics=["dice", "mtv_error_ml"], ranking={"metrics": ["mtv_error_ml"]})
    assert "signed or descriptive" in text
    spec = EvaluationSpec(metrics=["dice", "mtv_error_ml", "mtv_ml", "mtv_rel_error"])
    assert [metric.id for metric in spec.ranked] == ["dice"]


def test_what_is_ranked_is_scored() -> None:
    assert "not among the challenge's metrics" in refused(
        metrics=["dice"], ranking={"metrics": ["hd95"]}
    )
    assert "none of the metrics can be ranked" in refused(metrics=["mtv_error_ml"])


def test_a_spec_comes_back_from_json() -> None:
    spec = EvaluationSpec(labels={"a": 3}, metrics=["hd", "dice"], failure_volume_ml=5.0)
    assert EvaluationSpec.model_validate(spec.model_dump(mode="json")) == spec


class TestParameters:
    def test_a_metric_is_named_with_its_parameters(self) -> None:
        spec = EvaluationSpec(metrics=["dice", {"nsd": {"tolerance_mm": 6}}])
        dice, nsd = spec.shown
        assert dice is REGISTRY["dice"]
        assert nsd.settings["tolerance_mm"] == 6.0
        assert "6 mm" in nsd.title
        assert "τ = 6 mm" in nsd.definition

    def test_what_is_left_out_is_written_down_so_that_a_new_default_changes_no_challenge(
        self,
    ) -> None:
        spec = EvaluationSpec(metrics=["lesion_f1", {"nsd": None}])
        assert spec.metrics == [
            {"lesion_f1": {"min_iou": 0.1}},
            {"nsd": {"tolerance_mm": 4.0, "below_voxel": False}},
        ]
        assert EvaluationSpec.model_validate(spec.model_dump(mode="json")) == spec

    @pytest.mark.parametrize(
        ("choice", "text"),
        [
            ({"nsd": {"tolerence_mm": 4}}, "did you mean tolerance_mm?"),
            ({"nsd": {"tolerance_mm": "4"}}, "a number from 0 to 100 mm is expected"),
            ({"nsd": {"tolerance_mm": True}}, "a number from 0 to 100 mm is expected"),
            ({"nsd": {"tolerance_mm": -1}}, "a number from 0 to 100 mm is expected"),
            ({"nsd": {"tolerance_mm": float("nan")}}, "a number from 0 to 100 mm is expected"),
            ({"nsd": {"below_voxel": 1}}, "true or false is expected"),
            ({"nsd": 4}, "is no metric; write its id, or id: {parameter: value}"),
            ({"nsd": {}, "dice": {}}, "is no metric"),
            ({"dice": {"tolerance_mm": 4}}, "is no parameter of it; it has none"),
            ({"lesion_f1": {"min_iou": 0}}, "a number from 0.001 to 1 is expected"),
            ("auc", "outcome is missing"),
            ({"auc": {"outcome": 3}}, "the name of a column of cases.csv is expected"),
            ({"c_index": {"event": "e"}}, "time is missing"),
        ],
    )
    def test_what_is_no_parameter_is_refused_with_what_is_expected(
        self, choice: Any, text: str
    ) -> None:
        assert text in refused(metrics=["dice", choice])

    def test_metrics_over_the_cohort_may_rank_where_failures_count(self) -> None:
        spec = EvaluationSpec(metrics=["dice", "dice_agg", "mtv_concordance"])
        assert [metric.id for metric in spec.every_ranked] == ["dice", "dice_agg"]
        text = refused(
            metrics=["mtv_concordance", "dice"], ranking={"metrics": ["mtv_concordance"]}
        )
        assert "cannot be ranked" in text


class TestEmptyMasks:
    def test_a_cell_may_be_replaced(self) -> None:
        cells: Any = {"both_empty": 1, "reference_empty": 0, "no_result_reference_empty": 0}
        spec = EvaluationSpec(metrics=["dice"], empty_masks={"overlap": cells})
        (row,) = spec.policy
        assert row.ids == ("dice",)
        assert row.cells == ("1", "0", "0", "0", "0")

    @pytest.mark.parametrize(
        ("cells", "text"),
        [
            ({"overlaps": {"both_empty": 1}}, "“overlaps” is no kind of metric"),
            ({"overlap": {"both_emty": 1}}, "“both_emty” is no situation"),
            ({"overlap": {"both_drawn": 1}}, "“both_drawn” is no situation"),
            ({"overlap": {"both_empty": 1}}, "depends on the reference alone"),
            ({"overlap": {"prediction_empty": "not_applicable"}}, "depends on the reference alone"),
            ({"overlap": {"no_result": 1}}, "0 is expected, as an answer may be as low"),
            ({"overlap": {"prediction_empty": 0.9, "no_result": 0.9}}, "0 is expected"),
            ({"distance": {"no_result": 0}}, "only the diagonal"),
            ({"distance": {"prediction_empty": 0}}, "only the diagonal"),
            ({"distance": {"prediction_empty": 0, "no_result": 0}}, "only the diagonal"),
            ({"volume_error": {"no_result": 0}}, "failing would pay"),
            ({"symmetric_error": {"no_result": 0}}, "failing would pay"),
            ({"feature_error": {"no_result": 0}}, "failing would pay"),
            ({"lesion_count": {"no_result": 0, "no_result_reference_empty": 0}}, "would pay"),
            (
                {"overlap": {"both_empty": 1, "reference_empty": 0,
                             "no_result_reference_empty": 0.5}},
                "failing would pay",
            ),
            ({"overlap": {"prediction_empty": 2}}, "0 to 1 is expected"),
            ({"volume_error": {"no_result": -3}}, "0 or more is expected"),
            ({"overlap": {"no_result": "diagonal"}}, "only distances can"),
            ({"overlap": {"no_result": "worst"}}, "not_applicable"),
        ],
    )  # fmt: skip
    def test_what_would_spare_or_reward_anyone_is_refused(self, cells: Any, text: str) -> None:
        assert text in refused(metrics=["dice", "hd"], empty_masks=cells)
