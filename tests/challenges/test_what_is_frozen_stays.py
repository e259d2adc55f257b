"""Whoever comes late, comes twice or has no right to it changes nothing of what is published."""

import copy

import pytest
from django.test import Client
from django.utils import timezone

from challenges.models import Challenge, DataImport, Membership
from challenges.selectors import cases_of, current_edition
from challenges.services import deciding, drafts, importing, imports, members
from challenges.services.publishing import NotReady, amend, data_of, publish
from tests.challenges.test_bringing_data import TUS, store, taken, work, zipped  # noqa: F401
from tests.factories import a_user
from tests.scans import write_challenge

pytestmark = pytest.mark.django_db
State = DataImport.State


def document(challenge):
    return copy.deepcopy(challenge.protocols.all()[0].document)


@pytest.fixture
def published(draft):
    publish(challenge=draft, by=a_user("organiser"))
    draft.refresh_from_db()
    return draft


@pytest.fixture
def others(tmp_path):
    """Data with cases of the same names as the draft's, and other pixels."""
    return write_challenge(tmp_path / "others", slug="others", cases=4)


def test_data_that_wait_to_be_confirmed_never_enter_a_published_challenge(draft, others):
    row = taken(draft, zipped(others))
    work()
    publish(challenge=draft, by=a_user("organiser"))
    frozen = data_of(draft, 1)
    imports.confirm(row=row, choices={})
    work()
    assert data_of(draft, 1) == frozen
    row.refresh_from_db()
    assert row.state == State.REFUSED
    assert "its data are frozen" in row.problems[0]["text"]


def test_nothing_is_published_while_an_import_is_under_way(draft, others):
    row = taken(draft, zipped(others))
    work()
    imports.confirm(row=row, choices={})
    with pytest.raises(NotReady, match="an import is under way"):
        publish(challenge=draft, by=a_user("organiser"))
    imports.cancel(row=row)
    publish(challenge=draft, by=a_user("organiser"))


def test_a_case_that_is_ready_a_moment_too_late_is_not_stored(draft, others, monkeypatch):
    row = taken(draft, zipped(others))
    work()
    imports.confirm(row=row, choices={})
    stored = importing.store_case

    def published_first(**arguments):
        Challenge.objects.filter(pk=draft.pk).update(published_at=timezone.now())
        return stored(**arguments)

    before = data_of(draft, 1)
    monkeypatch.setattr(importing, "store_case", published_first)
    work()
    row.refresh_from_db()
    assert row.state == State.REFUSED
    assert data_of(draft, 1) == before


def test_splits_made_here_outlive_data_that_name_none(draft, others):
    splits = {"case-1": "training", "case-2": "training", "case-3": "test"}
    deciding.assign_splits(challenge=draft, splits=splits, how="by hand", by=a_user("organiser"))
    (others / "case-1" / "pet.mha").write_bytes((others / "case-2" / "pet.mha").read_bytes())
    (others / "case-1" / "reference.mha").write_bytes(
        (others / "case-2" / "reference.mha").read_bytes()
    )
    row = taken(draft, zipped(others))
    work()
    imports.confirm(row=row, choices={})
    work()
    case = draft.dataset.cases.get(name="case-1")
    assert case.split == "training"


def test_an_amendment_taken_back_is_scored_as_at_first(published):
    phase = published.phases.get()
    first = current_edition(phase)
    changed = document(published)
    changed["evaluation"]["metrics"] = ["dice"]
    changed["evaluation"]["ranking"]["metrics"] = ["dice"]
    before = document(published)
    by = a_user("organiser")
    amend(challenge=published, document=changed, reason="One.", by=by)
    amend(challenge=published, document=before, reason="Back.", by=by)
    assert current_edition(phase).scoring_hash == first.scoring_hash


