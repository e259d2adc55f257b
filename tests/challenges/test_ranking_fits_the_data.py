"""What a ranking is held against before it is frozen: the columns and groups of the cases."""

import pytest

from challenges.definition import ChallengeDefinition
from challenges.models import Case, Challenge
from challenges.readiness import Readiness, readiness
from challenges.services.publishing import NotReady, amend, publish
from tests.factories import a_user

pytestmark = pytest.mark.django_db
HIDDEN = {"slug": "test", "title": "Test", "cases": "hidden"}


def held(challenge: Challenge, **ranking: object) -> Readiness:
    document = dict(challenge.draft or {})
    document["evaluation"] = {**document["evaluation"], "ranking": ranking}
    return readiness(challenge, ChallengeDefinition.model_validate(document))


def told(found: Readiness) -> list[str]:
    return [f"{one.place}: {one.text}" for one in found.problems]


def change(
    challenge: Challenge,
    name: str,
    metadata: dict[str, str] | None = None,
    facts: dict[str, object] | None = None,
    **fields: str,
) -> None:
    case: Case = challenge.dataset.cases.get(name=name)
    case.metadata = {**case.metadata, **(metadata or {})}
    case.facts = {**case.facts, **(facts or {})}
    for field, value in fields.items():
        setattr(case, field, value)
    case.save()


def without_lesions(challenge: Challenge, name: str) -> None:
    change(challenge, name, facts={"references_ml": [[]]})


def test_a_ranking_that_names_nothing_needs_no_column(draft):
    assert told(held(draft)) == []


def test_every_grouping_that_is_no_column_is_told_at_once_with_what_there_is(draft):
    found = told(held(draft, per_subgroup="tracer", stratum="site", subgroups=["age", "centre"]))
    assert [one.split(":")[0] for one in found] == [
        "evaluation.ranking.per_subgroup",
        "evaluation.ranking.stratum",
        "evaluation.ranking.subgroups",
    ]
    assert all("centre, lesion_count, lesion_free, lesion_volume" in one for one in found)
    (other,) = told(held(draft, centres="hospital"))
    assert other.startswith("evaluation.ranking.centres: “hospital” is no column")


def test_columns_and_what_is_derived_of_the_lesions_are_known(draft):
    assert told(held(draft, mean_of_subgroups="centre", subgroups=["lesion_free"])) == []


@pytest.mark.parametrize("key", ["per_subgroup", "mean_of_subgroups", "stratum"])
def test_no_case_may_be_outside_of_a_grouping_that_decides(draft, key):
    change(draft, "case-2", metadata={"centre": " "})
    (found,) = told(held(draft, **{key: "centre"}))
    assert found.startswith(f"evaluation.ranking.{key}: in phase open, case-2 is without a value")


def test_a_case_of_no_ranked_phase_may_be(draft):
    change(draft, "case-2", metadata={"centre": ""}, split="spare")
    for name in ("case-1", "case-3"):
        change(draft, name, split="test")
    draft.draft["phases"] = [{**HIDDEN, "split": "test"}]
    assert told(held(draft, per_subgroup="centre")) == []


def test_a_filter_may_leave_cases_out(draft):
    change(draft, "case-2", metadata={"centre": ""})
    assert told(held(draft, subgroups=["centre"])) == []


def test_a_group_in_which_a_ranked_metric_says_nothing_is_refused(draft):
    without_lesions(draft, "case-1")
    (found,) = told(held(draft, per_subgroup="lesion_free", metrics=["dice"]))
    assert found.startswith("evaluation.ranking: cannot be made of phase open:")
    assert "lesion_free without lesions has a value of dice" in found
    assert told(held(draft, per_subgroup="lesion_free", metrics=["mtv_abs_error_ml"])) == []


def test_a_rule_that_gives_it_a_value_there_makes_it_rankable(draft):
    without_lesions(draft, "case-1")
    draft.draft["evaluation"]["empty_masks"] = {
        "overlap": {"both_empty": 1.0, "reference_empty": 0.0, "no_result_reference_empty": 0.0}
    }
    assert told(held(draft, per_subgroup="lesion_free", metrics=["dice"])) == []


def test_a_patient_is_of_one_stratum(draft):
    change(draft, "case-2", patient="patient-1")
    (found,) = told(held(draft, stratum="centre"))
    assert found.startswith("evaluation.ranking.stratum: in phase open, patient patient-1 has")
    assert "centre-1, centre-2" in found


def test_one_centre_and_few_hidden_patients_are_said_and_hold_nothing_up(draft):
    assert held(draft).notices == ()
    change(draft, "case-2", metadata={"centre": "centre-1"})
    draft.draft["phases"] = [HIDDEN]
    found = held(draft)
    assert told(found) == []
    centre, patients = found.notices
    assert "leaving one centre out says nothing" in centre
    assert "3 patients" in patients
    assert "fewer than 10" in patients


def test_neither_published_nor_amended_by_a_ranking_that_cannot_be_made(draft):
    document = dict(draft.draft)
    wrong = {**document, "evaluation": {**document["evaluation"], "ranking": {"stratum": "site"}}}
    draft.draft = wrong
    draft.save()
    with pytest.raises(NotReady, match="site"):
        publish(challenge=draft, by=None)
    draft.draft = document
    draft.save()
    publish(challenge=draft, by=None)
    with pytest.raises(NotReady, match="site"):
        amend(challenge=draft, document=wrong, reason="Stratified.", by=a_user("organiser"))
