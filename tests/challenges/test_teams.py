"""People take part as a team: made, joined by a link, changed and left."""

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from challenges.models import Team, TeamMember
from challenges.selectors.taking_part import team_of, teams_of
from challenges.services import teams
from challenges.services.teams import TeamRefused
from submissions.models import Submission
from tests.factories import a_challenge, a_phase, a_submission, a_user
from tests.programs import write_programs
from tests.taking_part import amended, asking, decided, registered

pytestmark = pytest.mark.django_db


@pytest.fixture
def challenge(tmp_path):
    return a_challenge(tmp_path)


@pytest.fixture
def team(challenge) -> Team:
    """Of anna alone."""
    return teams.create_team(challenge=challenge, user=a_user("anna"), name="Lymph Group")


def join(team: Team, name: str) -> Team:
    team.refresh_from_db()
    return teams.join_team(challenge=team.challenge, user=a_user(name), invitation=team.invitation)


def members(team: Team) -> list[str]:
    return [one.user.get_username() for one in team.members.all()]


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(a_user(name))
    return client


def send(who: str, team: Team, what: str, **data):
    address = f"/challenges/{team.challenge.slug}/teams/"
    return client_of(who).post(address, {"what": what, **data})


def link_of(team: Team) -> str:
    team.refresh_from_db()
    return f"/challenges/{team.challenge.slug}/teams/join/{team.invitation}/"


def text_of(response) -> str:
    return " ".join(response.content.decode().replace("\xa0", " ").split())


def submitted_for(team: Team, name: str, tmp_path, settings) -> Submission:
    settings.BASELINES = write_programs(tmp_path / "programs")
    made = a_submission(a_phase(team.challenge), user=a_user(name))
    Submission.objects.filter(pk=made.pk).update(team=team, is_baseline=False)
    return made


def test_who_makes_a_team_is_in_it_and_gets_a_link_to_invite_by(challenge):
    client = client_of("anna")
    address = f"/challenges/{challenge.slug}/teams/"
    answer = client.post(
        address, {"what": "create", "name": " Lymph  Group ", "institute": "Hospital A"}
    )
    assert answer.status_code == 302
    team = Team.objects.get()
    assert (team.name, team.institute, members(team)) == ("Lymph Group", "Hospital A", ["anna"])
    assert f"http://testserver{link_of(team)}" in text_of(client.get(address))


def test_a_link_shows_the_team_and_asks_before_anything_happens(team):
    page = text_of(client_of("ben").get(link_of(team)))
    assert "Lymph Group" in page
    assert "anna" in page
    assert "Join Lymph Group</button>" in page
    assert members(team) == ["anna"]


def test_who_confirms_is_in_the_team(team):
    assert client_of("ben").post(link_of(team)).status_code == 302
    assert members(team) == ["anna", "ben"]
    page = text_of(client_of("ben").get(f"/challenges/{team.challenge.slug}/teams/"))
    assert "your team" in page
    assert 'ben <span class="tag">you</span>' in page


def test_a_visitor_signs_in_and_comes_back_to_the_link(team):
    answer = Client().get(link_of(team))
    assert answer["Location"] == f"/accounts/login/?next={link_of(team)}"


def test_to_join_twice_changes_nothing(team):
    join(team, "ben")
    join(team, "ben")
    assert members(team) == ["anna", "ben"]


def test_a_renewed_link_voids_the_one_before(team):
    before = link_of(team)
    assert send("anna", team, "renew").status_code == 302
    assert link_of(team) != before
    assert client_of("ben").get(before).status_code == 404
    assert client_of("ben").post(before).status_code == 404
    assert client_of("ben").post(link_of(team)).status_code == 302


def test_a_link_that_is_switched_off_leads_nowhere_and_several_teams_may_have_none(challenge, team):
    before = link_of(team)
    other = teams.create_team(challenge=challenge, user=a_user("carl"), name="Others")
    send("anna", team, "switch off")
    send("carl", other, "switch off")
    assert [one.invitation for one in Team.objects.all()] == ["", ""]
    assert client_of("ben").get(before).status_code == 404
    with pytest.raises(TeamRefused, match="leads to no team any more"):
        teams.join_team(challenge=challenge, user=a_user("ben"), invitation="")
    page = text_of(client_of("anna").get(f"/challenges/{challenge.slug}/teams/"))
    assert "There is no link: nobody can join." in page


def test_a_person_is_in_one_team_of_a_challenge(challenge, team):
    teams.create_team(challenge=challenge, user=a_user("ben"), name="Others")
    with pytest.raises(TeamRefused, match="in the team “Others”, and a person is in one team"):
        join(team, "ben")
    with pytest.raises(TeamRefused, match="Leave it first"):
        teams.create_team(challenge=challenge, user=a_user("ben"), name="Third")
    assert "You are in the team Others" in text_of(client_of("ben").get(link_of(team)))
    client_of("ben").post(link_of(team))
    assert members(team) == ["anna"]


def test_the_database_holds_one_to_one_team_too(challenge, team):
    other = Team.objects.create(challenge=challenge, name="Others")
    with pytest.raises(IntegrityError), transaction.atomic():
        TeamMember.objects.create(challenge=challenge, team=other, user=a_user("anna"))


