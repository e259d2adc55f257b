"""A challenge is frozen whole, and whatever changes afterwards can be read by everyone."""

import copy

import pytest
from django.utils import timezone

from challenges.models import Case, Edition, Finding, Protocol, Reference
from challenges.selectors import (
    cases_of,
    current_edition,
    definition_of,
    phase_state,
    shown_edition,
)
from challenges.selectors.preparing import history
from challenges.services import deciding, drafts
from challenges.services.publishing import NotReady, amend, data_of, protocol_hash, publish
from tests.factories import a_submission, a_user

pytestmark = pytest.mark.django_db


def document(challenge):
    return copy.deepcopy(challenge.protocols.all()[0].document)


def refusal(call, **arguments):
    with pytest.raises(NotReady) as error:
        call(**arguments)
    return [str(problem) for problem in error.value.problems]


@pytest.fixture
def published(draft):
    publish(challenge=draft, by=a_user("organiser"))
    draft.refresh_from_db()
    return draft


def test_everything_that_is_missing_is_told_at_once_and_nothing_is_changed(draft):
    written = copy.deepcopy(draft.draft)
    written["design"]["ethics"]["approval"] = "  "
    written["design"]["purpose"]["impact"] = ""
    written["source"] = None
    drafts.save(challenge=draft, document=written, version=draft.draft_version)
    case = draft.dataset.cases.get(name="case-2")
    Finding.objects.create(case=case, check_id="empty_mask", severity="blocking", text="Empty.")
    told = refusal(publish, challenge=draft, by=None)
    assert [one.split(":")[0] for one in told] == [
        "design.purpose.impact",
        "design.ethics.approval",
        "source",
        "case-2",
    ]
    draft.refresh_from_db()
    assert draft.published_at is None
    assert not draft.phases.exists()
    assert not Protocol.objects.exists()


def test_the_hash_is_of_definition_data_scorer_and_moment(published):
    protocol = published.protocols.get()
    frozen_at = protocol.frozen_at.isoformat()
    assert protocol.protocol_hash == protocol_hash(protocol.document, protocol.data, frozen_at)
    assert protocol.data == data_of(published, 1)
    case = protocol.data["cases"][0]
    assert case["images"].keys() == {"pet"}
    assert case["annotations"].keys() == {"Expert"}
    assert protocol.data["scorer_version"]
    for part in (
        (protocol.document | {"rules": "other"}, protocol.data, frozen_at),
        (protocol.document, protocol.data | {"reference_version": 2}, frozen_at),
        (protocol.document, protocol.data, timezone.now().isoformat()),
    ):
        assert protocol_hash(*part) != protocol.protocol_hash


def test_nothing_is_published_twice(published):
    assert "is published already" in refusal(publish, challenge=published, by=None)[0]


def test_a_later_deadline_is_an_amendment_and_opens_no_edition(published):
    changed = document(published)
    changed["phases"][0]["closes"] = "2020-01-31T12:00:00Z"
    amend(challenge=published, document=changed, reason="", by=a_user("organiser"))
    assert phase_state(published.phases.get()) == "closed"
    assert Edition.objects.count() == 1
    newest, first = history(published)
    assert [(one.what, one.before) for one in newest.changes] == [("phases.open.closes", "")]
    assert first.changes == ()
    assert newest.protocol.version == 2


def test_once_there_are_submissions_a_change_needs_a_reason(published):
    a_submission(published.phases.get(), user=a_user("developer"))
    changed = document(published) | {"rules": "Other rules."}
    told = refusal(amend, challenge=published, document=changed, reason=" ", by=a_user("organiser"))
    assert told == ["reason: there are submissions already; say why the protocol changes"]
    amend(challenge=published, document=changed, reason="Clearer.", by=a_user("organiser"))
    assert definition_of(published).rules == "Other rules."
    assert published.protocols.all()[0].reason == "Clearer."


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: d | {"slug": "other"}, "stays “draft”"),
        (lambda d: d | {"phases": [d["phases"][0] | {"slug": "new"}]}, "cannot be taken away"),
        (
            lambda d: d | {"phases": [d["phases"][0] | {"cases": "hidden"}]},
            "they cannot be hidden again",
        ),
        (lambda d: d | {"output_slug": "another"}, "containers were written for it"),
        (lambda d: d | {"phases": []}, "at least 1"),
    ],
)
def test_what_submissions_stand_on_cannot_be_amended(published, change, told):
    a_submission(published.phases.get(), user=a_user("developer"))
    found = refusal(
        amend,
        challenge=published,
        document=change(document(published)),
        reason="Because.",
        by=a_user("organiser"),
    )
    assert any(told in one for one in found), found
    assert published.protocols.count() == 1


def test_other_metrics_open_an_edition_which_is_shown_once_all_is_scored(published):
    phase = published.phases.get()
    changed = document(published)
    changed["evaluation"]["metrics"] = ["dice"]
    changed["evaluation"]["ranking"]["metrics"] = ["dice"]
    amend(challenge=published, document=changed, reason="One is enough.", by=a_user("organiser"))
    assert current_edition(phase).number == 2
    assert shown_edition(phase).number == 1


