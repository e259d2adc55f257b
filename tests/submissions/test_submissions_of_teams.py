"""Who is in a team submits for it: its members see that and may end it, and share its quota."""

import io
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from challenges.models import Membership, Team
from challenges.services import teams
from challenges.services.members import add_member
from submissions.models import Similarity, Submission
from submissions.selectors import find_submission, similar_pairs, submissions_of
from submissions.services.quotas import (
    QuotaUsedUp,
    allowance_of,
    require_room,
    waiting_for_their_turn,
)
from submissions.services.rerunning import rerun
from submissions.services.uploads import submit_upload
from tests.factories import a_challenge, a_submission, a_user

pytestmark = pytest.mark.usefixtures("hints", "programs")


@pytest.fixture
def phase(phase):
    """Two submissions and four attempts in any seven days."""
    phase.quota_submissions, phase.quota_attempts, phase.quota_days = 2, 4, 7
    phase.save()
    return phase


@pytest.fixture
def team(phase) -> Team:
    """Of anna and ben."""
    made = teams.create_team(challenge=phase.challenge, user=a_user("anna"), name="Lymph Group")
    return join(made, "ben")


def join(team: Team, name: str) -> Team:
    return teams.join_team(challenge=team.challenge, user=a_user(name), invitation=team.invitation)


def leave(team: Team, name: str) -> None:
    teams.leave_team(challenge=team.challenge, user=a_user(name))


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(a_user(name))
    return client


def text_of(response) -> str:
    return " ".join(response.content.decode().replace("\xa0", " ").split())


def submitted(phase, name: str, *, team: Team | None = None, **fields) -> Submission:
    """One that is there by now, for the team or by the person alone."""
    made = a_submission(phase, user=a_user(name))
    values = {"is_baseline": False, "state": "scored", "team": team, **fields}
    Submission.objects.filter(pk=made.pk).update(**values)
    made.refresh_from_db()
    return made


def upload(phase, name: str, **more) -> Submission:
    file = SimpleUploadedFile("image.tar", b"x" * 1000)
    return submit_upload(phase=phase, user=a_user(name), title="Mine", file=file, **more)


def used(phase, name: str) -> tuple[int, int]:
    allowance = allowance_of(phase=phase, user=a_user(name))
    return allowance.submissions.used, allowance.attempts.used


def test_a_member_submits_for_the_team_and_anyone_else_alone(phase, team):
    assert upload(phase, "ben").team == team
    assert upload(phase, "carl").team is None


def test_a_baseline_is_no_teams(phase, team):
    add_member(challenge=phase.challenge, user=a_user("ben"), role=Membership.Role.ORGANISER)
    assert upload(phase, "ben", is_baseline=True).team is None


def test_a_re_run_is_the_same_teams_whoever_has_left_since(phase, team):
    made = submitted(phase, "ben", team=team)
    leave(team, "ben")
    assert rerun(submission=made, by=a_user("organiser")).team == team


def test_members_see_what_was_submitted_for_the_team_and_others_do_not(phase, team):
    made = submitted(phase, "anna", team=team)
    assert find_submission(a_user("ben"), made.public_id) == made
    assert list(submissions_of(a_user("ben"))) == [made]
    assert find_submission(a_user("carl"), made.public_id) is None
    assert not submissions_of(a_user("carl")).exists()


def test_what_a_member_submitted_alone_before_stays_that_persons(phase, team):
    alone = submitted(phase, "anna")
    assert find_submission(a_user("ben"), alone.public_id) is None
    assert list(submissions_of(a_user("ben"))) == []


def test_who_has_left_sees_only_what_that_person_submitted(phase, team):
    annas, bens = submitted(phase, "anna", team=team), submitted(phase, "ben", team=team)
    leave(team, "ben")
    assert list(submissions_of(a_user("ben"))) == [bens]
    assert find_submission(a_user("ben"), annas.public_id) is None
    assert set(submissions_of(a_user("anna"))) == {annas, bens}


def test_who_joins_sees_what_was_submitted_for_the_team_before(phase, team):
    made = submitted(phase, "anna", team=team)
    join(team, "carl")
    assert list(submissions_of(a_user("carl"))) == [made]


def test_each_submission_is_listed_once_with_its_runs(phase, team):
    """However many members and runs there are."""
    made = submitted(phase, "anna", team=team)
    for case in phase.dataset.cases.all():
        made.runs.create(case=case)
    (row,) = submissions_of(a_user("anna"))
    assert row.total_runs == 3


def test_a_member_may_cancel_it_and_a_former_one_may_not(phase, team):
    made = submitted(phase, "anna", team=team, state="queued")
    join(team, "carl")
    leave(team, "carl")
    address = f"/submissions/{made.public_id}/cancel/"
    assert client_of("carl").post(address).status_code == 404
    made.refresh_from_db()
    assert made.state == "queued"
    assert client_of("ben").post(address).status_code == 302
    made.refresh_from_db()
    assert made.state == "cancelled"


def test_pages_say_for_whom_and_by_whom(phase, team):
    made = submitted(phase, "anna", team=team)
    assert "for Lymph Group, by anna" in text_of(client_of("ben").get("/submissions/"))
    assert "anna, for Lymph Group" in text_of(
        client_of("ben").get(f"/submissions/{made.public_id}/")
    )
    every = f"/challenges/{phase.challenge.slug}/submissions/"
    assert 'anna<span class="sub">Lymph Group' in text_of(client_of("organiser").get(every))