def test_in_another_challenge_there_may_be_another_team(team, tmp_path):
    other = a_challenge(tmp_path / "b", slug="other")
    teams.create_team(challenge=other, user=a_user("anna"), name="Lymph Group")
    assert TeamMember.objects.filter(user=a_user("anna")).count() == 2


def test_a_full_team_takes_nobody_and_says_so(challenge, team):
    amended(challenge, teams={"most_members": 2})
    join(team, "ben")
    with pytest.raises(TeamRefused, match="“Lymph Group” is full: 2 may be in a team"):
        join(team, "carl")
    page = text_of(client_of("carl").get(link_of(team)))
    assert "The team is full" in page
    assert "</button> <a" not in page


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "Give the team a name."),
        ("  ", "Give the team a name."),
        ("lymph  GROUP", "There is a team “lymph GROUP” already"),
        ("x" * 101, "101 characters; at most 100"),
        ("turned \u202e round", "control character"),
    ],
)
def test_a_name_that_cannot_be_is_refused_beside_what_else_is_wrong(team, name, told):
    answer = send("ben", team, "create", name=name, institute="y" * 201)
    assert answer.status_code == 422
    page = text_of(answer)
    assert told in page
    assert "201 characters; at most 200" in page
    assert Team.objects.count() == 1


def test_a_member_changes_name_and_institute_and_nobody_else_does(team):
    join(team, "ben")
    assert send("ben", team, "change", name="LYMPH group", institute="B").status_code == 302
    team.refresh_from_db()
    assert (team.name, team.institute) == ("LYMPH group", "B")
    answer = send("stranger", team, "change", name="Mine", institute="")
    assert answer.status_code == 422
    assert "You are in no team of this challenge." in text_of(answer)
    team.refresh_from_db()
    assert team.name == "LYMPH group"


@pytest.mark.parametrize("what", ["leave", "renew", "switch off"])
def test_who_is_in_no_team_changes_none(team, what):
    before = link_of(team)
    send("stranger", team, what)
    assert link_of(team) == before
    assert members(team) == ["anna"]


def test_what_is_not_offered_is_not_found(team):
    assert send("anna", team, "delete").status_code == 404
    assert send("anna", team, "").status_code == 404


def test_who_leaves_is_out_and_may_join_another(challenge, team):
    join(team, "ben")
    send("anna", team, "leave")
    assert members(team) == ["ben"]
    assert team_of(a_user("anna"), challenge) is None
    teams.create_team(challenge=challenge, user=a_user("anna"), name="Others")


def test_a_team_that_everyone_has_left_stays_for_its_submissions_and_is_joined_by_nobody(
    team, tmp_path, settings
):
    made = submitted_for(team, "anna", tmp_path, settings)
    link = link_of(team)
    send("anna", team, "leave")
    made.refresh_from_db()
    assert made.team == team
    assert client_of("ben").post(link).status_code == 404
    assert members(team) == []


def test_one_without_submissions_goes_and_its_name_is_free(challenge, team):
    send("anna", team, "leave")
    assert not Team.objects.exists()
    teams.create_team(challenge=challenge, user=a_user("ben"), name="Lymph Group")


def test_where_registration_is_asked_an_approved_one_is_needed_to_join(challenge, team):
    asking(challenge)
    page = text_of(client_of("ben").get(link_of(team)))
    assert "Register first" in page
    registered(challenge, "ben")
    with pytest.raises(TeamRefused, match="register first"):
        join(team, "ben")
    with pytest.raises(TeamRefused, match="register first"):
        teams.create_team(challenge=challenge, user=a_user("ben"), name="Others")
    client_of("ben").post(link_of(team))
    assert members(team) == ["anna"]
    decided(challenge, "ben", approve=True)
    join(team, "ben")
    assert members(team) == ["anna", "ben"]


def test_a_member_whose_registration_is_not_valid_is_told_on_the_teams_page(challenge, team):
    asking(challenge)
    page = text_of(client_of("anna").get(f"/challenges/{challenge.slug}/teams/"))
    assert "You yourself cannot submit" in page


def test_organisers_see_every_team_and_nobody_else_sees_any(challenge, team):
    join(team, "ben")
    (row,) = teams_of(a_user("organiser"), challenge)
    assert (row.name, row.members, row.submissions) == ("Lymph Group", ("anna", "ben"), 0)
    for name in ("anna", "nobody"):
        assert teams_of(a_user(name), challenge) == ()


def test_the_challenges_page_names_the_persons_team(challenge, team):
    page = text_of(client_of("anna").get(f"/challenges/{challenge.slug}/"))
    assert "You are in the team <strong>Lymph Group</strong>" in page
    assert "You take part alone." in text_of(client_of("ben").get(f"/challenges/{challenge.slug}/"))


def test_of_a_challenge_that_is_not_published_there_is_no_team(organiser, draft):
    for page in ("teams", "register"):
        assert organiser.get(f"/challenges/{draft.slug}/{page}/").status_code == 404
