"""A ranking is declared in the browser: by the definition's rules, losing nothing of the file."""

import copy

import pytest
from django.http import QueryDict
from django.utils.http import urlencode

from challenges.definition import ChallengeDefinition
from challenges.forms import step_named
from evaluation.ranking.choosing import SCHEMES
from evaluation.ranking.declared import RankingSpec
from tests.challenges.test_steps import fields, send

pytestmark = pytest.mark.django_db


def declare(challenge, **ranking):
    document = copy.deepcopy(challenge.draft)
    document["evaluation"]["ranking"] = ranking
    challenge.draft = document
    challenge.save()


def declared(challenge) -> RankingSpec:
    challenge.refresh_from_db()
    return ChallengeDefinition.model_validate(challenge.draft).evaluation.ranking


def filled(document, **changed):
    step = step_named("metrics")
    sent = {**fields(step.blank(document)), **changed}
    return step.filled(QueryDict(urlencode(sent, doseq=True)), document)


@pytest.mark.parametrize(
    "written", [None, {}, {"scheme": "aggregate_then_rank", "metrics": [], "weights": {}}]
)
def test_what_is_as_usual_leaves_what_is_written_and_the_hash_as_they_are(
    organiser, draft, written
):
    if written is not None:
        declare(draft, **written)
    before = copy.deepcopy(draft.draft["evaluation"]["ranking"])
    hashed = ChallengeDefinition.model_validate(draft.draft).protocol_hash()
    send(organiser, draft, "metrics")
    draft.refresh_from_db()
    always = {"metrics": [], "baselines_compete": False}
    assert draft.draft["evaluation"]["ranking"] == always | before
    assert ChallengeDefinition.model_validate(draft.draft).protocol_hash() == hashed


@pytest.mark.parametrize(
    "ranking",
    [
        {},
        {"metrics": ["dice"]},
        {"metrics": ["dice"], "scheme": "borda", "aggregate": "median"},
        {"weights": {"dice": 3, "hd95": 1}},
        {"weights": {"dice[lesion]": 3, "hd95": 1}, "tie_breakers": ["dice[lesion]"]},
        {"tie_breakers": ["dice", "hd95", "mtv_abs_error_ml", "dice[lesion]"]},
        {"aggregate": "trimmed_mean", "trim": 0.25},
        {"per_subgroup": "centre", "stratum": "centre", "primary": "hd95"},
        {"mean_of_subgroups": "centre", "subgroups": ["centre", "lesion_free"]},
        {"subgroups": [], "centres": "site", "resamples": 200, "most_resampled": 9},
        {"scheme": "test_then_rank", "alpha": 0.01, "adjustment": "none"},
        {"baselines_compete": True},
    ],
)
def test_nothing_of_the_file_is_lost_when_nobody_has_touched_it(organiser, draft, ranking):
    declare(draft, **ranking)
    before = ChallengeDefinition.model_validate(draft.draft)
    assert send(organiser, draft, "metrics").status_code == 302
    draft.refresh_from_db()
    after = ChallengeDefinition.model_validate(draft.draft)
    assert after == before
    assert after.protocol_hash() == before.protocol_hash()


def test_weights_are_declared_and_equal_ones_are_none(organiser, draft):
    send(organiser, draft, "metrics", **{"weight dice": "3"})
    assert declared(draft).weights == {"dice": 3.0, "hd95": 1.0, "mtv_abs_error_ml": 1.0}
    send(organiser, draft, "metrics", **{"weight dice": "1"})
    assert (declared(draft).weights, declared(draft).metrics) == ({}, [])


def test_all_that_can_be_chosen_is_declared(organiser, draft):
    answer = send(
        organiser, draft, "metrics",
        scheme="aggregate_then_rank", aggregate="trimmed_mean", trim="0.2",
        tie_breaker_1="hd95", tie_breaker_2="dice", handling="per_subgroup",
        groups_by="centre", primary="hd95", stratum="centre", filters="named",
        subgroups="centre, lesion_free",
    )  # fmt: skip
    assert answer.status_code == 302
    assert declared(draft) == RankingSpec.model_validate(
        {
            "aggregate": "trimmed_mean", "trim": 0.2, "tie_breakers": ["hd95", "dice"],
            "per_subgroup": "centre", "primary": "hd95", "stratum": "centre",
            "subgroups": ["centre", "lesion_free"],
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "field", "told"),
    [
        ({"weight dice": "-1", "weight hd95": "2"}, "weight dice", "greater than or equal to 0.001"),
        ({"trim": "0.5"}, "trim", "less than or equal to 0.49"),
        ({"scheme": "borda", "handling": "per_subgroup", "groups_by": "centre"}, "handling",
         "knows no subgroups"),
        ({"scheme": "rank_then_aggregate", "aggregate": "trimmed_mean"}, "aggregate",
         "not trimmed_mean"),
        ({"scheme": "weighted_value"}, "scheme", "adds metrics from 0 to 1 only"),
        ({"scheme": "rank_then_aggregate", "show dice_agg": "on", "rank dice_agg": "on"}, "scheme",
         "over the cohort"),
        ({"tie_breaker_2": "nsd"}, "tie_breaker_2", "not among the challenge's metrics"),
        ({"primary": "nsd"}, "primary", "not among the challenge's metrics"),
        ({"handling": "per_subgroup"}, "groups_by", "by which column"),
        ({"groups_by": "centre"}, "handling", "or leave the column empty"),
        ({"filters": "named"}, "subgroups", "Name a column"),
        ({"scheme": "best"}, "scheme", "not one of the available choices"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_at_its_field(draft, changed, field, told):
    form = filled(draft.draft, **changed)
    assert list(form.errors) == [field], form.errors
    assert told in form.errors[field][0]


def test_several_things_are_said_at_once(draft):
    form = filled(draft.draft, primary="nsd", tie_breaker_1="nsd", trim="0.9")
    assert set(form.errors) == {"primary", "tie_breaker_1", "trim"}


def test_of_several_labels_the_columns_can_be_chosen(organiser, draft):
    document = copy.deepcopy(draft.draft)
    document["evaluation"]["labels"] = {"primary": 1, "node": 2}
    draft.draft = document
    draft.save()
    send(organiser, draft, "metrics", tie_breaker_1="dice[node]", primary="dice[primary]")
    assert declared(draft).tie_breakers == ["dice[node]"]
    assert declared(draft).primary == "dice[primary]"


def test_weights_of_labels_are_said_and_cannot_be_lost(organiser, draft):
    weights = {"dice[lesion]": 3.0, "hd95": 1.0}
    declare(draft, weights=weights)
    page = organiser.get("/organise/draft/describe/metrics/").content.decode()
    assert "dice[lesion] 3, hd95 1" in page
    send(organiser, draft, "metrics", **{"weight dice": "9", "rank mtv_abs_error_ml": "on"})
    assert declared(draft).weights == weights


def test_the_page_says_what_each_scheme_is_good_for_and_hides(organiser, draft):
    page = organiser.get("/organise/draft/describe/metrics/").content.decode()
    for about in SCHEMES.values():
        for text in (about.does, about.good_for, about.hides):
            assert text.replace("'", "&#x27;") in page
    assert '<option value="centre"></option>' in page
    assert '<option value="lesion_free"></option>' in page