def test_an_excluded_case_belongs_to_no_phase_and_the_reason_is_public(published):
    phase, case = published.phases.get(), published.dataset.cases.get(name="case-2")
    deciding.exclude(case=case, reason="Wrong patient.", by=a_user("organiser"))
    assert [one.name for one in cases_of(phase)] == ["case-1", "case-3"]
    assert current_edition(phase).number == 2
    newest = history(published)[0]
    assert newest.protocol.reason == "A case was excluded: Wrong patient."
    assert (newest.cases, newest.cases_changed) == (2, 1)
    assert [(one.case, one.what) for one in published.decisions.all()] == [("case-2", "excluded")]
    deciding.include(case=case, reason="It was right.", by=a_user("organiser"))
    assert cases_of(phase).count() == 3


def test_no_decision_without_a_reason(published):
    case = published.dataset.cases.get(name="case-2")
    assert "say why" in refusal(deciding.exclude, case=case, reason=" ", by=a_user("organiser"))[0]
    case.refresh_from_db()
    assert case.excluded_at is None


def test_an_accepted_finding_no_longer_stands_in_the_way(draft):
    case = draft.dataset.cases.get(name="case-1")
    finding = Finding.objects.create(case=case, check_id="x", severity="blocking", text="Hm.")
    refusal(publish, challenge=draft, by=None)
    deciding.accept(finding=finding, reason="It is so.", by=a_user("organiser"))
    publish(challenge=draft, by=None)
    assert draft.published_at is not None


def test_public_and_hidden_phases_stand_side_by_side_on_their_own_cases(draft):
    written = copy.deepcopy(draft.draft)
    open_phase = written["phases"][0]
    written["phases"] = [
        open_phase | {"slug": "training", "kind": "training", "split": "training"},
        open_phase | {"slug": "final", "cases": "hidden", "split": "test"},
    ]
    drafts.save(challenge=draft, document=written, version=0)
    found = refusal(publish, challenge=draft, by=None)
    assert any("its split “test” has no case" in one for one in found)
    splits = {"case-1": "training", "case-2": "training", "case-3": "test"}
    deciding.assign_splits(challenge=draft, splits=splits, how="by hand", by=a_user("organiser"))
    publish(challenge=draft, by=None)
    training, final = draft.phases.all()
    assert [case.name for case in cases_of(training)] == ["case-1", "case-2"]
    assert [case.name for case in cases_of(final)] == ["case-3"]
    assert training.gives_away
    assert not final.gives_away
    assert current_edition(training).scoring_hash != current_edition(final).scoring_hash


def test_a_patient_in_two_splits_is_refused(draft):
    draft.dataset.cases.update(patient="the same")
    Case.objects.filter(name="case-1").update(split="training")
    found = refusal(publish, challenge=draft, by=None)
    assert any("patient the same: has cases in no split, “training”" in one for one in found)


def test_another_recipe_makes_every_reference_anew_and_keeps_the_old_ones(published):
    changed = document(published)
    changed["evaluation"]["labels"] = {"tumour": 1}
    amend(challenge=published, document=changed, reason="A better name.", by=a_user("organiser"))
    versions = Reference.objects.filter(case__dataset=published.dataset)
    assert sorted(versions.values_list("version", flat=True)) == [1, 1, 1, 2, 2, 2]
    assert current_edition(published.phases.get()).reference_version == 2
    same = {one.case_id: one.sha256 for one in versions.filter(version=1)}
    assert same == {one.case_id: one.sha256 for one in versions.filter(version=2)}


def test_of_two_who_write_at_once_the_later_one_learns_of_it(draft):
    first = copy.deepcopy(draft.draft) | {"rules": "Mine."}
    drafts.save(challenge=draft, document=first, version=0)
    with pytest.raises(drafts.WrittenMeanwhile):
        drafts.save(challenge=draft, document=first | {"rules": "Theirs."}, version=0)
    draft.refresh_from_db()
    assert draft.draft["rules"] == "Mine."


def test_what_is_frozen_is_what_the_organiser_was_looking_at(organiser, draft):
    seen = organiser.get("/organise/draft/publish/").context["challenge"].draft_version
    written = copy.deepcopy(draft.draft) | {"rules": "Slipped in."}
    drafts.save(challenge=draft, document=written, version=seen)
    answer = organiser.post("/organise/draft/publish/", {"version": str(seen)})
    assert answer.status_code == 422
    assert "changed by someone else meanwhile" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.published_at is None
    organiser.post("/organise/draft/publish/", {"version": str(seen + 1)})
    draft.refresh_from_db()
    assert draft.published_at is not None


def test_texts_that_the_protocol_in_force_lacks_hold_no_amendment_up(published):
    protocol = published.protocols.get()
    protocol.document["design"] = {}
    protocol.save()
    changed = document(published) | {"rules": "Other rules."}
    amend(challenge=published, document=changed, reason="Clearer.", by=a_user("organiser"))
    assert definition_of(published).rules == "Other rules."