def test_the_leaderboard_leads_a_member_to_what_is_under_way(phase, team):
    made = submitted(phase, "anna", team=team, state="running")
    address = f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/"
    assert f"/submissions/{made.public_id}/" in text_of(client_of("ben").get(address))
    for name in ("carl",):
        assert f"/submissions/{made.public_id}/" not in text_of(client_of(name).get(address))


def test_two_alike_of_one_team_are_told_last_and_as_such(phase, team):
    annas, bens = submitted(phase, "anna", team=team), submitted(phase, "ben", team=team)
    carls = submitted(phase, "carl")
    Similarity.objects.create(first=annas, second=bens, dice=0.999, cases=3)
    Similarity.objects.create(first=annas, second=carls, dice=0.985, cases=3)
    pairs = similar_pairs(a_user("organiser"), phase.challenge)
    assert [(pair.second, pair.same_side) for pair in pairs] == [(carls, False), (bens, True)]
    page = f"/challenges/{phase.challenge.slug}/submissions/"
    assert "same team" in text_of(client_of("organiser").get(page))


def test_of_a_team_counts_what_each_member_submitted_for_it(phase, team):
    submitted(phase, "anna", team=team)
    submitted(phase, "ben", team=team, state="failed", reason_owner="participant")
    assert used(phase, "anna") == used(phase, "ben") == (1, 2)


def test_of_a_team_counts_what_a_member_submitted_alone_before(phase, team):
    submitted(phase, "carl")
    assert used(phase, "anna") == (0, 0)
    join(team, "carl")
    assert used(phase, "anna") == (1, 1), "joining renews nobody's quota"


def test_to_leave_renews_no_quota(phase, team):
    for _ in range(2):
        submitted(phase, "ben", team=team)
    leave(team, "ben")
    assert used(phase, "ben") == (2, 2), "what ben submitted counts wherever ben goes"
    assert used(phase, "anna") == (2, 2), "and it stays the team's"
    other = teams.create_team(challenge=phase.challenge, user=a_user("ben"), name="Others")
    assert used(phase, "ben") == (2, 2)
    with pytest.raises(QuotaUsedUp):
        require_room(phase=phase, user=a_user("ben"))
    assert other.members.count() == 1


def test_a_person_alone_is_not_charged_for_a_team_left(phase, team):
    submitted(phase, "anna", team=team)
    leave(team, "ben")
    assert used(phase, "ben") == (0, 0)


def test_a_team_of_another_challenge_counts_nothing_here(phase, team, tmp_path):
    other = a_challenge(tmp_path / "b", slug="other")
    both = teams.create_team(challenge=other, user=a_user("anna"), name="Elsewhere")
    teams.join_team(challenge=other, user=a_user("carl"), invitation=both.invitation)
    submitted(phase, "carl")
    assert used(phase, "anna") == (0, 0)
    submitted(phase, "anna", team=team)
    assert used(phase, "carl") == (1, 1)


def test_one_counts_once_though_it_is_the_teams_and_a_members(phase, team):
    submitted(phase, "anna", team=team)
    assert used(phase, "ben") == (1, 1)


def test_the_refusal_says_that_it_is_the_teams_quota(phase, team):
    for name in ("anna", "ben"):
        submitted(phase, name, team=team)
    with pytest.raises(QuotaUsedUp, match=r"The team’s \(Lymph Group\) quota is used up: 2 of 2"):
        upload(phase, "anna")
    assert Submission.objects.count() == 2


def test_pages_say_whose_quota_it_is(phase, team):
    submitted(phase, "anna", team=team, received_at=timezone.now() - timedelta(days=1))
    address = f"/challenges/{phase.challenge.slug}/{phase.slug}/submit/"
    page = text_of(client_of("ben").get(address))
    assert "Submitted for your team <strong>Lymph Group</strong>: the quota is the team’s" in page
    assert '<dd>1 <span class="of">of 2, 1 used</span></dd>' in page
    assert "One of the team’s runs at a time" in page
    submitted(phase, "anna", team=team)
    assert "Your team’s quota is used up" in text_of(client_of("ben").get(address))
    refused = client_of("ben").post(address, {"title": "Mine", "image": io.BytesIO(b"x" * 1000)})
    assert refused.status_code == 422
    challenge = text_of(client_of("ben").get(f"/challenges/{phase.challenge.slug}/"))
    assert "What one team may submit, or a person alone" in challenge


def test_a_teams_submissions_run_one_after_another_whoever_sent_them(phase, team):
    submitted(phase, "anna", team=team, state="running")
    second = submitted(phase, "ben", team=team, state="queued")
    submitted(phase, "carl", state="queued")
    assert list(waiting_for_their_turn()) == [second]
    page = text_of(client_of("ben").get(f"/submissions/{second.public_id}/"))
    assert "waits for an earlier submission of Lymph Group" in page


def test_what_a_member_has_under_way_alone_holds_up_the_team(phase, team):
    submitted(phase, "carl", state="running")
    second = submitted(phase, "anna", team=team, state="queued")
    assert not waiting_for_their_turn().exists()
    join(team, "carl")
    assert list(waiting_for_their_turn()) == [second]


def test_each_earlier_one_holds_up_once_however_many_teams_its_person_is_in(phase, team, tmp_path):
    phase.quota_at_once = 2
    phase.save()
    for number in range(3):
        other = a_challenge(tmp_path / str(number), slug=f"other-{number}", cases=1)
        teams.create_team(challenge=other, user=a_user("anna"), name="Elsewhere")
    submitted(phase, "anna", team=team, state="running")
    submitted(phase, "anna", team=team, state="queued")
    assert not waiting_for_their_turn().exists()
    third = submitted(phase, "ben", team=team, state="queued")
    assert list(waiting_for_their_turn()) == [third]
