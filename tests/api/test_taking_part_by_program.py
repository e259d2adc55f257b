"""Notices, registration, teams, announcements and questions by program: what the pages do, and in the
same words where something is refused."""

import pytest

from accounts.models import Notice
from accounts.services import notices
from challenges.models import Registration
from challenges.services import teams
from challenges.services.asking import QUESTIONS_A_DAY
from tests.api.conftest import Program
from tests.factories import a_challenge, a_user
from tests.taking_part import asking, registered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hints")]
BASE = "/challenges/small"


@pytest.fixture
def challenge(tmp_path):
    return a_challenge(tmp_path)


def of(name: str) -> Program:
    return Program(a_user(name), "read", "submit", "organise")


def test_a_registration_is_sent_decided_and_withdrawn(challenge):
    asking(challenge, "Which data?")
    developer, organiser = of("developer"), of("organiser")
    state = developer.get(f"{BASE}/registration").json()
    assert (state["state"], state["questions"]) == ("missing", ["Which data?"])
    wrong = developer.ask("PUT", f"{BASE}/registration", {"institute": " ", "answers": {"x": "y"}})
    assert wrong.status_code == 422
    assert set(wrong.json()["problems"]) == {"institute", "Which data?", "x"}
    said = {"institute": "Hospital A", "answers": {"Which data?": "AutoPET."}}
    assert developer.ask("PUT", f"{BASE}/registration", said).json()["state"] == "waiting"
    (row,) = organiser.get(f"{BASE}/registrations").json()
    decision = f"{BASE}/registrations/developer/decision"
    assert organiser.post(decision, {"approve": False, "seen": row["seen"]}).status_code == 422
    assert organiser.post(decision, {"approve": True, "seen": "older"}).status_code == 409
    decided = organiser.post(decision, {"approve": True, "seen": row["seen"]}).json()
    assert (decided["state"], decided["decided_by"]) == ("approved", "organiser")
    assert developer.get(f"{BASE}/registration").json()["may_take_part"]
    assert developer.ask("DELETE", f"{BASE}/registration").status_code == 204
    assert not Registration.objects.exists()
    assert developer.ask("DELETE", f"{BASE}/registration").status_code == 409


def test_a_team_is_made_joined_by_its_secret_renamed_and_left(challenge):
    anna, bert = of("anna"), of("bert")
    assert anna.get(f"{BASE}/team").status_code == 404
    made = anna.post(f"{BASE}/team", {"name": "Ours", "institute": "Nijmegen"})
    assert made.status_code == 201
    secret = made.json()["invitation"]
    assert made.json()["link"].endswith(f"/challenges/small/teams/join/{secret}/")
    joined = bert.post(f"{BASE}/team/members", {"invitation": secret}).json()
    assert joined["members"] == ["anna", "bert"]
    assert anna.post(f"{BASE}/team", {"name": "Another"}).status_code == 409
    assert bert.ask("PUT", f"{BASE}/team", {"name": ""}).json()["problems"]["name"]
    assert bert.ask("PUT", f"{BASE}/team", {"name": "Both"}).json()["name"] == "Both"
    renewed = anna.post(f"{BASE}/team/invitation").json()["invitation"]
    assert renewed != secret
    late = of("carl").post(f"{BASE}/team/members", {"invitation": secret})
    assert late.status_code == 409
    assert "renewed or switched off" in late.json()["detail"]
    assert anna.ask("DELETE", f"{BASE}/team/invitation").json()["link"] == ""
    assert bert.ask("DELETE", f"{BASE}/team").status_code == 204
    assert anna.get(f"{BASE}/team").json()["members"] == ["anna"]


def test_where_registration_is_asked_a_team_comes_after_it(challenge):
    asking(challenge)
    refused = of("anna").post(f"{BASE}/team", {"name": "Ours"})
    assert refused.status_code == 409
    assert "register first" in refused.json()["detail"]


def test_an_organiser_lists_teams_and_settles_which_is_ranked(challenge):
    team = teams.create_team(challenge=challenge, user=a_user("anna"), name="Ours")
    organiser = of("organiser")
    (row,) = organiser.get(f"{BASE}/teams").json()
    assert (row["members"], row["of_organisers"]) == (["anna"], False)
    flagged = organiser.ask(
        "PUT", f"{BASE}/teams/{team.public_id}/flag", {"of_organisers": True}
    ).json()
    assert (flagged["of_organisers"], flagged["why"]) == (True, "organiser")
    assert "invitation" not in row


