"""Questions are asked, found, answered and moderated; who wrote what is hidden reads why."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Notice
from challenges.models import Answer, Question
from challenges.selectors.talk import questions_of, thread_of, unanswered
from challenges.services import asking
from challenges.services.asking import ANSWERS_A_DAY, QUESTIONS_A_DAY, TalkRefused
from tests.factories import a_challenge, a_user

pytestmark = pytest.mark.django_db
PAGE = "/challenges/small/questions/"


@pytest.fixture
def challenge(tmp_path):
    return a_challenge(tmp_path)


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(a_user(name))
    return client


def ask(challenge, name="anna", title="Which grid?", text="PET or CT?"):
    return asking.ask(challenge=challenge, user=a_user(name), title=title, text=text)


def answer(question, name="bert", text="The PET's."):
    return asking.answer(question=question, user=a_user(name), text=text)


def told(kind):
    return [one.person.get_username() for one in Notice.objects.filter(kind=kind)]


def test_a_question_is_read_by_everyone_and_waits_for_the_organisers(challenge):
    done = client_of("anna").post(PAGE, {"title": "Which grid?", "text": "PET or CT?"})
    page = Client().get(done["Location"]).content.decode()
    assert "PET or CT?" in page
    assert "Which grid?" in Client().get(PAGE).content.decode()
    assert told(Notice.Kind.WAITING) == ["organiser"]
    assert unanswered(challenge) == 1


def test_who_asked_is_told_of_an_answer_and_an_organisers_is_marked(challenge):
    question = ask(challenge)
    address = f"{PAGE}{question.public_id}/"
    client_of("bert").post(address, {"what": "answer", "text": "The CT's, I think."})
    client_of("organiser").post(address, {"what": "answer", "text": "The PET's."})
    client_of("anna").post(address, {"what": "answer", "text": "Thanks."})
    thread = thread_of(a_user("anna"), challenge, question.public_id)
    assert [one.by_organiser for one in thread.answers] == [False, True, False]
    assert told(Notice.Kind.ANSWER) == ["anna", "anna"]
    assert unanswered(challenge) == 0
    assert "answered by an organiser" in Client().get(PAGE).content.decode()


def test_a_visitor_is_sent_to_sign_in(challenge):
    question = ask(challenge)
    for address in (PAGE, f"{PAGE}{question.public_id}/"):
        response = Client().post(address, {"what": "answer", "title": "x", "text": "Spam"})
        assert response.status_code == 302
        assert "/accounts/login/" in response["Location"]
    assert (Question.objects.count(), Answer.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("grid", {"Which grid?"}),
        ("GRID pet", {"Which grid?"}),
        ("grid tumour", set()),
        ("Größe", {"Wie groß?"}),
        ("GRÖSSE", {"Wie groß?"}),
        ("resample", {"Which grid?"}),
        ("100%", set()),
        ("_", set()),
        ("", {"Which grid?", "Wie groß?"}),
        ("  ", {"Which grid?", "Wie groß?"}),
    ],
)
def test_words_are_looked_for_in_questions_and_answers(challenge, search, found):
    question = ask(challenge)
    answer(question, text="Please resample.")
    ask(challenge, title="Wie groß?", text="Die GRÖSSE in ml.")
    page = Client().get(PAGE, {"search": search}).context["page"]
    assert {one.title for one in page} == found


def test_a_hidden_answer_is_not_found_by_its_words_but_by_its_author_and_organisers(challenge):
    hidden = answer(ask(challenge), text="viagra")
    asking.hide(entry=hidden, reason="Advertising.", by=a_user("organiser"))
    for name, count in (("anna", 0), ("bert", 1), ("organiser", 1)):
        assert questions_of(a_user(name), challenge, "viagra").count() == count


def test_what_is_hidden_is_seen_by_its_author_with_the_reason_and_by_organisers(challenge):
    question = ask(challenge)
    entry = answer(question, text="Buy this.")
    address = f"{PAGE}{question.public_id}/"
    organiser = client_of("organiser")
    refused = organiser.post(address, {"what": "hide", "entry": entry.public_id, "reason": " "})
    assert refused.status_code == 422
    assert "its author reads it" in refused.content.decode()
    organiser.post(address, {"what": "hide", "entry": entry.public_id, "reason": "Advertising."})
    pages = {name: client_of(name).get(address).content.decode()
             for name in ("anna", "bert", "organiser")}  # fmt: skip
    assert "Buy this." not in pages["anna"]
    for name in ("bert", "organiser"):
        assert "Buy this." in pages[name]
        assert "Advertising." in pages[name]
    assert "Advertising." in Notice.objects.get(person__username="bert").text
    assert not any("Buy this." in one.text for one in Notice.objects.filter(kind="answer"))
    organiser.post(address, {"what": "show", "entry": entry.public_id})
    assert "Buy this." in client_of("anna").get(address).content.decode()


def test_a_hidden_question_is_not_there_for_others(challenge):
    question = ask(challenge)
    address = f"{PAGE}{question.public_id}/"
    client_of("organiser").post(address, {"what": "hide", "entry": "", "reason": "Off topic."})
    assert Client().get(address).status_code == 404
    assert client_of("bert").get(address).status_code == 404
    assert client_of("bert").post(address, {"what": "answer", "text": "x"}).status_code == 404
    assert "Off topic." in client_of("anna").get(address).content.decode()
    assert Client().get(PAGE).context["page"].paginator.count == 0
    with pytest.raises(TalkRefused, match="hidden"):
        answer(question, name="anna")


def test_nobody_but_an_organiser_moderates(challenge):
    question = ask(challenge)
    entry = answer(question)
    address = f"{PAGE}{question.public_id}/"
    for what in ("hide", "show", "pin", "unpin", "close", "open", "nonsense"):
        for name in ("anna", "bert", "stranger"):
            sent = {"what": what, "entry": entry.public_id, "reason": "x"}
            assert client_of(name).post(address, sent).status_code == 404
    question.refresh_from_db()
    assert (question.hidden_at, question.closed_at, question.is_pinned) == (None, None, False)


def test_an_answer_to_another_question_is_not_hidden_from_here(challenge):
    first, second = ask(challenge), ask(challenge, title="Another?")
    entry = answer(second)
    sent = {"what": "hide", "entry": entry.public_id, "reason": "x"}
    address = f"{PAGE}{first.public_id}/"
    assert client_of("organiser").post(address, sent).status_code == 404


def test_a_pinned_question_comes_first_and_a_closed_one_takes_no_answers(challenge):
    first = ask(challenge, title="First?")
    ask(challenge, title="Second?")
    organiser = client_of("organiser")
    address = f"{PAGE}{first.public_id}/"
    for what in ("pin", "close"):
        organiser.post(address, {"what": what})
    assert [one.title for one in Client().get(PAGE).context["page"]] == ["First?", "Second?"]
    refused = client_of("bert").post(address, {"what": "answer", "text": "Late."})
    assert refused.status_code == 422
    assert "closed" in refused.content.decode()
    for what in ("unpin", "open"):
        organiser.post(address, {"what": what})
    assert client_of("bert").post(address, {"what": "answer", "text": "Now."}).status_code == 302


def test_so_many_questions_a_day_are_taken_from_a_person_and_more_the_next_day(challenge):
    for number in range(QUESTIONS_A_DAY):
        ask(challenge, title=f"Question {number}")
    with pytest.raises(TalkRefused, match="tomorrow"):
        ask(challenge)
    ask(challenge, name="bert")
    Question.objects.update(asked_at=timezone.now() - timedelta(days=1, seconds=1))
    ask(challenge)


def test_so_many_answers_a_day_are_taken_from_a_person_but_not_of_organisers(challenge):
    question = ask(challenge)
    for _ in range(ANSWERS_A_DAY):
        answer(question)
    with pytest.raises(TalkRefused, match="tomorrow"):
        answer(question)
    for _ in range(ANSWERS_A_DAY + 1):
        answer(question, name="organiser")


def test_everything_that_is_wrong_is_told_at_once(challenge):
    page = client_of("anna").post(PAGE, {"title": "", "text": "a \x07 bell"}).content.decode()
    assert "Say in a line what it is." in page
    assert "control character" in page


def test_many_questions_are_shown_page_by_page_with_the_search_kept(challenge):
    for number in range(25):
        Question.objects.create(
            challenge=challenge, asked_by=a_user("anna"), title=f"Grid {number}", text="x",
            folded=f"grid {number}\nx",
        )  # fmt: skip
    page = Client().get(PAGE, {"search": "grid & x"}).content.decode()
    assert "0 with each of these words" in page
    page = Client().get(PAGE, {"search": "grid"}).content.decode()
    assert "?search=grid&amp;page=2" in page
    assert "Page 2 of 2" in Client().get(PAGE, {"search": "grid", "page": 2}).content.decode()


def test_markup_is_shown_as_it_was_written(challenge):
    question = ask(challenge, title="<i>?</i>", text="<script>alert(1)</script>")
    page = Client().get(f"{PAGE}{question.public_id}/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_a_phase_that_is_called_questions_keeps_its_pages(tmp_path):
    phases = [{"slug": "questions", "title": "Q", "cases": "public"}]
    a_challenge(tmp_path / "other", slug="odd", phases=phases)
    assert Client().get("/challenges/odd/questions/leaderboard/").status_code == 200
