"""The mail server by one variable; wrong ones are refused at start, and no password is repeated."""

import pytest

from config.doctor import examine
from config.environment import Environment, SettingsRefused
from config.finding import Verdict
from config.mail import MailServer
from tests.mail_server import mail_server
from tests.platforms import free_port

SENDER = {"UPTAKE_MAIL_FROM": "Uptake <uptake@example.org>"}


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "password"),
    [
        ("smtp://mail.example.org", "mail.example.org", 25, "", ""),
        ("smtp+starttls://mail.example.org", "mail.example.org", 587, "", ""),
        ("smtps://me:secret@mail.example.org", "mail.example.org", 465, "me", "secret"),
        ("smtps://me%40x.org:a%3Ab%2F@[::1]:2465", "::1", 2465, "me@x.org", "a:b/"),
    ],
)
def test_a_mail_server_is_named_by_a_url(url, host, port, user, password):
    server = MailServer.read(url)
    assert (server.host, server.port, server.user, server.password) == (host, port, user, password)
    assert not password or password not in f"{server} {server!r}"


@pytest.mark.parametrize(
    "url",
    ["mail.example.org:25", "http://mail.example.org", "smtp://", "smtp://mail:port",
     "smtp://mail:99999", "smtp://mail/folder"],
)  # fmt: skip
def test_a_url_that_names_none_is_refused_without_repeating_it(url):
    with pytest.raises(SettingsRefused) as refusal:
        Environment.read({"UPTAKE_MAIL_URL": url, **SENDER})
    assert "UPTAKE_MAIL_URL=…" in str(refusal.value)


def test_a_password_is_not_repeated(tmp_path):
    with pytest.raises(SettingsRefused) as refusal:
        Environment.read({"UPTAKE_MAIL_URL": "smtp://me:hunter2@mail:port", **SENDER})
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("sender", ["", "nobody", "Uptake <a@b>\nBcc: c@d"])
def test_with_a_mail_server_there_is_a_sender(sender):
    with pytest.raises(SettingsRefused, match="UPTAKE_MAIL_FROM"):
        Environment.read({"UPTAKE_MAIL_URL": "smtp://mail", "UPTAKE_MAIL_FROM": sender})


def test_a_server_and_its_sender_are_taken():
    Environment.read({"UPTAKE_MAIL_URL": "smtp://mail", **SENDER})


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"UPTAKE_BIND": "0.0.0.0:80", "UPTAKE_HOSTS": "pet.org"}, "http://pet.org:80"),
        ({"UPTAKE_HOSTS": ".pet.org,127.0.0.1", "UPTAKE_HTTPS": "1"}, "https://pet.org"),
        ({"UPTAKE_HOSTS": "*", "UPTAKE_BIND": "10.0.0.7:8080"}, "http://10.0.0.7:8080"),
        ({"UPTAKE_ADDRESS": "https://pet.org:8443"}, "https://pet.org:8443"),
    ],
)
def test_links_begin_with_the_public_address_or_what_is_known_of_it(variables, address):
    assert Environment.read(variables).public_address == address


@pytest.mark.parametrize("address", ["pet.org", "https://pet.org/", "https://pet.org/x", "ftp://x"])
def test_an_address_that_links_cannot_begin_with_is_refused(address):
    with pytest.raises(SettingsRefused, match="UPTAKE_ADDRESS"):
        Environment.read({"UPTAKE_ADDRESS": address})


def found(tmp_path, url):
    return next(one for one in examine(tmp_path, "", mail_url=url) if one.what == "Mail")


def test_the_doctor_says_that_without_a_server_mails_stay_in_a_folder(tmp_path):
    finding = found(tmp_path, "")
    assert finding.verdict is Verdict.NOTE
    assert str(tmp_path / "mail") in finding.found
    assert "UPTAKE_MAIL_URL" in finding.remedy


def test_the_doctor_connects_to_the_server_and_sends_nothing(tmp_path):
    with mail_server() as box:
        assert found(tmp_path, f"smtp://127.0.0.1:{box.port}").verdict is Verdict.GOOD
        assert (box.connections, box.letters) == (1, [])
    finding = found(tmp_path, f"smtp://me:hunter2@127.0.0.1:{free_port()}")
    assert finding.verdict is Verdict.MISSING
    assert "hunter2" not in finding.found + finding.remedy
