"""One row for a team; and those of the organisers' side stand without a rank."""

import pytest
from django.test import Client
from django.utils import timezone

from challenges.models import Membership, Phase, Team
from challenges.services import teams
from challenges.services.members import add_member
from leaderboards.models import Snapshot
from leaderboards.selectors import board
from leaderboards.services import reconcile, refresh
from leaderboards.tables import Row, Table
from submissions.models import Submission
from tests.factories import a_challenge, a_phase, a_user
from tests.leaderboards.test_board import scored
from tests.taking_part import amended, asking, registered

GOOD, FAIR, POOR = [0.9, 0.9, 0.9], [0.6, 0.6, 0.6], [0.3, 0.3, 0.3]


@pytest.fixture
def sent(monkeypatch) -> list[tuple[str, tuple]]:
    """Messages that would have gone to the broker."""
    found: list[tuple[str, tuple]] = []
    monkeypatch.setattr(
        "challenges.hints.current_app.send_task",
        lambda name, args=(), **_: found.append((name, tuple(args))),
    )
    return found


@pytest.fixture
def phase(db, tmp_path, sent) -> Phase:
    return a_phase(a_challenge(tmp_path))


@pytest.fixture
def team(phase) -> Team:
    """Of anna and ben."""
    made = teams.create_team(challenge=phase.challenge, user=a_user("anna"), name="Lymph Group")
    return joined(made, "ben")


def joined(team: Team, name: str) -> Team:
    return teams.join_team(challenge=team.challenge, user=a_user(name), invitation=team.invitation)


def entry(phase, dice, name: str, *, title: str = "", team: Team | None = None) -> Submission:
    made = scored(phase, dice, title=title or f"Of {name}", user=a_user(name))
    Submission.objects.filter(pk=made.pk).update(team=team)
    return made


def rows(phase) -> dict[str, Row]:
    """As the board is now, by algorithm."""
    refresh(phase=phase)
    return {row.algorithm: row for row in board(a_user("anyone"), phase).table.rows}


def ranks(phase) -> dict[str, int | None]:
    return {title: row.rank_shown for title, row in rows(phase).items()}


def page_of(phase) -> str:
    refresh(phase=phase)
    address = f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/"
    return " ".join(Client().get(address).content.decode().replace("\xa0", " ").split())


def test_a_team_has_one_row_with_its_newest_scored_submission(phase, team):
    entry(phase, GOOD, "anna", team=team)
    entry(phase, FAIR, "ben", team=team)
    entry(phase, POOR, "carl")
    found = rows(phase)
    assert set(found) == {"Of ben", "Of carl"}
    assert (found["Of ben"].team, found["Of ben"].members) == ("Lymph Group", ("anna", "ben"))
    assert (found["Of carl"].team, found["Of carl"].members) == ("", ())


def test_what_a_member_submitted_alone_keeps_a_row_of_its_own(phase, team):
    entry(phase, GOOD, "anna")
    entry(phase, FAIR, "anna", title="Of the team", team=team)
    assert set(rows(phase)) == {"Of anna", "Of the team"}


def test_the_page_names_the_team_and_its_members(phase, team):
    entry(phase, GOOD, "anna", team=team)
    entry(phase, FAIR, "carl")
    page = page_of(phase)
    assert '<span title="anna, ben">Lymph Group</span>' in page
    assert '<span class="sub">anna, ben</span>' in page
    assert "<span>carl</span>" in page


def test_of_a_large_team_the_first_are_named_and_the_others_counted(phase, team):
    for number in range(4):
        joined(team, f"member-{number}")
    entry(phase, GOOD, "anna", team=team)
    assert '<span class="sub">anna, ben, member-0, member-1 and 2 more</span>' in page_of(phase)


@pytest.mark.parametrize("change", ["join", "leave", "name"])
def test_a_change_of_the_team_makes_the_snapshot_anew_and_keeps_the_one_before(phase, team, change):
    entry(phase, GOOD, "anna", team=team)
    rows(phase)
    if change == "join":
        joined(team, "carl")
    elif change == "leave":
        teams.leave_team(challenge=phase.challenge, user=a_user("ben"))
    else:
        teams.change_team(challenge=phase.challenge, user=a_user("ben"), name="Other")
    (row,) = rows(phase).values()
    expected = {
        "join": ("Lymph Group", ("anna", "ben", "carl")),
        "leave": ("Lymph Group", ("anna",)),
        "name": ("Other", ("anna", "ben")),
    }
    assert (row.team, row.members) == expected[change]
    assert Snapshot.objects.count() == 2


