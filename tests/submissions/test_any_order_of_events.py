"""Claims, heartbeats, lost leases, results, faults, cancellations, doubled messages and late writers,
in any order: one owner, no lost run, no second result, no way out of an end state."""

import copy

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from challenges import leases
from challenges.selectors import current_edition, targets_of
from submissions.models import CaseResult, Run, Submission
from submissions.services import lifecycle
from submissions.services.checking import check_next
from submissions.services.reconciling import reconcile
from tests.factories import a_submission

pytestmark = pytest.mark.usefixtures("hints")

NEXT = {
    Run.State.QUEUED: (Run.State.RUNNING, Run.State.COLLECTED),
    Run.State.COLLECTED: (Run.State.SCORING, Run.State.DONE),
}
WORKERS = st.sampled_from(["host:1", "host:2", "host:3", "other:1"])


class Events(RuleBasedStateMachine):
    """Every step is the one that the services take; a held row is a worker that works on it."""

    phase = None
    developer = None

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.watch = leases.Watch(60, lambda: self.now)
        self.submission = a_submission(self.phase, user=self.developer)
        check_next(worker="host:0")
        self.held = []
        self.late = []
        self.ended = None

    def runs(self):
        return list(self.submission.runs.order_by("pk"))

    def waiting(self):
        return [run for run in self.runs() if run.state in NEXT]

    @initialize(canary_is_done=st.booleans())
    def begin(self, canary_is_done):
        if canary_is_done:
            run = self.waiting()[0]
            leases.claim(run, source=Run.State.QUEUED, target=Run.State.RUNNING, worker="host:0")
            self.write(run, Run.State.QUEUED, fails=False)

    @precondition(lambda self: self.waiting())
    @rule(data=st.data(), worker=WORKERS, twice=st.booleans())
    def claim(self, data, worker, twice):
        """Of one message, or of two that come at the same moment."""
        run = data.draw(st.sampled_from(self.waiting()))
        rows = [run, copy.deepcopy(run)] if twice else [run]
        source = Run.State(run.state)
        won = [
            row
            for row in rows
            if leases.claim(row, source=source, target=NEXT[source][0], worker=worker)
        ]
        assert len(won) == 1, "of those who saw the same row, exactly one gets it"
        self.held.append((won[0], source))
        lifecycle.advance(submission=self.submission)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def heartbeat(self, data):
        row, source = data.draw(st.sampled_from(self.held))
        alive = leases.renew(row, state=NEXT[source][0])
        assert alive == self.is_owner(row, NEXT[source][0])

    @precondition(lambda self: self.held)
    @rule(data=st.data(), fails=st.booleans())
    def finish(self, data, fails):
        held = data.draw(st.sampled_from(self.held))
        self.held.remove(held)
        self.write(*held, fails=fails)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def platform_fault(self, data):
        row, source = data.draw(st.sampled_from(self.held))
        self.held.remove((row, source))
        owner = self.is_owner(row, NEXT[source][0])
        again = lifecycle.try_again_or_fail(
            row=row, source=NEXT[source][0], target=source, stage="run", code="x", text="x"
        )
        assert owner or not again

    @precondition(lambda self: self.held)
    @rule(data=st.data(), seconds=st.sampled_from([10, 61]))
    def freeze(self, data, seconds):
        """A worker stands still; it may come back much later, with what it knew."""
        held = data.draw(st.sampled_from(self.held))
        self.held.remove(held)
        self.late.append(held)
        self.pass_time(seconds)

    @precondition(lambda self: self.late)
    @rule(data=st.data())
    def wake_up_and_write(self, data):
        held = data.draw(st.sampled_from(self.late))
        self.late.remove(held)
        self.write(*held, fails=False)

    @rule()
    def the_reconciler_looks(self):
        reconcile(self.watch)

    @precondition(lambda self: self.late)
    @rule()
    def time_passes(self):
        self.pass_time(61)

    def pass_time(self, seconds):
        """Those who are held beat; those who are frozen do not."""
        reconcile(self.watch)
        self.now += seconds
        for row, source in self.held:
            leases.renew(row, state=NEXT[source][0])
        reconcile(self.watch)

    @precondition(lambda self: any(row.leased_by.startswith("other:") for row, _ in self.held))
    @rule()
    def host_stops_in_good_order(self):
        leases.give_up_leases_of("other", Run, Submission)
        reconcile(self.watch)

    @precondition(lambda self: self.now > 400)  # not too soon, since nothing follows an end
    @rule()
    def cancel(self):
        lifecycle.cancel(submission=self.submission)

    def is_owner(self, row, state):
        return Run.objects.filter(pk=row.pk, fence=row.fence, state=state).exists()

    def write(self, row, source, *, fails):
        """What a worker does at the end of a step, whether or not it still owns the row."""
        held, target = NEXT[source]
        owner = self.is_owner(row, held)
        reason = "exit_code" if fails and source == Run.State.QUEUED else row.reason_code
        ours = leases.leave(row, source=held, target=target, reason_code=reason)
        assert ours == owner, "exactly the owner may write"
        if not ours:
            return
        if target == Run.State.DONE:
            self.result(row)
        elif row.is_canary:
            lifecycle.conclude_canary(canary=row)
        lifecycle.advance(submission=Submission.objects.get(pk=self.submission.pk))

    def result(self, row):
        edition = current_edition(self.phase)
        (target,) = targets_of(self.phase, edition.reference_version).filter(case=row.case)
        CaseResult.objects.create(
            run=row, target=target, edition=edition, metrics={}, reference_ml={}, prediction_ml={},
            seconds=0.0,
        )  # fmt: skip

    @invariant()
    def nothing_leaves_an_end(self):
        self.submission.refresh_from_db()
        if self.ended is None and self.submission.has_ended:
            self.ended = (self.submission.state, self.submission.ended_at)
        if self.ended is not None:
            assert (self.submission.state, self.submission.ended_at) == self.ended
            assert all(run.state in Run.ENDS or self.submission.state == "failed" or run.reason_code
                       for run in self.runs() if run.state not in Run.EXECUTED)  # fmt: skip

    @invariant()
    def what_is_leased_has_an_owner_and_nothing_else_has(self):
        for run in self.runs():
            assert bool(run.leased_by) == (run.state in (Run.State.RUNNING, Run.State.SCORING))

    @invariant()
    def no_case_is_counted_twice(self):
        for run in self.runs():
            assert run.results.count() == (1 if run.state == Run.State.DONE else 0)

    def teardown(self):
        """However it was left: honest workers bring it to an end, and each case to one result."""
        self.held.clear()
        for _ in range(100):
            self.submission.refresh_from_db()
            if self.submission.has_ended:
                break
            self.now += 61
            reconcile(self.watch)
            self.now += 61
            reconcile(self.watch)
            for run in self.runs():
                if run.state in NEXT:
                    source = Run.State(run.state)
                    if leases.claim(run, source=source, target=NEXT[source][0], worker="host:9"):
                        self.write(run, source, fails=False)
        self.submission.refresh_from_db()
        assert self.submission.has_ended
        states = {run.state for run in self.runs()}
        if self.submission.state == Submission.State.SCORED:
            assert states == {Run.State.DONE}
        for late in self.late:
            self.write(*late, fails=False)
        Submission.objects.all().delete()


def test_any_order_of_events_keeps_the_promises(phase, developer):
    Events.phase, Events.developer = phase, developer
    run_state_machine_as_test(
        Events,
        settings=settings(
            max_examples=20,
            stateful_step_count=40,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
