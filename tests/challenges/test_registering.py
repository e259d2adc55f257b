"""A person registers, waits, and is approved or declined; and knows at each point what to do."""

import pytest
from django.test import Client

from accounts.models import Notice
from challenges.models import Membership, Registration
from challenges.policies import may_take_part
from challenges.selectors.taking_part import (
    registrations_to,
    standing_of,
    waiting_registrations,
    what_it_says,
)
from challenges.services import registering, teams
from challenges.services.members import add_member
from challenges.services.registering import RegistrationRefused
from tests.factories import a_challenge, a_phase, a_submission, a_user
from tests.programs import write_programs
from tests.taking_part import asking, decided, registered

pytestmark = pytest.mark.django_db
QUESTIONS = ("Which data is it trained on?", "Which code?")


@pytest.fixture
def challenge(tmp_path):
    return asking(a_challenge(tmp_path), *QUESTIONS)


@pytest.fixture
def plain(tmp_path):
    """Asks for nothing but the institute."""
    return asking(a_challenge(tmp_path))


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(a_user(name))
    return client


def text_of(response) -> str:
    return " ".join(response.content.decode().replace("\xa0", " ").split())


def send(name: str, challenge, **data):
    return client_of(name).post(f"/challenges/{challenge.slug}/register/", data)


FILLED = {"institute": "Hospital A", "answer-1": "AutoPET.", "answer-2": "Mine."}


def test_a_person_registers_and_sees_that_it_waits(challenge):
    assert send("developer", challenge, **FILLED).status_code == 302
    found = Registration.objects.get()
    assert (found.state, found.institute) == ("waiting", "Hospital A")
    assert found.answers == dict(zip(QUESTIONS, ("AutoPET.", "Mine."), strict=True))
    page = text_of(client_of("developer").get(f"/challenges/{challenge.slug}/register/"))
    assert "waiting for approval" in page
    assert "AutoPET." in page
    assert not may_take_part(a_user("developer"), challenge)


def test_organisers_are_told_that_one_waits_and_the_person_what_was_decided(plain):
    person = registered(plain, "developer")
    registering.register(challenge=plain, user=person, institute="Elsewhere", answers={})
    registering.withdraw(challenge=plain, user=person)
    registered(plain, "developer")
    (waiting,) = Notice.objects.filter(kind=Notice.Kind.WAITING)
    assert waiting.person == a_user("organiser")
    decided(plain, "developer", approve=False, note="Say where you work.")
    (told,) = Notice.objects.filter(kind=Notice.Kind.REGISTRATION)
    assert told.person == person
    assert "was declined" in told.text
    assert "> Say where you work." in told.text


def test_without_approval_it_is_valid_at_once(tmp_path):
    challenge = asking(a_challenge(tmp_path), approval=False)
    person = registered(challenge, "developer")
    assert standing_of(person, challenge).state == "approved"
    assert may_take_part(person, challenge)
    assert waiting_registrations(challenge) == 0


def test_everything_that_is_missing_is_told_at_once_and_what_was_written_stays(challenge):
    answer = send("developer", challenge, institute=" ", **{"answer-1": "AutoPET.", "answer-2": ""})
    assert answer.status_code == 422
    page = text_of(answer)
    assert "Say where you work" in page
    assert page.count("Answer this question.") == 1
    assert "AutoPET." in page
    assert not Registration.objects.exists()


@pytest.mark.parametrize(
    ("institute", "answer", "told"),
    [
        ("x" * 201, "Fine.", "201 characters; at most 200"),
        ("Hospital", "x" * 4001, "4001 characters; at most 4000"),
        ("Hospital", "with a \x07 bell", "control character"),
        ("Hospital", "\ud800", "control character"),
    ],
)
def test_what_cannot_be_kept_is_refused_whoever_calls(challenge, institute, answer, told):
    answers = {QUESTIONS[0]: answer, QUESTIONS[1]: "Mine."}
    with pytest.raises(RegistrationRefused, match=told):
        registering.register(
            challenge=challenge, user=a_user("developer"), institute=institute, answers=answers
        )


def test_an_answer_to_what_is_not_asked_is_refused(challenge):
    with pytest.raises(RegistrationRefused) as refusal:
        registering.register(
            challenge=challenge, user=a_user("developer"), institute="A", answers={"Why?": "So."}
        )
    assert set(refusal.value.problems) == {*QUESTIONS, "Why?"}


