"""What a challenge's definition says of registration, teams and institutes that organise."""

import copy

import pytest
from django.test import Client
from pydantic import ValidationError

from challenges.definition import ChallengeDefinition, folded
from challenges.policies import may_submit, may_take_part, registration_asked
from challenges.selectors import definition_of
from challenges.selectors.preparing import history
from challenges.services.members import add_member
from tests.challenges.test_steps import send
from tests.factories import a_challenge, a_phase, a_user
from tests.taking_part import amended, asking, registered

pytestmark = pytest.mark.django_db


@pytest.fixture
def challenge(tmp_path):
    return a_challenge(tmp_path)


def told(document: dict, **keys: object) -> str:
    """What is wrong with the document with these keys."""
    with pytest.raises(ValidationError) as refusal:
        ChallengeDefinition.model_validate({**document, **keys})
    return str(refusal.value)


def test_by_default_whoever_is_signed_in_may_submit(challenge):
    definition = definition_of(challenge)
    assert not definition.registration.required
    assert definition.teams.most_members is None
    assert definition.organising_institutes == []
    assert may_submit(a_user("anyone"), a_phase(challenge))


def test_a_protocol_from_before_there_were_registrations_asks_for_none(challenge):
    protocol = challenge.protocols.get()
    for key in ("registration", "teams", "organising_institutes"):
        del protocol.document[key]
    protocol.save()
    assert not registration_asked(challenge).required
    assert may_take_part(a_user("anyone"), challenge)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"registration": {"approval": True}}, "unless required: true"),
        ({"registration": {"questions": ["Why?"]}}, "unless required: true"),
        (
            {"registration": {"required": True, "questions": ["Why?", "Why?"]}},
            "“Why?” is asked twice",
        ),
        ({"registration": {"required": True, "questions": ["  "]}}, "without words"),
        ({"registration": {"required": "yes"}}, "valid boolean"),
        ({"registration": {"invited": True}}, "Extra inputs"),
        ({"teams": {"most_members": 0}}, "greater than or equal to 1"),
        ({"organising_institutes": ["ETH  Zürich", "eth zürich"]}, "“eth zürich” is named twice"),
        ({"organising_institutes": [" "]}, "without a name"),
    ],
)
def test_what_cannot_be_meant_is_refused(challenge, keys, words):
    document = challenge.protocols.get().document
    assert words in told(document, **keys)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("University Hospital X", "university  hospital\tX "),
        ("UNIVERSITÄTSSPITAL", "Universitätsspital"),
        ("Straße 7 Klinik", "STRASSE 7 KLINIK"),
        ("Ospedale\u00a0San Raffaele", "ospedale san raffaele"),
    ],
)
def test_an_institute_is_the_same_whatever_its_case_and_spacing(one, other):
    assert folded(one) == folded(other)


def test_an_amendment_asks_and_everyone_can_read_it(challenge):
    person, phase = a_user("developer"), a_phase(challenge)
    assert may_submit(person, phase)
    asking(challenge, "Which data?")
    assert not may_submit(person, phase)
    changed = {one.what: one.after for one in history(challenge)[0].changes}
    assert changed == {
        "registration.required": "yes",
        "registration.approval": "yes",
        "registration.questions": "Which data?",
    }


def test_who_waits_takes_part_when_an_amendment_takes_the_approval_away(challenge):
    asking(challenge)
    person = registered(challenge, "developer")
    assert not may_take_part(person, challenge)
    amended(challenge, registration={"required": True})
    assert may_take_part(person, challenge)


@pytest.mark.parametrize("role", ["organiser", "co_organiser"])
def test_organisers_need_no_registration(challenge, role):
    asking(challenge)
    person = a_user("second")
    assert not may_take_part(person, challenge)
    add_member(challenge=challenge, user=person, role=role)
    assert may_take_part(person, challenge)


@pytest.mark.parametrize("role", ["steward", "reviewer", "reader"])
def test_other_roles_do(challenge, role):
    asking(challenge)
    add_member(challenge=challenge, user=a_user("second"), role=role)
    assert not may_take_part(a_user("second"), challenge)


def test_the_rules_are_written_in_the_browser(organiser, draft):
    sent = {
        "registration": "approval",
        "questions": "Which data?\n\n  And   which code? \n",
        "most_members": "5",
        "organising_institutes": "University Hospital X\nInstitute Y",
    }
    assert send(organiser, draft, "rules", **sent).status_code == 302
    draft.refresh_from_db()
    definition = ChallengeDefinition.model_validate(draft.draft)
    assert definition.registration.model_dump() == {
        "required": True,
        "approval": True,
        "questions": ["Which data?", "And which code?"],
    }
    assert definition.teams.most_members == 5
    assert definition.organising_institutes == ["University Hospital X", "Institute Y"]


def test_questions_to_nobody_are_refused_in_the_browser(organiser, draft):
    before = copy.deepcopy(draft.draft)
    answer = send(organiser, draft, "rules", questions="Which data?", registration="")
    assert answer.status_code == 422
    assert "Nobody is asked" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.draft == before


def test_a_question_asked_twice_is_shown_at_its_step(organiser, draft):
    send(organiser, draft, "rules", registration="required", questions="Why?\nWhy?")
    page = organiser.get(f"/organise/{draft.slug}/").content.decode()
    assert "“Why?” is asked twice" in page


def test_the_challenges_page_says_who_may_take_part_and_how(challenge):
    page = " ".join(Client().get(f"/challenges/{challenge.slug}/").content.decode().split())
    assert "Whoever has signed in may submit." in page
    assert "of any size; one quota, one row" in page
    asking(challenge, "Which data?", "Which code?")
    amended(challenge, teams={"most_members": 5}, organising_institutes=["Hospital X"])
    page = " ".join(Client().get(f"/challenges/{challenge.slug}/").content.decode().split())
    assert "asked for, and approved by an organiser; 2 questions" in page
    assert "of at most 5; one quota, one row" in page
    assert "Shown without a rank, as they organise</dt><dd>Hospital X" in page
    assert f"?next=/challenges/{challenge.slug}/register/" in page
