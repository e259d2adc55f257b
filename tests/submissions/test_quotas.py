"""Who may submit how often: said before the upload, and held when it comes."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from challenges.models import Membership
from challenges.services.members import add_member
from challenges.storage import untrusted
from submissions.models import AlgorithmVersion, Submission, Upload
from submissions.services import uploads
from submissions.services.quotas import (
    QuotaUsedUp,
    allowance_of,
    require_room,
    waiting_for_their_turn,
)
from submissions.services.rerunning import rerun
from tests.factories import a_submission, a_user

pytestmark = pytest.mark.usefixtures("hints", "programs")


@pytest.fixture
def phase(phase):
    """Two submissions and four attempts in any seven days."""
    phase.quota_submissions, phase.quota_attempts, phase.quota_days = 2, 4, 7
    phase.save()
    return phase


@pytest.fixture
def client(developer):
    client = Client()
    client.force_login(developer)
    return client


def address_of(phase) -> str:
    return f"/challenges/{phase.challenge.slug}/{phase.slug}/submit/"


def submitted(phase, user, *, days_ago: float = 0, state: str = "scored", **fields) -> Submission:
    """One that the person submitted so long ago, and that is there by now."""
    made = a_submission(phase, user=user)
    received = timezone.now() - timedelta(days=days_ago)
    values = {"is_baseline": False, "state": state, "received_at": received, **fields}
    Submission.objects.filter(pk=made.pk).update(**values)
    made.refresh_from_db()
    return made


def upload(client, phase, **data):
    return client.post(
        address_of(phase), {"title": "Mine", "image": io.BytesIO(b"x" * 1000), **data}
    )


def used(phase, user) -> tuple[int, int]:
    allowance = allowance_of(phase=phase, user=user)
    return allowance.submissions.used, allowance.attempts.used


def files() -> list[Path]:
    roots = (Path(untrusted().path("uploads")), Path(untrusted().path("incoming")))
    return [path for root in roots if root.is_dir() for path in root.iterdir()]


def test_without_a_quota_there_is_no_limit(phase, developer):
    phase.quota_submissions = phase.quota_attempts = None
    for _ in range(5):
        submitted(phase, developer)
    allowance = allowance_of(phase=phase, user=developer)
    assert (allowance.submissions.left, allowance.attempts.left) == (None, None)
    assert allowance.next_at is None
    assert not allowance.is_limited


@pytest.mark.parametrize(
    "state", ["received", "checking", "queued", "running", "scoring", "scored"]
)
def test_what_is_scored_or_on_its_way_counts_as_submission_and_attempt(phase, developer, state):
    submitted(phase, developer, state=state)
    assert used(phase, developer) == (1, 1)


@pytest.mark.parametrize(
    ("state", "owner"),
    [("rejected", "participant"), ("failed", "participant"), ("cancelled", "")],
)
def test_what_ended_without_a_score_counts_as_attempt_alone(phase, developer, state, owner):
    submitted(phase, developer, state=state, reason_owner=owner)
    assert used(phase, developer) == (0, 1)


@pytest.mark.parametrize("owner", ["platform", "organiser"])
def test_a_fault_of_the_platform_or_the_organiser_costs_nothing(phase, developer, owner):
    submitted(phase, developer, state="failed", reason_owner=owner)
    assert used(phase, developer) == (0, 0)


def test_a_baseline_costs_nothing(phase, developer):
    submitted(phase, developer, is_baseline=True)
    assert used(phase, developer) == (0, 0)


def test_a_re_run_costs_nothing(phase, developer):
    rerun(submission=submitted(phase, developer), by=a_user("organiser"))
    assert used(phase, developer) == (1, 1)


def test_another_person_and_another_phase_cost_nothing(phase, developer):
    submitted(phase, a_user("another"))
    other = phase.challenge.phases.create(
        **{
            field.name: getattr(phase, field.name)
            for field in phase._meta.concrete_fields
            if field.name not in ("id", "slug")
        },
        slug="second",
    )
    submitted(other, developer)
    assert used(phase, developer) == (0, 0)


def test_the_period_slides(phase, developer):
    submitted(phase, developer, days_ago=7.01)
    submitted(phase, developer, days_ago=6.99)
    assert used(phase, developer) == (1, 1)


def test_the_next_becomes_possible_when_enough_has_left_the_period(phase, developer):
    submitted(phase, developer, days_ago=5)
    second = submitted(phase, developer, days_ago=3)
    submitted(phase, developer, days_ago=1)  # before the limit was lowered to two
    expected = second.received_at + timedelta(days=7)
    found = allowance_of(phase=phase, user=developer).next_at
    assert found is not None
    assert timedelta(0) <= found - expected < timedelta(minutes=1), "to the next full minute"


def test_of_two_limits_the_later_one_counts(phase, developer):
    submitted(phase, developer, days_ago=6)
    submitted(phase, developer, days_ago=1)
    for days in (5, 4):
        submitted(phase, developer, days_ago=days, state="cancelled")
    found = allowance_of(phase=phase, user=developer).next_at
    assert found is not None
    assert found - timezone.now() < timedelta(days=1.01), "one place of each is free then"
    phase.quota_submissions = 1
    found = allowance_of(phase=phase, user=developer).next_at
    assert found is not None
    assert found - timezone.now() > timedelta(days=5.99)


def test_an_upload_beyond_the_quota_is_refused_with_the_time_and_leaves_no_file(
    phase, developer, client
):
    for days in (3, 1):
        submitted(phase, developer, days_ago=days)
    before, versions = files(), AlgorithmVersion.objects.count()
    answer = upload(client, phase)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Nothing was submitted" in page
    assert f"{allowance_of(phase=phase, user=developer).next_at:%Y-%m-%d %H:%M} UTC" in page
    assert files() == before
    assert not Upload.objects.exists()
    assert AlgorithmVersion.objects.count() == versions
    assert Submission.objects.count() == 2


def test_the_refusal_says_what_is_used(phase, developer):
    for state in ("scored", "scored", "cancelled", "cancelled"):
        submitted(phase, developer, state=state)
    with pytest.raises(QuotaUsedUp, match="2 of 2 submissions and 4 of 4 attempts within 7 days"):
        require_room(phase=phase, user=developer)


def test_failing_on_purpose_is_no_free_probe(phase, developer, client):
    for _ in range(4):
        submitted(phase, developer, state="failed", reason_owner="participant")
    assert upload(client, phase).status_code == 422


def test_of_two_uploads_at_once_one_takes_the_last_place(phase, developer, client, monkeypatch):
    """The other is committed while this one's file is being hashed, after the form was found good."""
    submitted(phase, developer)
    hashed = uploads._sha256

    def meanwhile(file):
        submitted(phase, developer)
        return hashed(file)

    before = files()
    monkeypatch.setattr(uploads, "_sha256", meanwhile)
    assert upload(client, phase).status_code == 422
    assert Submission.objects.count() == 2
    assert files() == before


