"""Logs of hidden cases are withheld, until an organiser who has read them releases them."""

import pytest
from django.test import Client

from challenges.models import Phase
from submissions.models import Attempt, Run, Submission
from submissions.policies import may_see_case_scores, may_see_logs
from submissions.services import logs
from tests.factories import a_submission, a_user

pytestmark = pytest.mark.usefixtures("hints", "programs")
TICKED = {"read": "on"}


@pytest.fixture
def submission(phase, developer) -> Submission:
    """An ended one of a hidden phase."""
    phase.challenge.phases.update(cases=Phase.Cases.HIDDEN)
    made = a_submission(phase, user=developer)
    for case in phase.dataset.cases.all():
        run = Run.objects.create(submission=made, case=case, state="done")
        Attempt.objects.create(run=run, fence=1, worker="h:1", log="what it wrote")
    Submission.objects.filter(pk=made.pk).update(state="scored", ended_at=made.received_at)
    return fresh(made)


def fresh(submission: Submission) -> Submission:
    return Submission.objects.select_related("phase__challenge").get(pk=submission.pk)


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(a_user(name))
    return client


def page(name: str, submission: Submission) -> str:
    address = f"/submissions/{submission.public_id}/"
    return " ".join(client_of(name).get(address).content.decode().split())


def post(name: str, submission: Submission, what: str, data: dict[str, str] = TICKED) -> int:
    address = f"/submissions/{submission.public_id}/{what}/"
    return client_of(name).post(address, data).status_code


def test_released_they_are_read_by_the_developer_who_sees_when_and_by_whom(submission):
    assert "what it wrote" not in page("developer", submission)
    assert post("organiser", submission, "release-logs") == 302
    seen = page("developer", submission)
    assert "what it wrote" in seen
    assert "released by organiser" in seen
    assert f"{fresh(submission).log_released_at:%Y-%m-%d %H:%M} UTC" in seen
    assert "Released to developer by organiser" in page("organiser", submission)


def test_it_takes_a_tick_that_they_were_read(submission):
    post("organiser", submission, "release-logs", {})
    assert fresh(submission).log_released_at is None


def test_they_can_be_withheld_again(submission):
    post("organiser", submission, "release-logs")
    assert post("organiser", submission, "withhold-logs") == 302
    found = fresh(submission)
    assert (found.log_released_at, found.log_released_by) == (None, None)
    assert "what it wrote" not in page("developer", submission)


def test_released_twice_keeps_the_first_time(submission):
    post("organiser", submission, "release-logs")
    first = fresh(submission).log_released_at
    assert not logs.release(submission=submission, by=a_user("organiser"))
    assert fresh(submission).log_released_at == first


def test_while_it_runs_there_is_nothing_to_release(submission):
    Submission.objects.update(state="running", ended_at=None)
    assert not logs.release(submission=submission, by=a_user("organiser"))
    assert "Release the logs" not in page("organiser", submission)


@pytest.mark.parametrize("name", ["developer", "rival"])
@pytest.mark.parametrize("what", ["release-logs", "withhold-logs"])
def test_nobody_else_can(submission, name, what):
    assert post(name, submission, what) == 404
    assert fresh(submission).log_released_at is None


def test_a_release_opens_logs_and_no_scores_to_the_developer_alone(submission, developer):
    logs.release(submission=submission, by=a_user("organiser"))
    found = fresh(submission)
    assert may_see_logs(developer, found)
    assert not may_see_case_scores(developer, found)
    assert not may_see_logs(a_user("rival"), found)


def test_a_re_run_starts_with_its_logs_withheld(submission, developer):
    logs.release(submission=submission, by=a_user("organiser"))
    post("organiser", submission, "rerun")
    assert not may_see_logs(developer, fresh(Submission.objects.get(rerun_of=submission)))


def test_logs_of_public_cases_are_not_withheld_and_so_not_released(submission, phase):
    phase.challenge.phases.update(cases=Phase.Cases.PUBLIC)
    assert "what it wrote" in page("developer", submission)
    assert "Release the logs" not in page("organiser", submission)
    assert post("organiser", submission, "release-logs") == 404
