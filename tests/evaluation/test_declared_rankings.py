"""A ranking in challenge.yaml: what it becomes, and what is refused with every problem at once."""

import pytest
from pydantic import ValidationError

from evaluation.ranking import Adjustment, Aggregate, Scheme
from evaluation.spec import EvaluationSpec

TWO = {"primary": 1, "node": 2}


def spec_of(metrics=("dice", "hd95"), labels=None, **ranking) -> EvaluationSpec:
    document = {"metrics": list(metrics), "ranking": ranking}
    return EvaluationSpec.model_validate({**document, **({"labels": labels} if labels else {})})


def refused(**how) -> str:
    with pytest.raises(ValidationError) as caught:
        spec_of(**how)
    return str(caught.value)


def test_what_says_nothing_new_is_written_as_it_always_was():
    written = spec_of().model_dump(mode="json")["ranking"]
    assert written == {
        "scheme": "aggregate_then_rank", "metrics": [], "baselines_compete": False,
    }  # fmt: skip


def test_what_is_said_survives():
    ranking = {
        "scheme": "borda", "aggregate": "median", "weights": {"dice": 2.0, "hd95": 1.0},
        "tie_breakers": ["hd95"], "primary": "dice", "stratum": "centre", "resamples": 500,
        "subgroups": ["tracer"], "most_resampled": 20, "alpha": 0.01,
    }  # fmt: skip
    spec = spec_of(**ranking)
    again = EvaluationSpec.model_validate(spec.model_dump(mode="json"))
    assert again == spec
    recipe = again.recipe
    assert (recipe.scheme, recipe.aggregate, recipe.adjustment, recipe.alpha) == (
        Scheme.BORDA, Aggregate.MEDIAN, Adjustment.HOLM, 0.01,
    )  # fmt: skip
    assert recipe.weights == {"dice": 2.0, "hd95": 1.0}
    assert recipe.tie_breakers == ("hd95",)


def test_metrics_count_equally_and_only_those_that_are_named():
    assert spec_of().recipe.weights == {"dice": 1.0, "hd95": 1.0}
    spec = spec_of(metrics=["dice", "hd95", "mtv_error_ml"])
    assert set(spec.recipe.weights) == {"dice", "hd95"}
    named = EvaluationSpec.model_validate(
        {"metrics": ["dice", "hd95"], "ranking": {"metrics": ["hd95"]}}
    )
    assert named.recipe.weights == {"hd95": 1.0}


def test_a_label_can_be_weighed_by_itself():
    spec = spec_of(labels=TWO, weights={"dice[node]": 3, "hd95": 1})
    assert spec.recipe.weights == {"dice[node]": 3, "hd95": 1}
    (dice, hd95) = spec.shown
    assert spec.ranks(dice, "node")
    assert not spec.ranks(dice, "primary")
    assert spec.ranks(hd95, "primary")
    assert spec.primary == "dice[node]"
    assert spec_of(weights={"dice[lesion]": 1}).recipe.weights == {"dice": 1}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"weights": {"dise": 1}}, "unknown metric “dise” (did you mean dice"),
        ({"weights": {"nsd": 1}}, "“nsd” is not among the challenge's metrics"),
        ({"weights": {"dice[bone]": 1}}, "there is no label “bone” (lesion)"),
        ({"weights": {"dice": 1, "dice[lesion]": 2}}, "“dice” has two weights"),
        ({"weights": {"dice": 0}}, "greater than 0"),
        ({"weights": {"dice": 1}, "tie_breakers": ["nsd"]}, "“nsd” is not among"),
        ({"labels": TWO, "tie_breakers": ["dice"]}, "name one of them, as in dice[primary]"),
        ({"labels": TWO, "primary": "dice"}, "name one of them, as in dice[primary]"),
        ({"metrics": ["dice", "dice_agg"], "primary": "dice_agg"}, "tests need values"),
        ({"metrics": ["dice", "dice_agg"], "scheme": "borda_count"}, "borda"),
        (
            {"metrics": ["dice", "dice_agg"], "scheme": "rank_then_aggregate"},
            "“dice_agg” is over the cohort",
        ),
        ({"scheme": "weighted_value"}, "“hd95” is in mm"),
        ({"per_subgroup": "tracer", "mean_of_subgroups": "tracer"}, "choose one"),
        ({"scheme": "borda", "per_subgroup": "tracer"}, "belong to aggregate_then_rank"),
        ({"trim": 0.5}, "less than 0.5"),
        ({"resamples": 5}, "greater than or equal to 100"),
        ({"metrics": ["dice", "mtv_error_ml"], "weights": {"mtv_error_ml": 1}}, "signed"),
        ({"wieghts": {"dice": 1}}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_ranked_is_refused(how, words):
    assert words in refused(**how)


def test_both_metrics_and_weights_are_refused():
    with pytest.raises(ValidationError, match="either metrics"):
        EvaluationSpec.model_validate(
            {"metrics": ["dice"], "ranking": {"metrics": ["dice"], "weights": {"dice": 1}}}
        )


def test_every_wrong_name_is_told_at_once():
    told = refused(weights={"dise": 1, "nsd": 1}, tie_breakers=["volume"])
    assert told.count("ranking:") >= 1
    for name in ("dise", "nsd", "volume"):
        assert f"“{name}”" in told
