"""From signing up to the mail that says how a submission ended, with a mail server that is down for
a while and a worker that is killed."""

import os
import re
import signal

import pytest

from tests.mail_server import mail_server
from tests.platforms import PASSWORD, Platform, free_port, wait_for
from tests.scans import write_challenge

pytestmark = [pytest.mark.docker, pytest.mark.broker]
NO_IMAGE = b"no tarball at all" * 100


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def platform(tmp_path, port):
    running = Platform(
        tmp_path / "state",
        {
            "UPTAKE_MAIL_URL": f"smtp://127.0.0.1:{port}",
            "UPTAKE_MAIL_FROM": "Uptake <uptake@example.org>",
            "UPTAKE_ADDRESS": "https://pet.example.org",
        },
    )
    running.start()
    yield running
    running.stop()


def test_an_end_is_mailed_once_though_a_worker_is_killed_and_the_server_is_down_at_first(
    platform, port, tmp_path
):
    platform.run("import-challenge", str(write_challenge(tmp_path / "c", slug="mailed")))
    person = platform.person("developer")
    with mail_server(port) as box:
        person.client.get("/accounts/email/").raise_for_status()
        person.post("/accounts/email/", {"action_add": "", "email": "developer@example.org"})
        (letter,) = box.letters
        key = re.search(r"/accounts/confirm-email/([^/]+)/", letter.get_content())
        assert key
        person.post(f"/accounts/confirm-email/{key[1]}/", {})
    archive = tmp_path / "image.tar"
    archive.write_bytes(NO_IMAGE)
    submission = person.upload("mailed", "Mine", archive)
    assert person.wait(submission, "rejected", seconds=60) == "rejected"
    wait_for("a try to send it", lambda: platform.rows(
        "SELECT 1 FROM accounts_notice WHERE mail_state = 'waiting' AND mail_error != ''"), 60)  # fmt: skip
    assert "1<span" in person.client.get("/").text, "the inbox has it meanwhile"
    for process in platform.processes("queues default"):
        os.kill(process, signal.SIGKILL)
    with mail_server(port) as box:
        wait_for("the mail", lambda: box.letters, 120)
        letter = box.letters[0]
        assert letter["Subject"] == "[Uptake] Mine: rejected in Challenge mailed"
        assert f"https://pet.example.org/submissions/{submission}/" in letter.get_content()
        assert "Not an image" in letter.get_content()
        wait_for("its note", lambda: platform.rows(
            "SELECT 1 FROM accounts_notice WHERE mail_state = 'sent'"), 30)  # fmt: skip
        assert len(box.letters) == 1
    assert PASSWORD not in platform.log()
