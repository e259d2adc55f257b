"""How long it will take yet is reckoned from what ran before, or it is said that nothing is known."""

import pytest
from django.utils import timezone

from submissions.models import Attempt, Run, Worker
from submissions.selectors.estimating import estimate
from submissions.services.checking import check_next
from tests.factories import a_submission, a_user


@pytest.fixture
def worker(db):
    """One slot."""
    now = timezone.now()
    return Worker.objects.create(
        name="w", host="h", queue="sandbox", processes=2, started_at=now, seen_at=now
    )


def checked(phase, name, title="Threshold"):
    submission = a_submission(phase, user=a_user(name), title=title)
    check_next(worker="h:1")
    submission.refresh_from_db()
    assert submission.runs.count() == 3
    return submission


def ended(phase, *seconds):
    """A scored submission whose cases took so long."""
    submission = checked(phase, "before")
    for run, took in zip(submission.runs.all(), seconds, strict=True):
        Attempt.objects.create(run=run, fence=1, worker="h:1", seconds=took)
    submission.runs.update(state=Run.State.DONE)
    submission.state = "scored"
    submission.save()
    return submission


def test_nothing_is_claimed_where_nothing_has_run(phase, hints, worker):
    assert estimate(checked(phase, "ada")) is None


def test_nothing_is_claimed_where_nobody_works(phase, hints):
    ended(phase, 10, 20, 30)
    assert estimate(checked(phase, "ada", "Other")) is None


def test_it_goes_from_the_quick_to_the_slow_quarter_of_the_phases_cases(phase, hints, worker):
    ended(phase, 10, 20, 30)
    found = estimate(checked(phase, "ada", "Other"))
    assert (found.low_seconds, found.high_seconds) == (3 * 15, 3 * 25)
    assert found.basis == "the phase's"


def test_what_is_before_it_counts_and_what_has_run_does_not(phase, hints, worker):
    ended(phase, 10, 10, 10)
    first, second = checked(phase, "ada", "A"), checked(phase, "bob", "B")
    assert estimate(second).high_seconds == 60
    first.runs.filter(pk=first.runs.first().pk).update(state=Run.State.DONE)
    assert estimate(second).high_seconds == 50
    assert estimate(first).high_seconds == 20


def test_its_own_cases_tell_more_than_anothers(phase, hints, worker):
    ended(phase, 100, 100, 100)
    own = checked(phase, "ada", "A")
    run = own.runs.first()
    Attempt.objects.create(run=run, fence=1, worker="h:1", seconds=1)
    Run.objects.filter(pk=run.pk).update(state=Run.State.COLLECTED)
    found = estimate(own)
    assert (found.high_seconds, found.basis) == (2, "its own")


def test_more_places_make_it_shorter(phase, hints, worker):
    ended(phase, 10, 10, 10)
    submission = checked(phase, "ada", "A")
    worker.processes = 6
    worker.save()
    assert estimate(submission).high_seconds == 10


def test_a_submission_that_has_ended_takes_no_longer(phase, hints, worker):
    assert estimate(ended(phase, 10, 10, 10)) is None


def test_the_page_says_it_in_round_numbers(phase, hints, worker, client):
    ended(phase, 100, 200, 300)
    submission = checked(phase, "ada", "A")
    client.force_login(a_user("ada"))
    page = " ".join(client.get(f"/submissions/{submission.public_id}/").content.decode().split())
    assert "8 min to 13 min" in page
    assert "the phase&#x27;s cases took" in page