def test_an_announcement_is_made_corrected_and_withdrawn(challenge):
    organiser, anna = of("organiser"), of("anna")
    made = organiser.post(f"{BASE}/announcements", {"title": "A date", "text": "Monday."}).json()
    address = f"{BASE}/announcements/{made['id']}"
    edited = organiser.ask("PUT", address, {"title": "A date", "text": "Tuesday."}).json()
    assert edited["edited_at"]
    assert [one["text"] for one in anna.get(f"{BASE}/announcements").json()] == ["Tuesday."]
    assert organiser.ask("DELETE", address).json()["withdrawn_at"]
    assert anna.get(f"{BASE}/announcements").json() == []
    assert len(organiser.get(f"{BASE}/announcements").json()) == 1
    assert organiser.ask("PUT", address, {"title": "x", "text": "y"}).status_code == 409


def test_questions_are_asked_searched_answered_and_moderated(challenge):
    organiser, anna, bert = of("organiser"), of("anna"), of("bert")
    asked = anna.post(f"{BASE}/questions", {"title": "Which grid?", "text": "PET?"})
    assert asked.status_code == 201
    address = f"{BASE}/questions/{asked.json()['id']}"
    bert.post(f"{address}/answers", {"text": "Buy this."})
    answered = organiser.post(f"{address}/answers", {"text": "The PET's."}).json()
    spam, good = answered["answers"]
    assert (spam["by_organiser"], good["by_organiser"]) == (False, True)
    (row,) = anna.get(f"{BASE}/questions?search=grid").json()
    assert (row["answers"], row["organiser_answers"]) == (2, 1)
    assert anna.get(f"{BASE}/questions?search=tumour").json() == []
    hidden = f"{address}/answers/{spam['id']}/hidden"
    assert organiser.ask("PUT", hidden, {"reason": " "}).status_code == 422
    organiser.ask("PUT", hidden, {"reason": "Advertising."})
    assert len(anna.get(address).json()["answers"]) == 1
    assert bert.get(address).json()["answers"][0]["hidden"]["because"] == "Advertising."
    assert organiser.ask("PATCH", address, {"pinned": True, "closed": True}).json()["is_pinned"]
    assert bert.post(f"{address}/answers", {"text": "Late."}).status_code == 409


def test_too_many_questions_in_a_day_are_refused_as_such(challenge):
    anna = of("anna")
    for number in range(QUESTIONS_A_DAY):
        anna.post(f"{BASE}/questions", {"title": f"Question {number}", "text": "?"})
    refused = anna.post(f"{BASE}/questions", {"title": "One more", "text": "?"})
    assert refused.status_code == 429
    assert refused.json()["code"] == "too_many_in_a_day"
    assert "tomorrow" in refused.json()["detail"]


def test_a_hidden_answer_of_another_question_is_not_reached_from_here(challenge):
    organiser, anna = of("organiser"), of("anna")
    first, second = (
        anna.post(f"{BASE}/questions", {"title": title, "text": "?"}).json()["id"]
        for title in ("First?", "Second?")
    )
    answer = anna.post(f"{BASE}/questions/{second}/answers", {"text": "x"}).json()["answers"][0]
    wrong = f"{BASE}/questions/{first}/answers/{answer['id']}/hidden"
    assert organiser.ask("PUT", wrong, {"reason": "x"}).status_code == 404


def test_notices_are_listed_and_marked_as_read(challenge):
    asking(challenge)
    registered(challenge, "anna")
    organiser = of("organiser")
    (row,) = organiser.get("/notices?unread=true").json()
    assert (row["kind"], row["path"]) == ("waiting", "/organise/small/participants/")
    assert of("anna").post(f"/notices/{row['id']}/read").status_code == 404
    assert organiser.post(f"/notices/{row['id']}/read").json()["read_at"]
    assert organiser.get("/notices?unread=true").json() == []
    assert len(organiser.get("/notices").json()) == 1
    assert organiser.post("/notices/read").json() == {"marked": 0}


def test_each_kind_of_notices_is_switched(challenge):
    anna = of("anna")
    choice = {"kind": "phase", "in_inbox": False, "by_mail": True}
    found = anna.ask("PUT", "/notices/settings", {"choices": [choice]}).json()
    assert {one["kind"] for one in found} == set(Notice.Kind.values)
    assert [one["kind"] for one in found if not one["in_inbox"]] == ["phase"]
    notices.notify([a_user("anna")], kind=Notice.Kind.PHASE, subject="x", text="y", link="/",
                   key="k")  # fmt: skip
    assert anna.get("/notices").json() == []
    wrong = anna.ask("PUT", "/notices/settings", {"choices": [{**choice, "kind": "spam"}]})
    assert wrong.status_code == 422


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "offset=-1"])
def test_a_part_of_a_list_that_there_is_none_of_is_refused(challenge, query):
    assert of("anna").get(f"/notices?{query}").status_code == 422