def test_while_it_waits_it_can_be_changed(challenge):
    send("developer", challenge, **FILLED)
    assert send("developer", challenge, **{**FILLED, "institute": "B"}).status_code == 302
    found = Registration.objects.get()
    assert (found.institute, found.state) == ("B", "waiting")


@pytest.mark.parametrize("approve", [True, False], ids=["approved", "declined"])
def test_once_it_is_decided_it_stays_as_it_was_written(plain, approve):
    registered(plain, "developer", "A")
    decided(plain, "developer", approve=approve)
    answer = send("developer", plain, institute="B")
    assert answer.status_code == 422
    assert "already, and what you wrote in it stays" in text_of(answer)
    assert Registration.objects.get().institute == "A"


def test_an_approved_one_may_take_part_and_reads_the_note(plain):
    person = registered(plain, "developer")
    decided(plain, "developer", approve=True, note="Welcome.")
    assert may_take_part(person, plain)
    page = text_of(client_of("developer").get(f"/challenges/{plain.slug}/register/"))
    assert "Welcome." in page
    assert "You may submit" in page


def test_a_declined_one_reads_why_and_whom_to_write_to(plain):
    person = registered(plain, "developer")
    decided(plain, "developer", approve=False, note="Write from your institute’s address.")
    assert not may_take_part(person, plain)
    page = text_of(client_of("developer").get(f"/challenges/{plain.slug}/register/"))
    assert "Write from your institute’s address." in page
    contact = plain.protocols.first().document["design"]["contact"]
    assert f"write to {contact}" in page


def test_a_registration_is_withdrawn_with_its_answers_and_the_team_is_left(plain):
    person = registered(plain, "developer")
    decided(plain, "developer", approve=True)
    teams.create_team(challenge=plain, user=person, name="Ours")
    assert send("developer", plain, what="withdraw").status_code == 302
    assert not Registration.objects.exists()
    assert not plain.teams.exists()


def test_a_declined_registration_cannot_be_withdrawn_to_ask_again(plain):
    registered(plain, "developer")
    decided(plain, "developer", approve=False)
    with pytest.raises(RegistrationRefused, match="was declined"):
        registering.withdraw(challenge=plain, user=a_user("developer"))
    assert Registration.objects.get().state == "declined"


def test_once_something_was_submitted_the_registration_stays(plain, tmp_path, settings):
    settings.BASELINES = write_programs(tmp_path / "programs")
    person = registered(plain, "developer")
    a_submission(a_phase(plain), user=person)
    with pytest.raises(RegistrationRefused, match="stays with that"):
        registering.withdraw(challenge=plain, user=person)
    assert Registration.objects.exists()
    page = text_of(client_of("developer").get(f"/challenges/{plain.slug}/register/"))
    assert "Withdraw my registration" not in page
    assert "the registration stays with that" in page


def test_organisers_see_who_waits_first_and_nobody_else_sees_any(plain):
    for name in ("first", "second", "third"):
        registered(plain, name)
    decided(plain, "first", approve=True)
    add_member(challenge=plain, user=a_user("steward"), role=Membership.Role.STEWARD)
    rows = registrations_to(a_user("organiser"), plain)
    assert [row.username for row in rows] == ["second", "third", "first"]
    assert waiting_registrations(plain) == 2
    for name in ("first", "steward", "nobody"):
        assert registrations_to(a_user(name), plain) == ()


def decide(name: str, row: Registration, decision: str, note: str = "", seen: str | None = None):
    data = {"registration": row.pk, "decision": decision, "note": note}
    data["seen"] = what_it_says(row) if seen is None else seen
    return client_of(name).post(f"/organise/{row.challenge.slug}/participants/", data)


def test_who_decided_and_when_is_kept(plain):
    registered(plain, "developer")
    row = Registration.objects.get()
    assert decide("organiser", row, "approve").status_code == 302
    row.refresh_from_db()
    assert row.state == "approved"
    assert row.decided_by == a_user("organiser")
    assert row.decided_at is not None
    page = text_of(client_of("organiser").get(f"/organise/{plain.slug}/participants/"))
    assert "approved by organiser" in page


