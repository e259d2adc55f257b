"""Whoever takes part is told that a phase opens, closes soon and has closed: of each date once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Event, Notice
from challenges.models import Phase
from challenges.services import teams, telling
from submissions.models import Submission
from tests.factories import a_challenge, a_phase, a_submission, a_user
from tests.programs import write_programs
from tests.taking_part import asking, decided, registered

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def challenge(tmp_path, settings):
    settings.BASELINES = write_programs(tmp_path / "programs")
    made = a_challenge(tmp_path, slug="ours")
    teams.create_team(challenge=made, user=a_user("anna"), name="Ours")
    a_user("stranger")
    return made


@pytest.fixture
def began():
    """As if notices were a month old."""
    Event.objects.filter(key=Event.BEGINNING).update(created_at=timezone.now() - 30 * DAY)


def dates(challenge, *, opens=None, closes=None):
    now = timezone.now()
    challenge.phases.update(
        opens_at=now + opens if opens is not None else None,
        closes_at=now + closes if closes is not None else None,
    )
    Notice.objects.all().delete()


def told():
    rows = Notice.objects.filter(kind=Notice.Kind.PHASE).order_by("pk")
    return [(one.person.get_username(), one.subject.partition(": ")[2]) for one in rows]


def test_a_phase_that_opens_is_told_once(challenge, began):
    dates(challenge, opens=timedelta(minutes=-1), closes=20 * DAY)
    for _ in range(3):
        telling.reconcile()
    assert told() == [("anna", "Open phase is open")]
    text = Notice.objects.get().text
    assert f"until {a_phase(challenge).closes_at:%Y-%m-%d %H:%M} UTC" in text


def test_one_that_is_still_to_open_is_told_when_it_does(challenge, began):
    dates(challenge, opens=DAY)
    assert telling.reconcile() == 0
    assert telling.reconcile(now=timezone.now() + 2 * DAY) == 1


def test_a_phase_that_closes_is_told_three_days_before_and_when_it_has(challenge, began):
    dates(challenge, opens=-20 * DAY, closes=2 * DAY)
    telling.reconcile()
    telling.reconcile()
    assert told() == [("anna", "Open phase closes soon")]
    telling.reconcile(now=timezone.now() + 3 * DAY)
    assert told()[1:] == [("anna", "Open phase is closed")]


def test_a_date_that_is_moved_is_told_again(challenge, began):
    dates(challenge, opens=-20 * DAY, closes=DAY)
    telling.reconcile()
    challenge.phases.update(closes_at=timezone.now() + 2 * DAY)
    telling.reconcile()
    assert [what for _, what in told()] == ["Open phase closes soon"] * 2


def test_a_phase_of_two_days_is_not_told_to_close_as_it_opens(challenge, began):
    dates(challenge, opens=timedelta(minutes=-1), closes=2 * DAY)
    telling.reconcile()
    assert told() == [("anna", "Open phase is open")]


def test_what_opened_before_there_were_notices_or_long_ago_is_not_told(challenge, began):
    dates(challenge, opens=-8 * DAY)
    assert telling.reconcile() == 0
    dates(challenge, opens=-DAY)
    Event.objects.filter(key=Event.BEGINNING).update(created_at=timezone.now())
    assert telling.reconcile() == 0


def test_a_challenge_in_preparation_tells_nobody(challenge, began):
    dates(challenge, opens=timedelta(minutes=-1))
    challenge.published_at = None
    challenge.save()
    assert telling.reconcile() == 0


def test_training_data_are_told_when_they_can_be_had_and_not_when_they_close(challenge, began):
    challenge.phases.update(kind=Phase.Kind.TRAINING, gives_away=True)
    dates(challenge, opens=-5 * DAY, closes=-DAY)
    assert telling.reconcile() == 0
    dates(challenge, opens=-DAY)
    telling.reconcile()
    assert "can be downloaded" in Notice.objects.get().text


def test_those_who_take_part_are_told_and_nobody_else(challenge, began, tmp_path):
    """In a team, registered, or have submitted; not who waits, was declined or organises."""
    other = a_challenge(tmp_path / "other", slug="theirs")
    teams.create_team(challenge=other, user=a_user("elsewhere"), name="Theirs")
    a_submission(a_phase(challenge), user=a_user("submitter"))
    Submission.objects.update(is_baseline=False)
    a_submission(a_phase(challenge), user=a_user("organiser"))
    asking(challenge)
    for name in ("approved", "declined", "waiting"):
        registered(challenge, name)
    decided(challenge, "approved", approve=True)
    decided(challenge, "declined", approve=False)
    dates(challenge, opens=timedelta(minutes=-1))
    telling.reconcile()
    assert {who for who, _ in told()} == {"anna", "submitter", "approved"}
