"""What a phase allows a whole submission, whose turn it is, and which host may run it."""

import pytest

from challenges.models import Phase
from submissions.models import AlgorithmVersion, ContainerImage, Host, Run, Submission
from submissions.sandbox.engine import Engine
from submissions.sandbox.outcome import Failure, Owner, SandboxError
from submissions.services import hosts, lifecycle
from submissions.services.checking import check_next
from submissions.services.running import _own_doing, run_next
from submissions.services.scoring import score_next
from tests.factories import A_CONFIG, a_submission, a_user

pytestmark = pytest.mark.usefixtures("programs", "hints")


def everything(engine=None):
    while check_next(worker="host:1") or run_next(worker="host:1", engine=engine):
        pass
    while score_next(worker="host:1"):
        pass


def states(submission):
    return [(run.state, run.reason_code) for run in submission.runs.order_by("case__position")]


def test_cases_that_fail_one_after_another_end_the_runs_and_the_rest_counts_as_worst(
    phase, developer
):
    Phase.objects.update(failed_in_a_row=1)
    submission = a_submission(phase, user=developer, script="fails_later.py")
    everything()
    submission.refresh_from_db()
    assert submission.state == Submission.State.SCORED
    assert states(submission) == [("done", ""), ("done", "exit_code"), ("done", "not_run")]
    worst = submission.runs.last().results.get().metrics["dice"]["lesion"]
    assert worst == {"value": 0.0, "worst": 0.0}
    assert submission.runs.last().attempts.count() == 0


def test_a_submission_that_takes_too_long_in_all_is_stopped_with_what_it_took(phase, developer):
    Phase.objects.update(seconds_total=0)
    submission = a_submission(phase, user=developer)
    everything()
    assert states(submission) == [("done", ""), ("done", "not_run"), ("done", "not_run")]
    assert "in all" in submission.runs.last().reason_text


def test_a_fault_of_the_platform_is_no_failed_case(phase, developer):
    Phase.objects.update(failed_in_a_row=1)
    submission = a_submission(phase, user=developer)
    check_next(worker="host:1")
    run = submission.runs.get(is_canary=True)
    run.attempts.create(
        fence=9, worker="x", ended_at="2026-01-01T00:00:00Z", reason_code="disk_fault",
        reason_owner=Owner.PLATFORM.value,
    )  # fmt: skip
    assert not lifecycle.stop_what_is_too_much(submission=submission)


class EngineWithoutGvisor:
    runtimes = ("runc",)


def test_a_phase_that_requires_gvisor_is_not_run_where_there_is_none(phase, developer):
    Phase.objects.update(sandbox=Phase.Sandbox.GVISOR)
    a_submission(phase, user=developer)
    check_next(worker="host:1")
    # As an uploaded image it waits; the project's own program is not what the phase speaks of.
    stored = ContainerImage.objects.create(
        digest="0" * 64, file="x", archive_bytes=1, unpacked_bytes=1, config=A_CONFIG
    )
    AlgorithmVersion.objects.update(image=stored)
    assert not run_next(worker="host:1", engine=EngineWithoutGvisor())
    assert Run.objects.filter(state=Run.State.RUNNING).count() == 0
    Phase.objects.update(sandbox=Phase.Sandbox.ANY)
    assert run_next(worker="host:1", engine=EngineWithoutGvisor())


def test_no_runtime_is_fallen_back_to_where_gvisor_is_required():
    engine = Engine.__new__(Engine)
    engine.info = {"Runtimes": {"runc": {}}, "DefaultRuntime": "runc"}
    assert engine.runtime_for(gvisor=True, required=False) == "runc"
    with pytest.raises(SandboxError, match="requires gVisor") as refused:
        engine.runtime_for(gvisor=True, required=True)
    assert refused.value.code == "gvisor_missing"
    engine.info = {"Runtimes": {"runc": {}, "runsc": {}}, "DefaultRuntime": "runc"}
    assert engine.runtime_for(gvisor=False, required=True) == "runsc"
    assert engine.runtime_for(gvisor=True, required=False) == "runsc"
    assert engine.runtime_for(gvisor=False, required=False) == "runc"


def test_a_drained_host_takes_nothing_new_and_others_do(phase, developer):
    submission = a_submission(phase, user=developer)
    hosts.tell_of_host(None)
    Host.objects.update(name="host")
    hosts.drain(host=Host.objects.get())
    assert not check_next(worker="host:1")
    assert check_next(worker="other:1")
    assert not run_next(worker="host:1", engine=None)
    assert run_next(worker="other:1", engine=None)
    assert not score_next(worker="host:1")
    hosts.resume(host=Host.objects.get())
    assert score_next(worker="host:1")
    assert submission.runs.filter(state=Run.State.DONE).count() == 1


def test_what_kills_itself_each_time_is_the_programs_own_doing(phase, developer):
    submission = a_submission(phase, user=a_user("other"))
    check_next(worker="host:1")
    run = submission.runs.get(is_canary=True)
    failure = Failure("killed_from_outside", "Ended by signal 9.", Owner.PLATFORM)
    for fence in (11, 12):
        assert _own_doing(run, failure).owner is Owner.PLATFORM
        run.attempts.create(fence=fence, worker="x", reason_code=failure.code)
    judged = _own_doing(run, failure)
    assert judged.owner is Owner.PARTICIPANT
    assert "3 attempts" in judged.message
