"""A challenge is described in steps; each is saved as it is, and what is missing is told."""

import copy

import pytest
from django.test import Client

from challenges.definition import ChallengeDefinition
from challenges.forms import STEPS
from challenges.models import Challenge, Membership
from challenges.services.importing import begin_challenge
from challenges.services.members import add_member
from challenges.services.publishing import publish
from tests.designs import DESIGN, SOURCE
from tests.factories import a_user

pytestmark = pytest.mark.django_db


def fields(form) -> dict[str, str | list[str]]:
    """What a browser would send of a form that nobody has touched."""
    bound = [field for part in form for field in part] if hasattr(form, "forms") else list(form)
    sent: dict[str, str | list[str]] = {}
    for field in [*bound, *(form.management_form if hasattr(form, "forms") else ())]:
        value = field.value()
        if value is True:
            sent[field.html_name] = "on"
        elif value not in (None, False):
            shown = field.field.widget.format_value(value)
            sent[field.html_name] = shown if shown is not None else ""
    return sent


def send(client: Client, challenge: Challenge, slug: str, **changed: object):
    address = f"/organise/{challenge.slug}/describe/{slug}/"
    page = client.get(address)
    sent = {**fields(page.context["form"]), "version": str(page.context["version"]), **changed}
    return client.post(address, sent)


def test_a_title_is_enough_to_begin(organiser):
    answer = organiser.post("/organise/new/", {"title": "Lymphoma in FDG-PET"})
    assert answer["Location"] == "/organise/lymphoma-in-fdg-pet/describe/purpose/"
    challenge = Challenge.objects.get()
    assert challenge.published_at is None
    assert [one.role for one in challenge.memberships.all()] == ["organiser"]
    assert organiser.get("/organise/").content.decode().count("Lymphoma in FDG-PET") == 1
    assert Client().get("/challenges/lymphoma-in-fdg-pet/").status_code == 404


@pytest.mark.parametrize(
    ("title", "slug", "told"),
    [
        ("!!", "", "An address cannot be made"),
        ("Fine", "Not an address", "small letters"),
        ("Empty", "", "is taken"),
        ("", "", "required"),
    ],
)
def test_an_address_that_cannot_be_is_refused(organiser, empty, title, slug, told):
    answer = organiser.post("/organise/new/", {"title": title, "slug": slug})
    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert Challenge.objects.count() == 1


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.slug)
def test_a_step_that_nobody_has_touched_changes_nothing(organiser, draft, step):
    before = ChallengeDefinition.model_validate(draft.draft)
    assert send(organiser, draft, step.slug).status_code == 302
    draft.refresh_from_db()
    assert ChallengeDefinition.model_validate(draft.draft) == before


def test_all_steps_together_make_a_definition_that_can_be_published(organiser, empty):
    begun = begin_challenge(
        document={
            "format": 1, "slug": "begun", "title": "Begun",
            "phases": [{"slug": "test", "title": "Test", "cases": "hidden"}],
        },
        organiser=a_user("organiser"),
    )  # fmt: skip
    texts = {
        f"{part}.{name}": text
        for part, values in DESIGN.items()
        if isinstance(values, dict)
        for name, text in values.items()
    }
    send(organiser, begun, "purpose", summary="In short.", question="Why?", **texts)
    send(organiser, begun, "data", source=SOURCE["text"], licence=SOURCE["licence"], **texts)
    send(organiser, begun, "reference", readers="A | a\nB | b\nC | c", consensus="staple", **texts)
    send(organiser, begun, "metrics", **{"show dice": "on", "rank dice": "on"}, **texts)
    send(organiser, begun, "phases", **{"phase-0-opens": "2027-01-31T12:00"})
    send(organiser, begun, "rules", rules="Be fair.", **texts)
    people = {"organisers": "A. Organiser | Centre A", "contact": "a@example.org"}
    send(organiser, begun, "ethics", **people, **texts)
    begun.refresh_from_db()
    made = ChallengeDefinition.model_validate(begun.draft)
    assert made.design.missing() == []
    assert [reader.file for reader in made.readers] == ["a", "b", "c"]
    assert made.consensus == "staple"
    assert made.phases[0].opens is not None
    assert made.phases[0].opens.isoformat() == "2027-01-31T12:00:00+00:00"
    assert made.design.organisers[0].affiliation == "Centre A"
    page = organiser.get("/organise/begun/").content.decode()
    assert "there are none; bring data first" in page


