"""Mails: sent by a real server, tried again, given up in the open; and how to get no more."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Notice
from accounts.selectors import mails
from accounts.services import mailing, notices
from accounts.services.mailing import send_waiting
from tests.accounts.conftest import a_reader, over_smtp, tell
from tests.mail_server import mail_server
from tests.platforms import free_port

pytestmark = pytest.mark.django_db


def pass_time(**delta: float) -> None:
    """As if all had been written so much earlier."""
    for row in Notice.objects.all():
        row.mail_after -= timedelta(**delta)
        if row.mail_claimed_at:
            row.mail_claimed_at -= timedelta(**delta)
        row.save()


def states() -> list[str]:
    return list(Notice.objects.order_by("pk").values_list("mail_state", flat=True))


def test_a_notice_is_mailed_once(people, server):
    tell(people.anna, people.bert)
    assert send_waiting() == 2
    assert send_waiting() == 0
    assert sorted(server.recipients) == ["anna@example.org", "bert@example.org"]
    assert server.connections == 1
    assert states() == ["sent", "sent"]


def test_a_mail_says_what_and_where_and_how_to_get_no_more_of_it(people, server):
    tell(people.anna, subject="Phase closes", text="It closes soon.\n\nHurry.")
    send_waiting()
    (letter,) = server.letters
    assert letter["Subject"] == "[Uptake] Phase closes"
    assert letter["From"] == "Uptake <uptake@pet.example.org>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter.get_content_type() == "text/plain"
    body = letter.get_content()
    assert "It closes soon.\n\nHurry." in body
    assert "\nhttps://pet.example.org/challenges/small/\n" in body
    off = re.search(r"Switch it off: (\S+)", body)
    assert off
    assert letter["List-Unsubscribe"].strip() == f"<{off[1]}>"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_the_link_in_a_mail_switches_its_kind_off_without_signing_in(people, server):
    tell(people.anna, key="1")
    send_waiting()
    address = server.letters[0]["List-Unsubscribe"].strip(" <>")
    path = address.removeprefix("https://pet.example.org")
    nobody = Client(enforce_csrf_checks=True)
    page = nobody.get(path)
    assert b"Send me no more of it" in page.content
    assert b"anna" not in page.content
    tell(people.anna, key="2")
    assert Notice.objects.get(event__key="2").mail_state == "waiting", "a look changes nothing"
    done = nobody.post(path, {"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200
    assert send_waiting() == 0
    tell(people.anna, key="3")
    tell(people.anna, key="4", kind=Notice.Kind.PHASE)
    assert states() == ["sent", "none", "none", "waiting"]
    assert notices.mark_read(person=people.anna) == 4, "the inbox has them all"


@pytest.mark.parametrize("secret", ["x", "a:b:c", "WzEsInBoYXNlIl0:1abcde:forged"])
def test_a_forged_link_switches_nothing_off(people, secret):
    for method in ("get", "post"):
        assert getattr(Client(), method)(f"/accounts/notices/off/{secret}/").status_code == 404


def test_a_server_that_is_down_delays_and_loses_nothing(people, settings):
    port = free_port()
    over_smtp(settings, port)
    tell(people.anna, people.bert)
    assert send_waiting() == 0
    assert states() == ["waiting", "waiting"]
    assert "refused" in Notice.objects.exclude(mail_error="").get().mail_error.lower()
    with mail_server(port) as box:
        assert send_waiting() == 0, "a pause comes first"
        assert box.connections == 0
        pass_time(seconds=31)
        assert send_waiting() == 2
        assert len(box.letters) == 2


def test_pauses_grow_while_a_server_is_down_up_to_half_an_hour(people, settings):
    over_smtp(settings, free_port())
    tell(people.anna, people.bert)
    pauses = []
    for _ in range(12):
        send_waiting()
        after = min(Notice.objects.values_list("mail_after", flat=True))
        pauses.append(round((after - timezone.now()).total_seconds()))
        pass_time(hours=1)
    assert pauses[:4] == [30, 60, 120, 240]
    assert pauses[-1] == 1800
    assert states() == ["waiting", "waiting"], "a server that does not answer is waited for"


def test_an_address_that_a_server_refuses_for_now_is_tried_again_and_others_are_sent(
    people, server
):
    server.refusals["RCPT"] = "450 greylisted, come again"
    tell(people.anna)
    send_waiting()
    server.refusals.clear()
    tell(people.bert, key="2")
    assert send_waiting() == 1
    assert server.recipients == ["bert@example.org"]
    pass_time(seconds=31)
    assert send_waiting() == 1
    assert states() == ["sent", "sent"]


def test_what_a_server_refuses_for_good_is_given_up_in_the_open_and_can_be_tried_again(
    people, server
):
    server.refusals["RCPT"] = "550 no such user"
    tell(people.anna)
    for _ in range(3):
        send_waiting()
        pass_time(hours=12)
    assert states() == ["failed"]
    (trouble,) = mails().troubles
    assert trouble.given_up
    assert "no such user" in trouble.error
    assert send_waiting() == 0
    server.refusals.clear()
    assert mailing.try_again() == 1
    assert send_waiting() == 1
    assert states() == ["sent"]
    assert mails().troubles == ()


def test_a_server_that_closes_in_between_is_waited_for(people, server):
    server.refusals["MAIL"] = "421 closing"
    tell(people.anna, people.bert)
    assert send_waiting() == 0
    assert server.connections == 1
    assert states() == ["waiting", "waiting"]


def test_a_mail_that_a_dead_worker_had_in_hand_is_sent_again_under_the_same_id(people, server):
    tell(people.anna)
    Notice.objects.update(mail_state="sending", mail_tries=1, mail_claimed_at=timezone.now())
    mailing.reconcile()
    assert states() == ["sending"], "it may be at it"
    pass_time(minutes=11)
    mailing.reconcile()
    assert states() == ["waiting"]
    send_waiting()
    notice = Notice.objects.get()
    assert server.letters[0]["Message-ID"].startswith(f"<{notice.public_id}.")


def test_a_worker_that_wakes_up_late_does_not_write_over_its_successor(people, server):
    tell(people.anna)
    late = mailing._claim()
    pass_time(minutes=11)
    mailing.reconcile()
    assert send_waiting() == 1
    assert not mailing._leave(late, Notice.Mail.FAILED)
    assert states() == ["sent"]


def test_the_reconciler_hints_at_what_is_due(people, hints):
    tell(people.anna)
    hints.clear()
    mailing.reconcile()
    assert hints == ["accounts.send_mail"]
    Notice.objects.update(mail_after=timezone.now() + timedelta(minutes=5))
    mailing.reconcile()
    assert hints == ["accounts.send_mail"]


def test_nothing_leaves_to_an_address_that_its_owner_has_not_confirmed(server, db):
    tell(a_reader("stranger", confirmed=False))
    assert states() == ["none"]
    assert send_waiting() == 0
    assert server.connections == 0


def test_an_address_that_was_changed_meanwhile_is_not_written_to(people, server):
    tell(people.anna)
    people.anna.email = "someone.else@example.org"
    people.anna.save()
    send_waiting()
    assert server.letters == []
    assert states() == ["none"]


def test_an_account_that_was_closed_meanwhile_is_not_written_to(people, server):
    tell(people.anna)
    people.anna.is_active = False
    people.anna.save()
    send_waiting()
    assert server.letters == []


@pytest.mark.parametrize(
    "subject", ["Hi\nBcc: all@example.org", "Hi\r\n\r\nA body", "Hi\x0bCc: a@b"]
)
def test_nobodys_words_become_a_header(people, server, subject):
    tell(people.anna, subject=subject)
    assert send_waiting() == 1
    letter = server.letters[0]
    assert letter["Bcc"] is None
    assert letter["Cc"] is None
    assert server.recipients == ["anna@example.org"]
    assert "A body" not in letter.get_content()


def test_signs_of_any_language_arrive(people, server):
    tell(people.anna, subject="Läsion 病变", text="Größe: 3 ml, “病变”.\n.\n.. end")
    send_waiting()
    (letter,) = server.letters
    assert letter["Subject"] == "[Uptake] Läsion 病变"
    assert "Größe: 3 ml, “病变”.\n.\n.. end" in letter.get_content()


def test_without_a_mail_server_mails_are_files_in_the_state_folder(people, settings, tmp_path):
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    tell(people.anna, a_reader("unconfirmed", confirmed=False))
    assert send_waiting() == 2
    text = "".join(path.read_text() for path in tmp_path.iterdir())
    assert "To: anna@example.org" in text
    assert "To: unconfirmed@example.org" in text


def test_many_mails_are_sent_in_parts_so_that_other_work_has_its_turn(db, server, hints):
    tell(*(a_reader(f"reader-{number}") for number in range(60)))
    hints.clear()
    assert send_waiting() == 50
    assert hints == ["accounts.send_mail"]
    assert send_waiting() == 10
    assert len(set(server.recipients)) == 60


def test_what_was_withdrawn_is_not_mailed_and_not_read_any_more(people, server):
    tell(people.anna, key="wrong", text="A secret.")
    assert notices.withdraw(key="wrong", subject="Gone", text="Withdrawn.") == 1
    assert send_waiting() == 0
    notice = Notice.objects.get()
    assert (notice.subject, notice.text) == ("Gone", "Withdrawn.")


def test_when_the_mail_server_is_down_an_account_is_made_all_the_same_and_that_is_said(
    db, settings
):
    over_smtp(settings, free_port())
    settings.ACCOUNT_EMAIL_VERIFICATION = "optional"
    client = Client()
    password = "a long enough secret"
    answer = client.post(
        "/accounts/signup/",
        {"username": "new", "email": "new@example.org", "password1": password,
         "password2": password},
        follow=True,
    )  # fmt: skip
    assert "new</a>" in answer.content.decode()
    assert "no mail was sent" in answer.content.decode()
