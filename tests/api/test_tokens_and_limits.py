"""Tokens are made once, hashed, limited and withdrawn; nobody asks faster than allowed."""

import re
from datetime import timedelta
from threading import Thread

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.callers import PerMinute
from accounts.models import Token
from accounts.tokens import TokenRefused, find, issue
from config.api import LIMIT
from tests.api.conftest import Program
from tests.factories import a_user


@pytest.fixture
def page(db, client):
    client.force_login(a_user("developer"))
    return client


def made(page, **values):
    data = {"name": "laptop", "scopes": ["read"], "days": "30", **values}
    return page.post("/accounts/tokens/", data)


def text_in(answer):
    return re.search(r"uptake_[a-z0-9]{12}_[\w-]+", answer.content.decode()).group()


def test_the_text_of_a_token_is_shown_once_and_kept_nowhere(page):
    answer = made(page)
    text = text_in(answer)
    assert "no-store" in answer["Cache-Control"]
    assert find(text).name == "laptop"
    assert text not in page.get("/accounts/tokens/").content.decode()
    token = Token.objects.get()
    assert text.split("_")[2] not in str(vars(token))
    assert token.scopes == ["read"]
    assert timedelta(days=29) < token.expires_at - timezone.now() < timedelta(days=31)


@pytest.mark.parametrize(
    "wrong", [{"scopes": []}, {"scopes": ["root"]}, {"name": ""}, {"days": "9999"}], ids=str
)
def test_a_token_without_a_name_scope_or_length_is_not_made(page, wrong):
    assert made(page, **wrong).status_code == 422
    assert not Token.objects.exists()


def test_an_expired_token_opens_nothing(db):
    _, text = issue(
        owner=a_user("a"), name="t", scopes=["read"], expires_at=timezone.now() - timedelta(1)
    )
    with pytest.raises(TokenRefused):
        find(text)


def test_the_use_of_a_token_is_noted(db):
    token, text = issue(owner=a_user("a"), name="t", scopes=["read"])
    assert token.used_at is None
    find(text)
    token.refresh_from_db()
    assert timezone.now() - token.used_at < timedelta(seconds=10)


def test_a_withdrawn_token_is_gone_from_the_page(page):
    text = text_in(made(page))
    token = Token.objects.get()
    page.post(f"/accounts/tokens/{token.public_id}/revoke/")
    with pytest.raises(TokenRefused):
        find(text)
    assert "laptop" not in page.get("/accounts/tokens/").content.decode()


def test_who_asks_too_fast_waits_for_the_next_minute_and_no_one_else(db, monkeypatch):
    cache.clear()
    monkeypatch.setattr(LIMIT, "person", 3)
    monkeypatch.setattr(LIMIT, "address", 2)
    monkeypatch.setattr("accounts.callers.time.time", lambda: 1_800_000_030.0)
    quick, other = Program(a_user("quick")), Program(a_user("other"))
    assert [quick.get("/me").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    assert 0 < int(quick.get("/me")["Retry-After"]) <= 60
    assert other.get("/me").status_code == 200
    stranger = Client()
    assert [stranger.get("/api/v1/challenges").status_code for _ in range(3)] == [200, 200, 429]
    monkeypatch.setattr("accounts.callers.time.time", lambda: 1_800_000_061.0)
    assert quick.get("/me").status_code == 200


def test_another_token_of_the_same_person_counts_together(db, monkeypatch):
    cache.clear()
    monkeypatch.setattr(LIMIT, "person", 2)
    first, second = (Program(a_user("quick")) for _ in range(2))
    codes = [program.get("/me").status_code for program in (first, second, first)]
    assert codes == [200, 200, 429]


def test_people_who_ask_at_once_are_not_taken_for_each_other(settings):
    """The limit is one object that all threads share."""
    cache.clear()
    limit = PerMinute("threads", person=0, address=50)
    taken = {}

    def ask(address):
        request = RequestFactory().get("/", REMOTE_ADDR=address)
        taken[address] = sum(limit.allow_request(request) for _ in range(20))

    threads = [Thread(target=ask, args=(f"10.0.0.{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(taken.values()) == {20}


def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_saw(settings):
    cache.clear()
    settings.BEHIND_PROXY = True
    limit = PerMinute("proxy", person=0, address=1)

    def ask(forwarded):
        request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR=forwarded)
        return limit.allow_request(request)

    assert ask("1.1.1.1, 9.9.9.9")
    assert not ask("2.2.2.2, 9.9.9.9"), "what a client writes itself changes nothing"
    assert ask("1.1.1.1, 8.8.8.8")
