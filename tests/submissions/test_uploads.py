"""An upload is kept whole on disk, or refused with a sentence; nothing is left of a refused one."""

import hashlib
import io

import pytest
from django.test import Client

from challenges.storage import untrusted
from submissions.models import Submission, Upload
from tests.factories import a_user

pytestmark = pytest.mark.usefixtures("hints")


@pytest.fixture
def address(phase):
    return f"/challenges/{phase.challenge.slug}/{phase.slug}/submit/"


@pytest.fixture
def client(developer):
    client = Client()
    client.force_login(developer)
    return client


def incoming() -> list[str]:
    return [str(path) for path in untrusted().listdir("incoming")[1]]


def test_it_is_kept_to_the_byte_with_its_hash(client, address):
    content = bytes(range(256)) * 20_000
    answer = client.post(address, {"title": "Mine", "image": io.BytesIO(content)})
    submission = Submission.objects.get()
    assert answer["Location"] == f"/submissions/{submission.public_id}/"
    upload = Upload.objects.get()
    assert upload.file.read() == content
    assert upload.sha256 == hashlib.sha256(content).hexdigest()
    assert submission.state == "received"
    assert incoming() == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"title": "Mine"}, "required"),
        ({"title": "", "image": io.BytesIO(b"x")}, "required"),
        ({"title": "x" * 101, "image": io.BytesIO(b"x")}, "at most 100 characters"),
        ({"title": "Mine", "image": io.BytesIO(b"")}, "empty"),
    ],
)
def test_what_is_missing_is_said(client, address, data, words):
    answer = client.post(address, data)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Submission.objects.exists()


def test_a_file_that_is_too_large_is_refused_with_both_sizes(client, address, settings):
    settings.UPLOAD_BYTES = 1000
    answer = client.post(address, {"title": "Big", "image": io.BytesIO(bytes(3_000_000))})
    assert answer.status_code == 422
    page = answer.content.decode().replace("\xa0", " ")
    assert "2.9 MB" in page
    assert "at most 1000 bytes" in page
    assert not Upload.objects.exists()
    assert incoming() == []


def test_a_full_disk_is_said_before_anything_is_written(client, address, monkeypatch):
    monkeypatch.setattr("challenges.room.RESERVE_BYTES", 10**18)
    answer = client.post(address, {"title": "Mine", "image": io.BytesIO(b"x" * 1000)})
    assert answer.status_code == 422
    assert "no room" in answer.content.decode()


def test_a_stranger_cannot_fill_the_disk(phase, address):
    client = Client(enforce_csrf_checks=True)
    token = client.get("/accounts/login/").cookies["csrftoken"].value
    file = io.BytesIO(bytes(3_000_000))
    answer = client.post(address, {"title": "M", "image": file, "csrfmiddlewaretoken": token})
    assert answer.status_code == 403
    assert incoming() == []
    assert not Upload.objects.exists()


def test_a_closed_phase_takes_nothing(client, address, phase):
    phase.closes_at = "2020-01-01T00:00:00Z"
    phase.save()
    client.post(address, {"title": "Late", "image": io.BytesIO(b"x")})
    assert not Submission.objects.exists()
    assert "closed" in client.get(address).content.decode()


def test_two_people_may_use_the_same_title(client, address, phase):
    other = Client()
    other.force_login(a_user("another"))
    for one in (client, other):
        one.post(address, {"title": "U-Net", "image": io.BytesIO(b"x")})
    assert Submission.objects.count() == 2
