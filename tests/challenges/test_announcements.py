"""Organisers announce, correct and withdraw; whoever takes part is told once."""

import pytest
from django.test import Client

from accounts.models import Notice
from challenges.models import Announcement, Membership
from challenges.services import announcing, teams
from challenges.services.announcing import AnnouncementRefused
from challenges.services.members import add_member
from tests.factories import a_challenge, a_user

pytestmark = pytest.mark.django_db
PAGE = "/challenges/small/announcements/"


@pytest.fixture
def challenge(tmp_path):
    made = a_challenge(tmp_path)
    teams.create_team(challenge=made, user=a_user("anna"), name="Ours")
    return made


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(a_user(name))
    return client


def announce(challenge, title="A date moves", text="To Monday."):
    return announcing.announce(challenge=challenge, title=title, text=text, by=a_user("organiser"))


def told():
    return {one.person.get_username() for one in Notice.objects.all()}


def test_what_is_announced_reaches_everyone_who_takes_part_and_other_organisers(challenge):
    add_member(challenge=challenge, user=a_user("co"), role=Membership.Role.CO_ORGANISER)
    a_user("stranger")
    client_of("organiser").post(PAGE, {"title": "A date moves", "text": "To Monday."})
    assert told() == {"anna", "co"}
    notice = Notice.objects.get(person__username="anna")
    assert "> To Monday." in notice.text
    assert notice.link == PAGE
    assert "To Monday." in Client().get(PAGE).content.decode()


def test_the_page_of_the_challenge_shows_the_newest_three(challenge):
    for number in range(5):
        announce(challenge, title=f"Announcement {number}")
    page = Client().get("/challenges/small/").content.decode()
    assert [f"Announcement {number}" in page for number in range(5)] == [
        False, False, True, True, True]  # fmt: skip


def test_nobody_but_an_organiser_announces(challenge):
    for name in ("anna", "stranger"):
        answer = client_of(name).post(PAGE, {"title": "Spam", "text": "Spam."})
        assert answer.status_code == 404
    assert Client().post(PAGE, {"title": "Spam", "text": "Spam."}).status_code == 404
    assert not Announcement.objects.exists()


def test_everything_that_is_wrong_is_told_at_once_and_what_was_written_stays(challenge):
    answer = client_of("organiser").post(PAGE, {"title": " ", "text": "x" * 8001})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Give it a title." in page
    assert "8001 characters; at most 8000" in page
    assert "x" * 8001 in page
    assert told() == set()


def test_markup_is_shown_as_it_was_written(challenge):
    announce(challenge, title="<b>x</b>", text="<script>alert(1)</script>")
    page = Client().get(PAGE).content.decode()
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page


def test_a_correction_says_when_and_tells_nobody_again(challenge):
    one = announce(challenge)
    Notice.objects.all().delete()
    client_of("organiser").post(f"{PAGE}{one.public_id}/", {"title": "A date", "text": "Tuesday."})
    page = Client().get(PAGE).content.decode()
    assert "Tuesday." in page
    assert "changed" in page
    assert told() == set()


def test_what_is_withdrawn_goes_from_pages_and_inboxes_and_unsent_mails(challenge):
    anna = a_user("anna")
    anna.email = "anna@example.org"
    anna.save()
    one = announce(challenge, text="A secret.")
    assert Notice.objects.get().mail_state == "waiting"
    client_of("organiser").post(f"{PAGE}{one.public_id}/", {"what": "withdraw"})
    notice = Notice.objects.get()
    assert notice.mail_state == "none"
    assert "secret" not in notice.text
    assert "A date moves" not in notice.subject
    for address in (PAGE, "/challenges/small/"):
        assert "A secret." not in client_of("anna").get(address).content.decode()
    assert "A secret." in client_of("organiser").get(PAGE).content.decode()
    with pytest.raises(AnnouncementRefused, match="withdrawn"):
        announcing.edit(announcement=one, title="x", text="y", by=a_user("organiser"))
    assert not announcing.withdraw(announcement=one, by=a_user("organiser"))


def test_before_a_challenge_is_published_nothing_is_announced(challenge):
    challenge.published_at = None
    with pytest.raises(AnnouncementRefused, match="not published"):
        announce(challenge)