def test_a_case_that_is_put_back_counts_again(published):
    phase, case = published.phases.get(), published.dataset.cases.get(name="case-2")
    first = current_edition(phase)
    deciding.exclude(case=case, reason="Wrong.", by=a_user("organiser"))
    deciding.include(case=case, reason="Right.", by=a_user("organiser"))
    assert cases_of(phase).count() == 3
    assert current_edition(phase).scoring_hash == first.scoring_hash


def test_the_last_case_of_a_phase_is_not_excluded(published):
    by = a_user("organiser")
    first, second, last = published.dataset.cases.order_by("position")
    for case in (first, second):
        deciding.exclude(case=case, reason="Wrong.", by=by)
    versions = published.protocols.count()
    with pytest.raises(NotReady) as caught:
        deciding.exclude(case=last, reason="Wrong too.", by=by)
    assert [one.place for one in caught.value.problems] == [f"phase {published.phases.get().slug}"]
    for words in (f"“{last.name}” is its last case", "needs at least one", "put another case back"):
        assert words in caught.value.problems[0].text
    last.refresh_from_db()
    assert last.excluded_at is None
    assert published.protocols.count() == versions
    deciding.include(case=first, reason="Right after all.", by=by)
    deciding.exclude(case=last, reason="Wrong too.", by=by)
    assert cases_of(published.phases.get()).get() == first


def test_of_a_phase_with_cases_of_its_own_the_last_of_these_is_not_excluded(published):
    last = published.dataset.cases.order_by("position").last()
    published.dataset.cases.update(split="train")
    published.dataset.cases.filter(pk=last.pk).update(split="test")
    published.phases.update(split="test")
    with pytest.raises(NotReady, match="is its last case"):
        deciding.exclude(case=last, reason="Wrong.", by=a_user("organiser"))
    assert cases_of(published.phases.get()).get() == last


def test_of_a_draft_every_case_may_be_excluded(draft):
    for case in draft.dataset.cases.all():
        deciding.exclude(case=case, reason="Wrong.", by=a_user("organiser"))
    assert not draft.dataset.cases.filter(excluded_at=None).exists()


def test_an_exclusion_keeps_the_amendment_that_someone_is_writing(published):
    case = published.dataset.cases.get(name="case-2")
    drafts.save(challenge=published, document=document(published) | {"rules": "New."}, version=1)
    deciding.exclude(case=case, reason="Wrong.", by=a_user("organiser"))
    published.refresh_from_db()
    assert published.draft is not None
    assert published.draft["rules"] == "New."


def test_of_two_who_publish_at_once_one_does(draft):
    same = Challenge.objects.get(pk=draft.pk)
    publish(challenge=draft, by=a_user("organiser"))
    with pytest.raises(NotReady):
        publish(challenge=same, by=a_user("organiser"))
    assert draft.protocols.count() == 1


def test_of_two_who_amend_at_once_one_does(published):
    drafts.save(challenge=published, document=document(published) | {"rules": "A."}, version=1)
    same = Challenge.objects.get(pk=published.pk)
    by = a_user("organiser")
    amend(challenge=published, document=published.draft, reason="", by=by)
    with pytest.raises(NotReady):
        amend(challenge=same, document=same.draft, reason="", by=by)
    assert published.protocols.count() == 2


def test_what_is_written_while_someone_publishes_is_refused_and_not_lost(draft):
    same = Challenge.objects.get(pk=draft.pk)
    drafts.save(challenge=same, document={**same.draft, "rules": "Late."}, version=0)
    with pytest.raises(NotReady):
        publish(challenge=draft, by=a_user("organiser"))
    draft.refresh_from_db()
    assert draft.draft["rules"] == "Late."


@pytest.fixture
def co_organiser(published) -> Client:
    person = a_user("co-organiser")
    members.add_member(challenge=published, user=person, role=Membership.Role.CO_ORGANISER)
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


def test_a_co_organiser_amends_nothing_by_excluding_a_case(published, co_organiser):
    case = published.dataset.cases.get(name="case-2")
    page = f"/organise/draft/cases/{case.public_id}/"
    answer = co_organiser.post(page, {"what": "exclude", "reason": "I say so."})
    assert answer.status_code == 404
    assert published.protocols.count() == 1
    assert cases_of(published.phases.get()).count() == 3