def test_a_co_organiser_may_decide(plain):
    registered(plain, "developer")
    add_member(challenge=plain, user=a_user("second"), role=Membership.Role.CO_ORGANISER)
    decide("second", Registration.objects.get(), "approve")
    assert Registration.objects.get().decided_by == a_user("second")


def test_nobody_is_declined_without_a_reason(plain):
    registered(plain, "developer")
    answer = decide("organiser", Registration.objects.get(), "decline", " ")
    assert answer.status_code == 422
    assert "Say why: the person reads it." in text_of(answer)
    assert Registration.objects.get().state == "waiting"


def test_a_decision_is_about_what_was_looked_at(plain):
    registered(plain, "developer", "Hospital A")
    seen = what_it_says(Registration.objects.get())
    send("developer", plain, institute="Hospital B")
    answer = decide("organiser", Registration.objects.get(), "approve", seen=seen)
    assert answer.status_code == 422
    assert "has changed since you opened the page" in text_of(answer)
    assert Registration.objects.get().state == "waiting"


def test_a_decision_about_what_was_withdrawn_says_so(plain):
    registered(plain, "developer")
    row = Registration.objects.get()
    seen = what_it_says(row)
    registering.withdraw(challenge=plain, user=a_user("developer"))
    answer = client_of("organiser").post(
        f"/organise/{plain.slug}/participants/",
        {"registration": row.pk, "decision": "approve", "seen": seen},
    )
    assert answer.status_code == 422
    assert "has been withdrawn" in text_of(answer)
    with pytest.raises(RegistrationRefused, match="withdrawn"):
        registering.decide(registration=row, approve=True, seen=seen, by=a_user("organiser"))


def test_a_decision_can_be_made_otherwise_later(plain):
    person = registered(plain, "developer")
    decided(plain, "developer", approve=False)
    decided(plain, "developer", approve=True, note="")
    assert may_take_part(person, plain)
    decided(plain, "developer", approve=False, note="No more.")
    assert not may_take_part(person, plain)


def test_a_registration_of_another_challenge_is_not_decided_here(plain, tmp_path):
    other = asking(a_challenge(tmp_path / "b", slug="other"))
    registered(other, "developer")
    row = Registration.objects.get()
    answer = client_of("organiser").post(
        f"/organise/{plain.slug}/participants/",
        {"registration": row.pk, "decision": "approve", "seen": what_it_says(row)},
    )
    assert answer.status_code == 422
    row.refresh_from_db()
    assert row.state == "waiting"


def test_where_nothing_is_asked_the_page_says_so_and_takes_nothing(tmp_path):
    challenge = a_challenge(tmp_path)
    page = text_of(client_of("developer").get(f"/challenges/{challenge.slug}/register/"))
    assert "You need no registration" in page
    with pytest.raises(RegistrationRefused, match="asks for no registration"):
        registered(challenge, "developer")


def test_an_organiser_is_told_that_none_is_needed(plain):
    page = text_of(client_of("organiser").get(f"/challenges/{plain.slug}/register/"))
    assert "You organise this challenge" in page
    with pytest.raises(RegistrationRefused, match="need no registration"):
        registered(plain, "organiser")


@pytest.mark.parametrize(
    ("state", "words", "offered"),
    [
        ("missing", "You are not registered yet", "Register</a>"),
        ("waiting", "waiting for approval", "Your registration</a>"),
        ("declined", "declined</span>", "Your registration</a>"),
        ("approved", "approved</span>", "Submit<span"),
    ],
)
def test_the_challenges_page_shows_where_a_person_stands(plain, state, words, offered):
    if state != "missing":
        registered(plain, "developer")
    if state in ("approved", "declined"):
        decided(plain, "developer", approve=state == "approved")
    page = text_of(client_of("developer").get(f"/challenges/{plain.slug}/"))
    assert words in page
    assert offered in page
    assert ("/submit/" in page) is (state == "approved")


def test_what_to_do_first_is_told_in_a_sentence(plain):
    person = a_user("developer")
    assert standing_of(person, plain).to_do.startswith("Register first")
    registered(plain, "developer")
    assert "waits for approval" in standing_of(person, plain).to_do
    decided(plain, "developer", approve=False, note="Say where you work.")
    assert standing_of(person, plain).to_do.endswith("declined: Say where you work.")
    decided(plain, "developer", approve=True)
    assert standing_of(person, plain).to_do == ""
    assert standing_of(a_user("organiser"), plain).to_do == ""
