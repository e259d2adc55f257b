"""A submission ends: its person and team are told once, whatever dies in between, and of nothing that
is hidden."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.models import Event, Notice
from accounts.services.mailing import send_waiting
from challenges.models import Phase
from challenges.services import teams
from submissions.models import Submission
from submissions.sandbox.outcome import Owner
from submissions.services import lifecycle, rescoring, telling
from submissions.services.checking import check_next
from submissions.services.running import run_next
from submissions.services.scoring import score_next
from tests.accounts.conftest import a_reader, over_smtp
from tests.factories import a_submission, a_user
from tests.mail_server import mail_server
from tests.taking_part import amended

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("hints", "programs")


def to_its_end() -> None:
    while (
        check_next(worker="h:1") or run_next(worker="h:1", engine=None) or score_next(worker="h:1")
    ):
        pass


def told(**which: object) -> dict[str, int]:
    found: dict[str, int] = {}
    for notice in Notice.objects.filter(**which).select_related("person"):
        found[notice.person.get_username()] = found.get(notice.person.get_username(), 0) + 1
    return found


def in_a_team(phase: Phase, *names: str) -> None:
    first, *others = (a_reader(name) for name in names)
    team = teams.create_team(challenge=phase.challenge, user=first, name="Ours")
    for one in others:
        teams.join_team(challenge=phase.challenge, user=one, invitation=team.invitation)
    Submission.objects.update(team=team)


@pytest.fixture
def submission(phase, developer):
    made = a_submission(phase, user=developer)
    Submission.objects.update(is_baseline=False)
    return made


def fail(submission, **changed):
    reason = {"stage": "first case", "code": "exit_code", "text": "exit status 42 in /secret/x",
              "owner": Owner.PARTICIPANT}  # fmt: skip
    return lifecycle.fail(submission=submission, **{**reason, **changed})


def test_a_scored_submission_gives_its_person_and_team_one_notice_and_one_mail(
    phase, submission, settings
):
    in_a_team(phase, "developer", "mate")
    a_reader("stranger")
    with mail_server() as box:
        over_smtp(settings, box.port)
        to_its_end()
        for _ in range(3):
            telling.reconcile()
            send_waiting()
    assert told() == {"developer": 1, "mate": 1}
    assert sorted(box.recipients) == ["developer@example.org", "mate@example.org"]
    assert "has been scored" in box.letters[0].get_content()
    assert f"/submissions/{submission.public_id}/" in box.letters[0].get_content()


@pytest.mark.parametrize("end", [to_its_end, None], ids=["scored", "failed"])
def test_an_end_is_hinted_at_so_that_it_is_told_at_once(
    submission, hints, end, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        end() if end else fail(submission)
    assert "submissions.tell" in hints


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        ("failed", "exit_code", "Ended with an error: The program ended with an exit status other"),
        ("rejected", "not_a_tar", "Not an image: The file is no tar archive."),
        ("failed", "no_engine", "No Docker engine: The platform could not do its part"),
    ],
)
def test_a_failure_is_told_with_its_reason_in_words_that_give_nothing_away(
    submission, state, code, words
):
    fail(submission, state=state, code=code)
    telling.reconcile()
    notice = Notice.objects.get()
    assert words in notice.text
    assert "42" not in notice.text
    assert "/secret" not in notice.text


def test_no_score_of_a_hidden_phase_is_told(phase, submission):
    Phase.objects.update(cases=Phase.Cases.HIDDEN)
    to_its_end()
    telling.reconcile()
    notice = Notice.objects.get()
    assert "has been scored" in notice.text
    for secret in ("1.0", "case-1", "thresholding"):
        assert secret not in notice.subject + notice.text


def test_whoever_cancels_is_not_told_and_the_others_are(phase, submission):
    in_a_team(phase, "developer", "mate")
    assert lifecycle.cancel(submission=submission, by=a_user("mate"))
    telling.reconcile()
    assert told() == {"developer": 1}
    assert "was cancelled" in Notice.objects.get().text


def test_who_cancels_an_own_submission_is_told_nothing(submission, developer):
    lifecycle.cancel(submission=submission, by=developer)
    telling.reconcile()
    assert told() == {}


def test_who_has_left_the_team_is_told_of_own_submissions_alone(phase, submission):
    in_a_team(phase, "mate", "other")
    teams.leave_team(challenge=phase.challenge, user=a_user("other"))
    to_its_end()
    telling.reconcile()
    assert told() == {"developer": 1, "mate": 1}


def test_what_ended_before_there_were_notices_is_not_told(submission):
    fail(submission)
    Event.objects.filter(key=Event.BEGINNING).delete()
    Event.objects.create(key=Event.BEGINNING, created_at=timezone.now() + timedelta(seconds=1))
    assert telling.reconcile() == 0
    assert told() == {}


def test_new_scores_are_told_to_those_who_have_some_and_to_organisers_once(phase, submission):
    to_its_end()
    telling.reconcile()
    a_user("stranger")
    Notice.objects.all().delete()
    document = phase.challenge.protocols.latest("version").document
    evaluation = {**document["evaluation"], "metrics": ["dice", "hd95"]}
    evaluation.pop("ranking", None)
    amended(phase.challenge, evaluation=evaluation)
    for _ in range(20):
        rescoring.reconcile(rescoring.leases.Watch(60))
        rescoring.rescore_next(worker="h:1")
    assert told(kind=Notice.Kind.EDITION) == {"developer": 1, "organiser": 1}
    assert "edition 2" in Notice.objects.filter(kind=Notice.Kind.EDITION)[0].text
    assert told(kind=Notice.Kind.AMENDMENT) == {"developer": 1}, "who amended knows"


@pytest.fixture(scope="module")
def killed():
    done = subprocess.run(
        [sys.executable, "-m", "tests.submissions.told_at_once"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_a_worker_killed_between_the_end_and_its_notice_delays_it(killed):
    """State, events, notices: killed before either is written, and then between the two."""
    assert killed["ended, and nobody told"] == ["failed", 0, 0]
    assert killed["killed"] == [-9, -9]
    assert killed["killed while it told"] == ["failed", 0, 0]
    assert killed["told by six at once"] == ["failed", 1, 1]
    assert killed["looked at again"] == ["failed", 1, 1]
