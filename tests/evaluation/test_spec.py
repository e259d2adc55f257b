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