def test_the_page_says_before_an_upload_what_is_used_and_left(phase, developer, client):
    submitted(phase, developer)
    submitted(phase, developer, state="failed", reason_owner="participant")
    page = " ".join(client.get(address_of(phase)).content.decode().split())
    assert '<dd>1 <span class="of">of 2, 1 used</span></dd>' in page
    assert '<dd>2 <span class="of">of 4, 2 used</span></dd>' in page
    assert "Within any 7 days." in page
    assert "One of yours runs at a time; a further one waits for its turn." in page
    assert "data-upload" in page


def test_the_page_of_a_used_up_quota_has_no_form_and_says_when_the_next_is_possible(
    phase, developer, client
):
    for days in (4.5, 1):
        submitted(phase, developer, days_ago=days)
    page = client.get(address_of(phase)).content.decode().replace("\xa0", " ")
    assert "data-upload" not in page
    assert "Your quota is used up" in page
    next_at = allowance_of(phase=phase, user=developer).next_at
    assert f"{next_at:%Y-%m-%d %H:%M} UTC" in page
    assert "in 2 days 12 h" in page or "in 2 days 13 h" in page


def test_the_page_says_when_the_phase_closes_before(phase, developer, client):
    for _ in range(2):
        submitted(phase, developer)
    phase.closes_at = timezone.now() + timedelta(days=1)
    phase.save()
    assert "The phase closes before that" in client.get(address_of(phase)).content.decode()


def test_an_organiser_whose_quota_is_used_up_can_still_submit_a_baseline(phase, developer, client):
    add_member(challenge=phase.challenge, user=developer, role=Membership.Role.ORGANISER)
    for _ in range(2):
        submitted(phase, developer)
    assert "Used up, but for baselines." in client.get(address_of(phase)).content.decode()
    refused = upload(client, phase)
    assert refused.status_code == 422
    assert "Your quota is used up: 2 of 2 submissions" in refused.content.decode()
    assert upload(client, phase, baseline="on").status_code == 302


def test_the_challenges_page_shows_the_quotas_and_limits_of_each_phase(phase, client):
    address = f"/challenges/{phase.challenge.slug}/"
    page = " ".join(client.get(address).content.decode().split())
    assert "2 in 7 days" in page
    assert "4 in 7 days" in page
    assert "All cases together" not in page, "there is no such limit"
    phase.quota_submissions, phase.quota_at_once = None, 3
    phase.seconds_total, phase.failed_in_a_row, phase.sandbox = 2 * 3600, 5, "gvisor"
    phase.save()
    page = " ".join(client.get(address).content.decode().replace("\xa0", " ").split())
    for words in ("no limit", ">3<", "2 h<", ">5<", "gVisor required"):
        assert words in page, words


def test_a_later_submission_waits_while_an_earlier_one_of_the_same_person_runs(phase, developer):
    first = submitted(phase, developer, state="running")
    second = submitted(phase, developer, state="queued")
    third = submitted(phase, developer, state="queued")
    assert set(waiting_for_their_turn()) == {second, third}
    Submission.objects.filter(pk=first.pk).update(state="scoring")
    assert set(waiting_for_their_turn()) == {third}, "its containers have run"


def test_another_person_is_not_held_up_and_a_baseline_waits_for_nobody(phase, developer):
    submitted(phase, developer, state="running")
    submitted(phase, a_user("another"), state="queued")
    submitted(phase, developer, state="queued", is_baseline=True)
    assert not waiting_for_their_turn().exists()


def test_a_baseline_holds_up_nobody(phase, developer):
    submitted(phase, developer, state="running", is_baseline=True)
    submitted(phase, developer, state="queued")
    assert not waiting_for_their_turn().exists()


def test_as_many_run_at_once_as_the_phase_allows(phase, developer):
    phase.quota_at_once = 2
    phase.save()
    made = [submitted(phase, developer, state="queued") for _ in range(3)]
    assert list(waiting_for_their_turn()) == [made[2]]
    phase.quota_at_once = None
    phase.save()
    assert not waiting_for_their_turn().exists()


def test_the_page_of_a_waiting_one_says_for_what(phase, developer, client):
    submitted(phase, developer, state="running")
    second = submitted(phase, developer, state="queued")
    address = f"/submissions/{second.public_id}/"
    assert "waits for your earlier submission" in client.get(address).content.decode()
    organiser = Client()
    organiser.force_login(a_user("organiser"))
    words = "waits for an earlier submission of developer"
    assert words in organiser.get(address).content.decode()
