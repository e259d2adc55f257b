"""One entry of each team: its latest, the one that it lets stand, or the best by a metric."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from challenges.definition import ChallengeDefinition, PhaseSpec
from challenges.models import Phase, Team
from challenges.selectors import current_edition
from challenges.services import teams
from challenges.services.publishing import NotReady
from leaderboards.entries import entries_of
from leaderboards.selectors import board
from leaderboards.services import is_stale, refresh
from submissions.models import Chosen, Submission
from submissions.services.choosing import NotChosen, let_stand
from tests.factories import a_challenge, a_phase, a_user
from tests.leaderboards.test_board import scored
from tests.taking_part import amended

GOOD, FAIR, POOR = [0.9, 0.9, 0.9], [0.6, 0.6, 0.6], [0.3, 0.3, 0.3]


@pytest.fixture(autouse=True)
def silent(monkeypatch):
    monkeypatch.setattr("challenges.hints.current_app.send_task", lambda *_, **__: None)


@pytest.fixture
def phase(db, tmp_path) -> Phase:
    return a_phase(a_challenge(tmp_path))


def ruled(phase: Phase, **keys: object) -> Phase:
    document = phase.challenge.protocols.order_by("-version")[:1].get().document
    amended(phase.challenge, phases=[{**document["phases"][0], **keys}])
    return a_phase(phase.challenge)


def entry(phase, dice, title: str, name: str = "anna", team: Team | None = None) -> Submission:
    made = scored(phase, dice, title=title, user=a_user(name))
    Submission.objects.filter(pk=made.pk).update(team=team)
    return Submission.objects.select_related("phase__challenge", "version").get(pk=made.pk)


def standing(phase) -> list[str]:
    refresh(phase=phase)
    return [row.algorithm for row in board(a_user("anyone"), phase).table.rows]


def test_the_latest_where_nothing_is_said(phase):
    entry(phase, GOOD, "First")
    entry(phase, POOR, "Second")
    assert standing(phase) == ["Second"]


class TestChosen:
    @pytest.fixture
    def phase(self, db, tmp_path) -> Phase:
        return ruled(a_phase(a_challenge(tmp_path)), entry="chosen")

    def test_until_something_is_chosen_the_latest(self, phase):
        first, _ = entry(phase, GOOD, "First"), entry(phase, POOR, "Second")
        assert standing(phase) == ["Second"]
        let_stand(submission=first, by=a_user("anna"))
        assert is_stale(phase)
        assert standing(phase) == ["First"]
        entry(phase, FAIR, "Third")
        assert standing(phase) == ["First"]

    def test_the_last_choice_counts_and_each_is_kept_with_who_and_when(self, phase):
        team = teams.create_team(challenge=phase.challenge, user=a_user("anna"), name="Group")
        teams.join_team(challenge=phase.challenge, user=a_user("ben"), invitation=team.invitation)
        first = entry(phase, GOOD, "First", team=team)
        second = entry(phase, POOR, "Second", name="ben", team=team)
        let_stand(submission=second, by=a_user("anna"))
        let_stand(submission=first, by=a_user("ben"))
        assert standing(phase) == ["First"]
        kept = [(one.submission, one.chosen_by.username) for one in Chosen.objects.all()]
        assert kept == [(first, "ben"), (second, "anna")]

    def test_another_person_chooses_for_nobody_else(self, phase):
        anna = entry(phase, GOOD, "Of anna")
        entry(phase, POOR, "Of ben", name="ben")
        for name in ("ben", "organiser"):
            with pytest.raises(NotChosen, match="present members"):
                let_stand(submission=anna, by=a_user(name))
        let_stand(submission=anna, by=a_user("anna"))
        assert set(standing(phase)) == {"Of anna", "Of ben"}

    def test_who_has_left_the_team_chooses_no_more(self, phase):
        team = teams.create_team(challenge=phase.challenge, user=a_user("anna"), name="Group")
        teams.join_team(challenge=phase.challenge, user=a_user("ben"), invitation=team.invitation)
        made = entry(phase, GOOD, "First", name="ben", team=team)
        teams.leave_team(challenge=phase.challenge, user=a_user("ben"))
        with pytest.raises(NotChosen, match="present members"):
            let_stand(submission=made, by=a_user("ben"))

    def test_a_rerun_stands_for_what_was_chosen(self, phase):
        first = entry(phase, GOOD, "First")
        entry(phase, POOR, "Second")
        let_stand(submission=first, by=a_user("anna"))
        again = entry(phase, FAIR, "First again")
        Submission.objects.filter(pk=again.pk).update(
            rerun_of=first, attempt=2, entered_at=first.entered_at, version=first.version
        )
        refresh(phase=phase)
        assert [row.submission for row in board(a_user("anna"), phase).table.rows] == [
            again.public_id
        ]

    def test_once_the_phase_has_closed_what_stands_stays(self, phase):
        made = entry(phase, GOOD, "First")
        Phase.objects.update(closes_at=timezone.now() - timedelta(seconds=1))
        made.phase.refresh_from_db()
        with pytest.raises(NotChosen, match="what stands, stays"):
            let_stand(submission=made, by=a_user("anna"))

    def test_only_what_is_scored_can_stand(self, phase):
        made = entry(phase, GOOD, "First")
        made.state = Submission.State.FAILED
        with pytest.raises(NotChosen, match="only what is scored"):
            let_stand(submission=made, by=a_user("anna"))

    def test_it_is_done_and_told_on_the_submissions_page(self, phase):
        first, second = entry(phase, GOOD, "First"), entry(phase, POOR, "Second")
        client = Client()
        client.force_login(a_user("anna"))
        page = client.get(f"/submissions/{first.public_id}/").content.decode()
        assert "as none has been chosen" in page
        assert "Let this one stand" in page
        client.post(f"/submissions/{first.public_id}/let-stand/")
        page = client.get(f"/submissions/{first.public_id}/").content.decode()
        assert "This submission stands: anna chose it" in page
        assert "Let this one stand" not in page
        other = client.get(f"/submissions/{second.public_id}/").content.decode()
        assert f'href="/submissions/{first.public_id}/"' in other
        assert standing(phase) == ["First"]
        text = client.get("/challenges/small/open/leaderboard/").content.decode()
        assert "the one that it let stand, or its latest where it chose none" in text

    def test_and_by_the_api(self, phase):
        first, _ = entry(phase, GOOD, "First"), entry(phase, POOR, "Second")
        client = Client()
        client.force_login(a_user("anna"))
        answer = client.post(f"/api/v1/submissions/{first.public_id}/stand")
        assert answer.status_code == 200
        assert standing(phase) == ["First"]


def test_where_nobody_chooses_it_is_refused_in_words(phase):
    made = entry(phase, GOOD, "First")
    with pytest.raises(NotChosen, match="In this phase nobody chooses"):
        let_stand(submission=made, by=a_user("anna"))


class TestBest:
    def test_by_the_mean_over_cases_of_equals_the_earlier(self, phase):
        phase = ruled(phase, entry="best", best_by="dice")
        entry(phase, FAIR, "First")
        entry(phase, GOOD, "Best")
        entry(phase, GOOD, "As good")
        entry(phase, [None, 0.9, 0.9], "With a failure")
        entry(phase, POOR, "Of ben", name="ben")
        assert standing(phase) == ["Best", "Of ben"]

    def test_less_is_better_where_the_metric_says_so(self, phase):
        phase = ruled(phase, entry="best", best_by="hd95")
        entry(phase, GOOD, "Near")
        entry(phase, POOR, "Far")
        assert standing(phase) == ["Near"]

    def test_of_baselines_the_newest(self, phase):
        phase = ruled(phase, entry="best", best_by="dice")
        scored(phase, GOOD, title="Baseline", baseline=True, user=a_user("organiser"))
        scored(phase, POOR, title="Baseline", baseline=True, user=a_user("organiser"))
        refresh(phase=phase)
        (row,) = board(a_user("anyone"), phase).table.rows
        assert row.version == 2

    def test_asks_no_more_where_there_are_more(self, phase):
        phase = ruled(phase, entry="best", best_by="dice")
        entry(phase, FAIR, "First")
        with CaptureQueriesContext(connection) as few:
            entries_of(phase, current_edition(phase))
        for number in range(6):
            entry(phase, GOOD, f"Of {number}", name=f"dev {number % 3}")
        with CaptureQueriesContext(connection) as many:
            entries_of(phase, current_edition(phase))
        assert len(many) == len(few)

    def test_a_final_phase_refuses_it(self, phase):
        with pytest.raises(NotReady, match="a final phase takes no best of several"):
            ruled(phase, kind="final", entry="best", best_by="dice")

    @pytest.mark.parametrize(
        ("column", "told"),
        [
            ("", "a metric is expected with entry: best"),
            ("nsd", "not among the metrics"),
            ("mtv_error_ml", "no order of single cases"),
            ("dice[node]", "there is no label “node”"),
        ],
    )
    def test_by_a_metric_that_can_tell(self, phase, column, told):
        with pytest.raises(NotReady, match=told):
            ruled(phase, entry="best", best_by=column)


def test_a_phase_that_says_nothing_of_it_has_the_hash_that_it_had(phase):
    document = phase.challenge.protocols.get().document
    assert "entry" not in document["phases"][0]
    same = {**document, "phases": [{**document["phases"][0], "entry": "latest", "best_by": ""}]}
    one, other = (ChallengeDefinition.model_validate(each) for each in (document, same))
    assert one.protocol_hash() == other.protocol_hash()
    assert (
        PhaseSpec.model_validate({**document["phases"][0], "entry": "chosen"}).model_dump(
            mode="json"
        )["entry"]
        == "chosen"
    )