def test_a_change_of_a_team_asks_for_the_leaderboards(
    phase, team, sent, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        teams.decide_flag(team=team, of_organisers=True, by=a_user("organiser"))
    assert ("leaderboards.refresh", (phase.pk,)) in sent


def test_a_row_of_a_team_that_everyone_has_left_stays(phase, team):
    entry(phase, GOOD, "anna", team=team)
    for name in ("anna", "ben"):
        teams.leave_team(challenge=phase.challenge, user=a_user(name))
    (row,) = rows(phase).values()
    assert (row.team, row.members) == ("Lymph Group", ())
    assert "Everyone has left it." in page_of(phase)


def test_a_person_who_makes_and_leaves_teams_has_one_row(phase, team):
    """Else each team left would be a place more, and the best of a quota would stand."""
    for number, dice in enumerate((POOR, GOOD, FAIR)):
        name = f"Team {number}"
        made = teams.create_team(challenge=phase.challenge, user=a_user("carl"), name=name)
        entry(phase, dice, "carl", title=name, team=made)
        teams.leave_team(challenge=phase.challenge, user=a_user("carl"))
    entry(phase, POOR, "anna", title="Of the group", team=team)
    assert ranks(phase) == {"Team 2": 1, "Of the group": 2}
    entry(phase, GOOD, "carl", title="Alone")
    assert ranks(phase) == {"Alone": 1, "Of the group": 2}


def test_a_team_that_two_submitted_for_has_one_row_also_when_both_have_left(phase, team):
    entry(phase, GOOD, "anna", team=team)
    entry(phase, FAIR, "ben", team=team)
    for name in ("anna", "ben"):
        teams.leave_team(challenge=phase.challenge, user=a_user(name))
    assert list(rows(phase)) == ["Of ben"]


def test_snapshots_without_teams_are_not_made_anew_and_load_as_they_are(phase):
    entry(phase, GOOD, "carl")
    made = refresh(phase=phase)
    for row in made.document["rows"]:
        for name in ("team", "members", "of_organisers"):
            del row[name]
    made.save()
    (row,) = Table.from_json(made.document).rows
    assert (row.team, row.members, row.of_organisers, row.rank_shown) == ("", (), False, 1)
    assert refresh(phase=phase) == made


def test_a_snapshot_of_teams_survives_the_database(phase, team):
    entry(phase, GOOD, "anna", team=team)
    made = refresh(phase=phase)
    made.refresh_from_db()
    assert Table.from_json(made.document).rows == tuple(rows(phase).values())


@pytest.mark.parametrize("role", [Membership.Role.ORGANISER, Membership.Role.CO_ORGANISER])
def test_who_organises_has_no_rank_and_changes_no_ones(phase, role):
    entry(phase, GOOD, "anna")
    entry(phase, FAIR, "second")
    entry(phase, POOR, "carl")
    assert ranks(phase) == {"Of anna": 1, "Of second": 2, "Of carl": 3}
    add_member(challenge=phase.challenge, user=a_user("second"), role=role)
    assert ranks(phase) == {"Of anna": 1, "Of second": None, "Of carl": 2}
    assert list(rows(phase)) == ["Of anna", "Of second", "Of carl"], "where it would stand"


@pytest.mark.parametrize(
    ("role", "rank"), [("steward", None), ("reader", None), ("reviewer", 1)], ids=str
)
def test_who_may_see_hidden_cases_or_drew_them_has_no_rank(phase, role, rank):
    entry(phase, GOOD, "second")
    add_member(challenge=phase.challenge, user=a_user("second"), role=role)
    assert ranks(phase) == {"Of second": rank}


def test_who_looked_at_a_hidden_case_has_no_rank_whatever_role_was_given_up(phase):
    entry(phase, GOOD, "second")
    assert ranks(phase) == {"Of second": 1}
    now = timezone.now()
    phase.challenge.accesses.create(
        user=a_user("second"), what="image", day=now.date(), first_at=now, last_at=now
    )
    assert ranks(phase) == {"Of second": None}


def test_a_baseline_is_a_baseline_whoever_organises(phase):
    scored(phase, GOOD, title="Baseline", baseline=True, user=a_user("organiser"))
    row = rows(phase)["Baseline"]
    assert not row.of_organisers
    assert row.rank_shown == 1


def test_who_registered_from_an_organising_institute_has_no_rank(phase):
    asking(phase.challenge, approval=False)
    amended(phase.challenge, organising_institutes=["University Hospital X"])
    registered(phase.challenge, "anna", "UNIVERSITY  hospital x")
    registered(phase.challenge, "carl", "University Hospital Xanten")
    entry(phase, GOOD, "anna")
    entry(phase, FAIR, "carl")
    assert ranks(phase) == {"Of anna": None, "Of carl": 1}


def test_a_team_of_an_organising_institute_has_no_rank(phase, team):
    amended(phase.challenge, organising_institutes=["University Hospital X"])
    entry(phase, GOOD, "anna", team=team)
    assert ranks(phase) == {"Of anna": 1}
    teams.change_team(
        challenge=phase.challenge, user=a_user("ben"), name="New", institute="university hospital x"
    )
    assert ranks(phase) == {"Of anna": None}
    team.refresh_from_db()
    assert (team.is_of_organisers, team.flagged) == (True, "institute")
    teams.change_team(challenge=phase.challenge, user=a_user("ben"), name="New", institute="Y")
    assert ranks(phase) == {"Of anna": None}, "it was one, and stays so until someone decides"


def test_an_amendment_that_names_the_institute_later_takes_the_rank(phase, team):
    teams.change_team(
        challenge=phase.challenge, user=a_user("ben"), name="New", institute="Hospital X"
    )
    entry(phase, GOOD, "anna", team=team)
    assert ranks(phase) == {"Of anna": 1}
    amended(phase.challenge, organising_institutes=["Hospital X"])
    reconcile()
    assert ranks(phase) == {"Of anna": None}
    amended(phase.challenge, organising_institutes=[])
    assert ranks(phase) == {"Of anna": 1}


def test_a_team_with_an_organiser_has_no_rank_also_when_that_person_leaves(phase, team):
    entry(phase, GOOD, "anna", team=team)
    joined(team, "organiser")
    assert ranks(phase) == {"Of anna": None}
    teams.leave_team(challenge=phase.challenge, user=a_user("organiser"))
    assert ranks(phase) == {"Of anna": None}
    team.refresh_from_db()
    assert team.flagged == "member"


def test_a_team_whose_member_becomes_an_organiser_has_no_rank(phase, team):
    entry(phase, GOOD, "anna", team=team)
    add_member(challenge=phase.challenge, user=a_user("ben"), role=Membership.Role.CO_ORGANISER)
    assert ranks(phase) == {"Of anna": None}


def test_a_team_whose_submitter_left_and_organises_has_no_rank(phase, team):
    entry(phase, GOOD, "ben", team=team)
    teams.leave_team(challenge=phase.challenge, user=a_user("ben"))
    add_member(challenge=phase.challenge, user=a_user("ben"), role=Membership.Role.ORGANISER)
    assert ranks(phase) == {"Of ben": None}


def flag(name: str, team: Team, flag: str):
    client = Client()
    client.force_login(a_user(name))
    address = f"/organise/{team.challenge.slug}/participants/"
    return client.post(address, {"team": team.public_id, "flag": flag})


def test_an_organiser_decides_otherwise_which_then_holds_and_is_kept(phase, team):
    entry(phase, GOOD, "anna", team=team)
    assert ranks(phase) == {"Of anna": 1}
    assert flag("organiser", team, "unranked").status_code == 302
    assert ranks(phase) == {"Of anna": None}
    team.refresh_from_db()
    assert (team.flagged, team.flagged_by) == ("organiser", a_user("organiser"))
    assert team.flagged_at is not None
    flag("organiser", team, "ranked")
    assert ranks(phase) == {"Of anna": 1}
    joined(team, "organiser")
    assert ranks(phase) == {"Of anna": 1}, "a person has decided"
    assert Snapshot.objects.count() == 4, "each state is kept"


def test_ranks_are_not_a_co_organisers_to_decide_nor_of_teams_elsewhere(phase, team, tmp_path):
    add_member(challenge=phase.challenge, user=a_user("second"), role=Membership.Role.CO_ORGANISER)
    for name in ("second", "anna", "stranger"):
        assert flag(name, team, "ranked").status_code == 404
    other = a_challenge(tmp_path / "b", slug="other")
    theirs = teams.create_team(challenge=other, user=a_user("carl"), name="Theirs")
    client = Client()
    client.force_login(a_user("organiser"))
    data = {"team": theirs.public_id, "flag": "unranked"}
    assert client.post(f"/organise/{phase.challenge.slug}/participants/", data).status_code == 404
    theirs.refresh_from_db()
    assert theirs.flagged == ""


def test_the_page_tags_them_and_says_what_it_means(phase, team):
    amended(phase.challenge, organising_institutes=["University Hospital X"])
    entry(phase, GOOD, "anna", team=team)
    teams.decide_flag(team=team, of_organisers=True, by=a_user("organiser"))
    page = page_of(phase)
    assert '<span class="tag mind">organisers</span>' in page
    assert '<span class="rank">–' in page
    assert "not competing" not in page
    assert (
        "people or teams on the organisers’ side (University Hospital X), or of whoever may see hidden cases"
        in page
    )
