"""One owner, no lost run, no second result: claims, heartbeats, fences and the reconciler."""

import pytest

from challenges import leases
from submissions.models import CaseResult, Run, Submission
from submissions.services.checking import check_next
from submissions.services.reconciling import reconcile
from submissions.services.running import run_next
from submissions.services.scoring import score_next
from tests.factories import a_submission

pytestmark = pytest.mark.usefixtures("programs", "hints")


@pytest.fixture
def queued(phase, developer):
    submission = a_submission(phase, user=developer)
    check_next(worker="host:1")
    return submission.runs.get(is_canary=True)


def claim(run, worker="host:2"):
    return leases.claim(run, source="queued", target="running", worker=worker)


class Clock:
    """The watcher's own clock, which only these tests move."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def watch(clock):
    return leases.Watch(60, clock)


@pytest.fixture
def expire(watch, clock):
    """Let every lease run out: nothing is heard of its worker for a minute."""

    def run_out():
        reconcile(watch)
        clock.now += 60
        reconcile(watch)

    return run_out


def test_of_two_claims_one_wins(queued):
    other = Run.objects.get(pk=queued.pk)
    assert claim(queued)
    assert not claim(other, "host:3")
    queued.refresh_from_db()
    assert (queued.leased_by, queued.fence) == ("host:2", 1)


def test_a_heartbeat_keeps_the_lease(queued, watch, clock):
    claim(queued)
    for _ in range(5):
        reconcile(watch)
        clock.now += 40
        assert leases.renew(queued, state="running")
    reconcile(watch)
    queued.refresh_from_db()
    assert queued.state == "running"


def test_an_expired_lease_is_given_to_another(queued, expire):
    claim(queued)
    expire()
    queued.refresh_from_db()
    assert (queued.state, queued.leased_by, queued.platform_faults) == ("queued", "", 1)


def test_a_late_writer_is_refused(queued, expire):
    late = Run.objects.get(pk=queued.pk)
    claim(late)
    expire()
    queued.refresh_from_db()
    assert claim(queued, "host:9")
    assert not leases.renew(late, state="running")
    assert not leases.leave(late, source="running", target="collected")
    queued.refresh_from_db()
    assert (queued.state, queued.leased_by, queued.fence) == ("running", "host:9", 2)


def test_a_worker_stopped_in_good_order_costs_no_fault(queued, watch):
    claim(queued)
    leases.give_up_leases_of("host", Run, Submission)
    reconcile(watch)
    queued.refresh_from_db()
    assert (queued.state, queued.platform_faults) == ("queued", 0)


def test_a_run_that_kills_worker_after_worker_ends_as_our_failure(queued, expire):
    for _ in range(5):
        queued.refresh_from_db()
        assert claim(queued)
        expire()
    submission = queued.submission
    submission.refresh_from_db()
    assert (submission.state, submission.reason_owner) == ("failed", "platform")
    assert submission.reason_code == "worker_lost"


def test_a_worker_that_dies_while_checking_is_replaced(phase, developer, expire):
    submission = a_submission(phase, user=developer)
    leases.claim(submission, source="received", target="checking", worker="host:1")
    expire()
    submission.refresh_from_db()
    assert submission.state == "received"
    assert check_next(worker="host:2")


def test_a_scorer_that_dies_is_replaced_and_the_case_is_scored_once(queued, expire):
    run_next(worker="host:2", engine=None)
    queued.refresh_from_db()
    leases.claim(queued, source="collected", target="scoring", worker="host:3")
    expire()
    assert score_next(worker="host:4")
    assert CaseResult.objects.filter(run=queued).count() == 1


def test_a_canary_whose_worker_died_before_releasing_the_others_is_concluded(queued, watch):
    claim(queued)
    leases.leave(queued, source="running", target="collected")
    reconcile(watch)
    assert queued.submission.runs.filter(state="queued").count() == 2


def test_what_waits_is_hinted_again(queued, hints, watch):
    hints.clear()
    reconcile(watch)
    assert "submissions.run_next" in hints


def test_a_broker_that_is_away_loses_nothing(phase, developer, monkeypatch, caplog, watch):
    from kombu.exceptions import OperationalError

    def away(*_, **__):
        raise OperationalError("no broker")

    monkeypatch.setattr("challenges.hints.current_app.send_task", away)
    submission = a_submission(phase, user=developer)
    reconcile(watch)
    submission.refresh_from_db()
    assert submission.state == "received"


def test_a_second_message_for_a_finished_run_finds_nothing_to_do(queued):
    assert run_next(worker="host:2", engine=None)
    queued.refresh_from_db()
    attempts = queued.attempts.count()
    while run_next(worker="host:2", engine=None):
        pass
    assert not run_next(worker="host:2", engine=None)
    assert queued.attempts.count() == attempts