def test_what_is_missing_is_told_step_by_step(organiser, empty):
    written = copy.deepcopy(empty.draft)
    written["design"]["policies"]["results"] = ""
    written["question"] = ""
    Challenge.objects.filter(pk=empty.pk).update(draft=written)
    states = {
        one.step.slug: [problem.place for problem in one.problems]
        for one in organiser.get("/organise/empty/").context["preparation"].steps
    }
    assert states["purpose"] == ["question"]
    assert states["rules"] == ["design.policies.results"]
    assert states["ethics"] == []


@pytest.mark.parametrize(
    ("step", "changed", "told"),
    [
        ("reference", {"readers": "A | a b"}, "is no name of a mask"),
        ("reference", {"labels": "lesion = many"}, "whole number from 1 to 255"),
        ("data", {"modalities": ["CT"]}, "PET is always one of them"),
        ("metrics", {"rank hd": "on"}, "also shown"),
        ("metrics", {"show c_index": "on"}, "needs it"),
        ("phases", {"phase-0-closes": "2020-01-01T00:00", "phase-0-opens": "2021-01-01T00:00"},
         "closes before it opens"),
        ("phases", {"phase-0-kind": "training", "phase-0-cases": "hidden"}, "are given away"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_what_was_written_stands_there(
    organiser, empty, step, changed, told
):
    answer = send(organiser, empty, step, **changed)
    assert answer.status_code == 422
    assert told in answer.content.decode()
    empty.refresh_from_db()
    assert empty.draft_version == 0


def test_of_two_who_write_at_once_the_later_loses_nothing(organiser, empty):
    assert send(organiser, empty, "rules", rules="Mine.", version="0").status_code == 302
    answer = send(organiser, empty, "rules", rules="Theirs.", version="0")
    assert answer.status_code == 409
    assert "Theirs." in answer.content.decode()
    empty.refresh_from_db()
    assert empty.draft["rules"] == "Mine."


def test_of_a_published_challenge_a_step_begins_an_amendment(organiser, draft):
    publish(challenge=draft, by=None)
    assert send(organiser, draft, "rules", rules="Other rules.").status_code == 302
    page = organiser.get("/organise/draft/publish/").content.decode()
    assert "Other rules." in page
    assert "No score changes with it" in page
    assert Client().get("/challenges/draft/").content.decode().count("Other rules.") == 0
    organiser.post("/organise/draft/publish/", {"reason": "Fairer."})
    assert "Fairer." in Client().get("/challenges/draft/history/").content.decode()
    assert "Other rules." in Client().get("/challenges/draft/").content.decode()


@pytest.mark.parametrize(
    ("role", "reads", "writes", "decides"),
    [
        ("co_organiser", True, True, False),
        ("steward", True, False, False),
        ("reviewer", True, False, False),
        ("reader", False, False, False),
        (None, False, False, False),
    ],
)
def test_each_role_does_what_it_may(draft, role, reads, writes, decides):
    person = a_user("someone")
    if role:
        add_member(challenge=draft, user=person, role=Membership.Role(role))
    client = Client()
    client.force_login(person)
    assert (client.get("/organise/draft/").status_code == 200) == reads
    assert (client.get("/organise/draft/describe/rules/").status_code == 200) == writes
    assert (client.post("/organise/draft/publish/").status_code != 404) == decides
    draft.refresh_from_db()
    assert draft.published_at is None
    assert (client.post("/organise/draft/people/", {}).status_code != 404) == decides


def test_people_are_named_and_the_last_organiser_stays(organiser, draft):
    a_user("helper")
    answer = organiser.post("/organise/draft/people/", {"username": "helper", "role": "steward"})
    assert answer.status_code == 302
    assert (
        "no user"
        in organiser.post(
            "/organise/draft/people/", {"username": "nobody", "role": "steward"}
        ).content.decode()
    )
    mine = draft.memberships.get(role="organiser")
    organiser.post("/organise/draft/people/", {"remove": str(mine.pk)})
    assert draft.memberships.filter(pk=mine.pk).exists()
    helper = draft.memberships.get(role="steward")
    organiser.post("/organise/draft/people/", {"remove": str(helper.pk)})
    assert not draft.memberships.filter(pk=helper.pk).exists()


def test_a_draft_is_deleted_only_by_its_name(organiser, draft):
    organiser.post("/organise/draft/drop/", {"slug": "something else"})
    assert Challenge.objects.filter(slug="draft").exists()
    organiser.post("/organise/draft/drop/", {"slug": "draft"})
    assert not Challenge.objects.filter(slug="draft").exists()


def test_a_published_challenge_is_never_deleted(organiser, draft):
    publish(challenge=draft, by=None)
    organiser.post("/organise/draft/drop/", {"slug": "draft"})
    assert Challenge.objects.filter(slug="draft").exists()
