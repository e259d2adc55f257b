"""A declared ranking says in words what it does."""

import pytest

from evaluation.ranking.words import recipe_in_words
from evaluation.spec import EvaluationSpec


def words(metrics=("dice", "mtv_abs_error_ml"), labels=None, **ranking) -> str:
    document = {"metrics": list(metrics), "ranking": ranking}
    if labels:
        document["labels"] = labels
    return " ".join(recipe_in_words(EvaluationSpec.model_validate(document)))


@pytest.mark.parametrize(
    ("ranking", "said"),
    [
        ({}, "ranked on the mean of each metric over all cases"),
        ({"aggregate": "median"}, "the median of each metric"),
        ({"aggregate": "trimmed_mean", "trim": 0.2}, "the lowest and the highest 20 %"),
        ({"per_subgroup": "tracer"}, "Within each group of cases by tracer"),
        ({"mean_of_subgroups": "lesion_free"}, "by lesion free and averaged over the groups"),
        ({"scheme": "rank_then_aggregate"}, "Within each case, entries are ranked"),
        ({"scheme": "test_then_rank"}, "p ≤ 0.05 after Holm’s adjustment over all pairs"),
        ({"scheme": "test_then_rank", "adjustment": "none", "alpha": 0.01}, "p ≤ 0.01, not adj"),
        ({"scheme": "borda"}, "half a point for every tie"),
        ({"weights": {"dice": 3, "mtv_abs_error_ml": 1}}, "Dice 75 %, Abs. MTV error 25 %"),
        ({"metrics": ["dice"]}, "One metric counts: Dice."),
        ({"tie_breakers": ["dice"]}, "Entries of equal place are ordered by Dice"),
        ({"baselines_compete": True}, "Baselines compete like everyone."),
    ],
)
def test_each_choice_is_said(ranking, said):
    assert said in words(**ranking)


def test_a_weighted_value_depends_on_no_third_entry():
    assert "third entry" not in words(metrics=["dice"], scheme="weighted_value")
    assert "third entry" in words()


def test_labels_are_named():
    labels = {"primary": 1, "node": 2}
    assert "then equally over labels" in words(labels=labels)
    assert "Dice (node)" in words(labels=labels, weights={"dice[node]": 1, "mtv_abs_error_ml": 1})
