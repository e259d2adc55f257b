"""What a person is told: once, where they want it, and for nobody else to see."""

import pytest
from django.test import Client

from accounts.models import Event, Notice
from accounts.selectors import choices_of, unread
from accounts.services import notices
from accounts.services.notices import Wanted
from tests.accounts.conftest import a_reader, tell
from tests.factories import a_user

pytestmark = pytest.mark.django_db


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(a_user(name))
    return client


def test_an_event_is_told_once_whatever_is_tried_again(people):
    assert tell(people.anna, people.bert) == 2
    assert tell(people.anna, people.bert) == 0
    assert tell(people.anna, a_reader("carl")) == 0, "the event was told, to whomever"
    assert Notice.objects.count() == 2
    assert tell(people.anna, key="another") == 1


def test_an_event_that_concerns_nobody_is_told_all_the_same(people):
    assert tell(key="nobody's") == 0
    assert notices.was_told(["nobody's", "unknown"]) == {"nobody's"}
    assert tell(people.anna, key="nobody's") == 0


def test_a_person_named_twice_is_told_once(people):
    assert tell(people.anna, people.anna) == 1


def test_the_inbox_shows_unread_first_then_the_newest(people):
    for number in range(4):
        tell(people.anna, key=f"{number}", subject=f"Subject {number}")
    page = client_of("anna")
    newest = Notice.objects.get(subject="Subject 3")
    page.post("/accounts/notices/", {"read": newest.public_id})
    shown = page.get("/accounts/notices/").context["page"].object_list
    assert [one.subject for one in shown] == ["Subject 2", "Subject 1", "Subject 0", "Subject 3"]


def test_the_number_of_unread_stands_on_every_page_for_one_query(people, django_assert_num_queries):
    tell(people.anna, key="1")
    tell(people.anna, key="2")
    tell(people.bert, key="3")
    anna = client_of("anna")
    page = anna.get("/docs/metrics/").content.decode()
    assert '2<span class="hidden"> unread</span>' in page
    with django_assert_num_queries(0):
        visitor = Client().get("/docs/metrics/").content.decode()
    assert "unread" not in visitor
    with django_assert_num_queries(3):  # session, person, unread
        anna.get("/docs/metrics/")


def test_whoever_follows_a_notice_has_read_it(people):
    tell(people.anna)
    notice = Notice.objects.get()
    answer = client_of("anna").get(f"/accounts/notices/{notice.public_id}/")
    assert answer["Location"] == "/challenges/small/"
    assert unread(people.anna) == 0


def test_anothers_notice_is_not_there(people):
    tell(people.anna)
    notice = Notice.objects.get()
    bert = client_of("bert")
    assert bert.get(f"/accounts/notices/{notice.public_id}/").status_code == 404
    bert.post("/accounts/notices/", {"read": notice.public_id})
    bert.post("/accounts/notices/")
    assert unread(people.anna) == 1
    assert "A subject" not in bert.get("/accounts/notices/").content.decode()


def test_all_are_marked_as_read_at_once(people):
    for number in range(30):
        tell(people.anna, key=f"{number}")
    anna = client_of("anna")
    assert "Page 1 of 2" in anna.get("/accounts/notices/").content.decode()
    anna.post("/accounts/notices/")
    assert unread(people.anna) == 0


@pytest.mark.parametrize(
    "link",
    ["https://evil.example/", "//evil.example/", "/\\evil.example/", "challenges/", "/a b", "/a\nb",
     "javascript:alert(1)", ""],
)  # fmt: skip
def test_a_link_leads_to_this_platform_and_nowhere_else(people, link):
    with pytest.raises(ValueError, match="a path of this platform"):
        tell(people.anna, link=link)
    assert not Event.objects.filter(key="an event").exists()


def test_by_default_everything_comes_to_inbox_and_mail(people):
    assert all(one.in_inbox and one.by_mail for one in choices_of(people.anna))
    assert len(choices_of(people.anna)) == len(Notice.Kind)


@pytest.mark.parametrize("kind", Notice.Kind.values)
def test_each_kind_has_a_switch_for_the_inbox_and_one_for_mail(people, kind):
    anna = client_of("anna")
    on = {f"{where}-{one}": "on" for where in ("inbox", "mail") for one in Notice.Kind.values}
    anna.post(
        "/accounts/notices/settings/",
        {name: value for name, value in on.items() if name != f"mail-{kind}"},
    )
    tell(people.anna, kind=Notice.Kind(kind), key="by inbox alone")
    assert Notice.objects.get().mail_state == "none"
    assert unread(people.anna) == 1
    anna.post(
        "/accounts/notices/settings/",
        {name: value for name, value in on.items() if name != f"inbox-{kind}"},
    )
    tell(people.anna, kind=Notice.Kind(kind), key="by mail alone")
    latest = Notice.objects.get(event__key="by mail alone")
    assert (latest.mail_state, latest.in_inbox) == ("waiting", False)
    assert unread(people.anna) == 1, "the inbox has the first alone"
    other = next(one for one in Notice.Kind if one != kind)
    tell(people.anna, kind=other, key="another kind")
    assert Notice.objects.get(event__key="another kind").mail_state == "waiting"


def test_a_choice_of_a_kind_that_there_is_none_of_is_refused(people):
    with pytest.raises(ValueError, match="kind 'spam'"):
        notices.choose(person=people.anna, wanted=[Wanted("spam")])


def test_who_has_no_address_has_the_inbox(db):
    tell(a_user("without"))
    notice = Notice.objects.get()
    assert (notice.mail_state, notice.in_inbox) == ("none", True)


def test_a_subject_is_one_line_of_limited_length(people):
    tell(people.anna, subject="A title\r\nBcc: all@example.org\x00" + "x" * 500)
    subject = Notice.objects.get().subject
    assert subject.startswith("A title Bcc: all@example.org xxx")
    assert subject.isprintable()
    assert len(subject) == 200


def test_what_others_wrote_is_set_off_and_never_markup(people):
    text = "They write:\n\n> <script>alert(1)</script>\n>\n> A second & last paragraph.\n\nLook."
    tell(people.anna, text=text, subject="<b>bold</b>")
    page = client_of("anna").get("/accounts/notices/").content.decode()
    assert "<blockquote><p>&lt;script&gt;alert(1)&lt;/script&gt;</p>" in page
    assert "<p>A second &amp; last paragraph.</p></blockquote>" in page
    assert "<p>They write:</p>" in page
    assert "&lt;b&gt;bold" in page
