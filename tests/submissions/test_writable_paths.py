"""Folders of an image that its program writes to, as its developer names them."""

import io

import pytest
from django.test import Client

from submissions.forms import SubmitForm
from submissions.models import AlgorithmVersion, Submission

pytestmark = pytest.mark.usefixtures("hints")


def judged(text: str) -> tuple[list[str], list[str]]:
    """What is taken, and what is said against it."""
    form = SubmitForm({"title": "Mine", "writable": text}, {})
    form.is_valid()
    return form.cleaned_data.get("writable", []), [
        str(words) for words in form.errors.get("writable") or ()
    ]


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("", []),
        ("\n  \n", []),
        ("/opt/algorithm", ["/opt/algorithm"]),
        ("/opt/algorithm/\r\n /opt//algorithm \n/opt/x/../algorithm", ["/opt/algorithm"]),
        ("/a\n/b\n/c\n/d", ["/a", "/b", "/c", "/d"]),
        ("/tmp\n/output\n/opt/algorithm", ["/opt/algorithm"]),
        ("/opt/with a space", ["/opt/with a space"]),
    ],
)
def test_each_is_taken_once_in_one_spelling(text, paths):
    assert judged(text) == (paths, [])


@pytest.mark.parametrize(
    "text",
    ["/", "opt/algorithm", "../etc", "/etc", "/proc/self", "/dev/shm", "/sys", "/input", "//input/",
     "/input/images", "/output/images", "/opt/../etc/x", "/opt/\x07bell"],
)  # fmt: skip
def test_no_run_is_given_a_place_of_the_system(text):
    paths, (words,) = judged(text)
    assert paths == []
    assert "No run can write to" in words


def test_five_are_too_many():
    assert judged("/a\n/b\n/c\n/d\n/e") == ([], ["At most 4 folders can be made writable."])


def test_they_are_kept_with_the_version_and_shown_with_the_submission(phase, developer):
    client = Client()
    client.force_login(developer)
    client.post(
        f"/challenges/{phase.challenge.slug}/{phase.slug}/submit/",
        {"title": "Mine", "image": io.BytesIO(b"x"), "writable": "/opt/algorithm\n/workspace"},
    )
    assert AlgorithmVersion.objects.get().writable == ["/opt/algorithm", "/workspace"]
    address = f"/submissions/{Submission.objects.get().public_id}/"
    page = client.get(address).content.decode()
    assert "Writable paths" in page
    assert "<code>/workspace</code>" in page


def test_what_was_refused_stays_in_the_open_form_with_the_reason(phase, developer):
    client = Client()
    client.force_login(developer)
    address = f"/challenges/{phase.challenge.slug}/{phase.slug}/submit/"
    assert '<details class="further">' in client.get(address).content.decode()
    answer = client.post(address, {"title": "Mine", "image": io.BytesIO(b"x"), "writable": "/etc"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert '<details class="further" open>' in page
    assert "No run can write to /etc" in page