LABELS = {"labels": {"lesion": 7}}


def test_labels_that_no_mask_holds_are_refused_with_a_sentence(draft, organiser):
    organiser.raise_request_exception = False
    written = copy.deepcopy(draft.draft)
    written["evaluation"] |= LABELS
    drafts.save(challenge=draft, document=written, version=0)
    answer = organiser.post("/organise/draft/publish/")
    assert answer.status_code == 422


NUMBERS = ["9" * 30, "9" * 5000, "-1", "٣", "²", "1e9", "\0", "x" * 100_000]


@pytest.mark.parametrize("number", NUMBERS, ids=range(len(NUMBERS)))
def test_numbers_that_are_none_are_no_fault_of_the_server(draft, organiser, number):
    organiser.raise_request_exception = False
    row = taken(draft, b"x")
    upload = f"/organise/draft/data/uploads/{row.public_id}/"
    sent = {
        "people": organiser.post("/organise/draft/people/", {"remove": number}),
        "step": organiser.post("/organise/draft/describe/purpose/", {"version": number}),
        "phases": organiser.post(
            "/organise/draft/describe/phases/",
            {
                "version": number,
                "form-TOTAL_FORMS": number,
                "phases-TOTAL_FORMS": number,
                "form-INITIAL_FORMS": number,
                "count": number,
            },
        ),
        "add": organiser.get("/organise/draft/describe/phases/", {"add": number}),
        "seed": organiser.post("/organise/draft/rehearsal/", {"seed": number}),
        "splits": organiser.post(
            "/organise/draft/splits/",
            {"seed": number, "shares": f"a = {number}", "columns": number},
        ),
        "sort": organiser.get("/organise/draft/quality/", {"sort": number}),
        "case": organiser.post(
            f"/organise/draft/cases/{draft.dataset.cases.first().public_id}/",
            {"what": "accept", "reason": number, "finding": number},
        ),
        "exclude": organiser.post(
            f"/organise/draft/cases/{draft.dataset.cases.last().public_id}/",
            {"what": "exclude", "reason": number},
        ),
        "new": organiser.post("/organise/new/", {"title": number, "slug": number}),
        "drop": organiser.post("/organise/draft/drop/", {"slug": number}),
        "member": organiser.post("/organise/draft/people/", {"username": number, "role": number}),
        "import": organiser.post(
            f"/organise/draft/data/{row.public_id}/",
            {"what": "confirm", "reader Expert": number, f"reader {number}": number},
        ),
    }
    for name in ("data", "reference", "metrics", "rules", "ethics"):
        sent[name] = organiser.post(f"/organise/draft/describe/{name}/", {"version": number})
    if "\0" not in number:
        sent["tus"] = organiser.post(
            "/organise/draft/data/uploads/", headers=TUS | {"Upload-Length": number}
        )
        sent["patch"] = organiser.patch(
            upload,
            data=b"",
            content_type="application/offset+octet-stream",
            headers=TUS | {"Upload-Offset": number},
        )
    assert {name: one.status_code for name, one in sent.items() if one.status_code >= 500} == {}


@pytest.mark.parametrize("name", ["submissions", "attempts", "at_once"])
def test_a_quota_that_no_database_holds_is_refused_with_a_sentence(draft, organiser, name):
    written = copy.deepcopy(draft.draft)
    written["phases"][0]["quota"] = {name: 10**30}
    drafts.save(challenge=draft, document=written, version=0)
    answer = organiser.post("/organise/draft/publish/")
    assert answer.status_code == 422
    assert "less than or equal" in answer.content.decode()


def test_no_address_is_that_of_a_page_of_ours(organiser):
    answer = organiser.post("/organise/new/", {"title": "New", "slug": "new"})
    assert answer.status_code == 422
    assert not Challenge.objects.exists()
