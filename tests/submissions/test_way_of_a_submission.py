"""received → checking → queued → running → scoring → scored, and the other ends."""

import pytest

from challenges import leases
from leaderboards.selectors import board
from leaderboards.services import refresh
from submissions.models import CaseResult, Run, Submission
from submissions.sandbox.outcome import SandboxError
from submissions.sandbox.process import BaselineProcess
from submissions.services import lifecycle
from submissions.services.checking import check_next
from submissions.services.running import run_next
from submissions.services.scoring import score_next
from tests.factories import a_submission

pytestmark = pytest.mark.usefixtures("programs", "hints")
State = Submission.State


def work(*steps):
    """Do all work that there is, as workers would."""
    while sum(step() for step in steps):
        pass


def check():
    return check_next(worker="host:1")


def run():
    return run_next(worker="host:2", engine=None)


def score():
    return score_next(worker="host:3")


def everything():
    work(check, run, score)


def test_a_good_submission_is_scored_on_every_case(phase, developer):
    submission = a_submission(phase, user=developer)
    everything()
    submission.refresh_from_db()
    assert submission.state == State.SCORED
    assert submission.ended_at is not None
    results = CaseResult.objects.filter(run__submission=submission)
    assert [result.metrics["dice"]["lesion"]["value"] for result in results] == [1.0, 1.0, 1.0]


def test_only_the_first_case_is_queued_until_it_has_passed(phase, developer):
    submission = a_submission(phase, user=developer)
    work(check)
    assert list(submission.runs.values_list("state", flat=True)) == ["queued", "waiting", "waiting"]
    run()
    assert list(submission.runs.values_list("state", flat=True)) == [
        "collected",
        "queued",
        "queued",
    ]
    submission.refresh_from_db()
    assert submission.state == State.RUNNING


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("exits.py", "exit_code", "exit status 3"),
        ("silent.py", "no_output", "found 0"),
        ("wrong_grid.py", "wrong_grid", "expected (PET image)"),
    ],
)
def test_a_broken_program_fails_on_the_first_case_with_a_reason(
    phase, developer, script, code, words
):
    submission = a_submission(phase, user=developer, script=script)
    everything()
    submission.refresh_from_db()
    assert (submission.state, submission.reason_code) == (State.FAILED, code)
    assert words in submission.reason_text
    assert submission.reason_owner == "participant"
    assert set(submission.runs.values_list("state", flat=True)) <= {"cancelled"}
    assert not CaseResult.objects.exists()


def test_a_program_that_sleeps_past_its_limit_is_stopped(phase, developer):
    phase.seconds_per_case = 1
    phase.save()
    submission = a_submission(phase, user=developer, script="sleeps.py")
    everything()
    submission.refresh_from_db()
    assert (submission.state, submission.reason_code) == (State.FAILED, "time_limit")


def test_a_later_case_that_fails_counts_as_worst_and_is_shown_as_failed(phase, developer):
    submission = a_submission(phase, user=developer, script="fails_later.py")
    everything()
    submission.refresh_from_db()
    assert submission.state == State.SCORED
    failed = submission.runs.filter(reason_code="exit_code")
    assert failed.count() == 2
    worst = CaseResult.objects.get(run=failed[0])
    assert worst.prediction is None
    assert worst.metrics["dice"]["lesion"] == {"value": 0.0, "worst": 0.0}
    assert worst.metrics["mtv_abs_error_ml"]["lesion"]["value"] == 1000.0
    refresh(phase=phase)
    (row,) = board(developer, phase).table.rows
    assert row.failed == 2
    assert row.cells[0].mean == pytest.approx(1 / 3)


def test_a_cancelled_submission_runs_nothing_more(phase, developer):
    submission = a_submission(phase, user=developer)
    work(check)
    assert lifecycle.cancel(submission=submission)
    everything()
    submission.refresh_from_db()
    assert submission.state == State.CANCELLED
    assert not Run.objects.exclude(state="cancelled").exists()
    assert not lifecycle.cancel(submission=submission), "an end cannot be left"


def test_cancelling_while_a_program_runs_stops_it(phase, developer, monkeypatch):
    submission = a_submission(phase, user=developer, script="sleeps.py")
    work(check)
    real, asked = leases.renew, []

    def cancel_meanwhile(row, *, state):
        asked.append(row)
        if len(asked) == 1:
            lifecycle.cancel(submission=submission)
        return real(row, state=state)

    monkeypatch.setattr(leases, "renew", cancel_meanwhile)
    assert run()
    submission.refresh_from_db()
    assert submission.state == State.CANCELLED
    assert submission.runs.filter(state="cancelled").count() == 3


def test_a_submission_that_failed_stands_on_no_leaderboard(phase, developer):
    a_submission(phase, user=developer, script="exits.py")
    everything()
    refresh(phase=phase)
    assert board(developer, phase).table.rows == ()


def test_a_fault_of_the_platform_is_tried_again_and_then_owned(phase, developer, monkeypatch):
    submission = a_submission(phase, user=developer)
    work(check)

    def breaks(*_):
        raise SandboxError("engine_failed", "the engine went away")

    monkeypatch.setattr(BaselineProcess, "run", breaks)
    for _ in range(lifecycle.PLATFORM_FAULTS):
        assert not submission.has_ended
        Run.objects.update(eligible_at="2020-01-01T00:00:00Z")
        assert run()
        submission.refresh_from_db()
    assert (submission.state, submission.reason_owner) == (State.FAILED, "platform")
    attempts = submission.runs.get(is_canary=True).attempts
    assert set(attempts.values_list("reason_owner", flat=True)) == {"platform"}


def test_the_same_title_makes_a_new_version(phase, developer):
    first = a_submission(phase, user=developer)
    second = a_submission(phase, user=developer)
    assert first.version.algorithm == second.version.algorithm
    assert (first.version.number, second.version.number) == (1, 2)
