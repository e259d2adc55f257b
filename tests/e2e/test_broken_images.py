"""A broken image ends as failed, with a reason its developer can act on; the platform goes on."""

import pytest

from tests.images import EMPTY_MASK, save_program
from tests.platforms import ENDS, wait_for, words_of
from tests.scans import write_challenge

pytestmark = [pytest.mark.docker, pytest.mark.broker]

CHALLENGE = "broken-images"
BROKEN = {
    "exits 1": ("import sys; print('no model file'); sys.exit(1)", "exit_code", "exit status 1"),
    "writes nothing": ("", "no_output", "found no file at all"),
    "writes two": (
        EMPTY_MASK + "\n(target / 'again.mha').write_bytes(b'x')",
        "two_outputs",
        "found 2",
    ),
    "wrong grid": (
        EMPTY_MASK.replace('fields |= {', 'fields |= {"Offset": "1 2 3", '),
        "wrong_grid",
        "-20 -18 7",
    ),
    "points at another file": (
        EMPTY_MASK.replace("ElementDataFile = LOCAL", "ElementDataFile = /etc/passwd"),
        "points_elsewhere",
        "its own file",
    ),
    "a link for a mask": (
        EMPTY_MASK
        + "\nimport os, shutil; shutil.move(target / 'mask.mha', '/tmp/m'); os.symlink('/tmp/m', target / 'mask.mha')",
        "not_a_regular_file",
        "a link",
    ),
    "sleeps past its limit": (
        "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(100)",
        "time_limit",
        "the limit is 10 s",
    ),
    "takes too much memory": (
        "blocks = []\nwhile True: blocks.append(bytearray(10_000_000))",
        "out_of_memory",
        "512 MiB",
    ),
    "fills its output": (
        "import pathlib; p = pathlib.Path('/output/images'); p.mkdir(); (p / 'x').write_bytes(bytes(10**8))",
        "output_too_large",
        "MiB may be written",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def challenge(platform, tmp_path_factory):
    folder = write_challenge(tmp_path_factory.mktemp("challenge") / "c", slug=CHALLENGE)
    definition = folder / "challenge.yaml"
    definition.write_text(
        definition.read_text().replace('"minutes_per_case": 0.5', '"minutes_per_case": 0.167')
    )
    platform.run("import-challenge", str(folder))
    return CHALLENGE


def test_each_broken_image_fails_with_its_reason_and_a_good_one_beside_them_scores(
    platform, challenge, tmp_path
):
    developer = platform.person("unlucky")
    submissions = {
        name: developer.upload(challenge, name, save_program(program, tmp_path / "image.tar"))
        for name, (program, _, _) in BROKEN.items()
    }
    good = developer.upload(challenge, "good", save_program(EMPTY_MASK, tmp_path / "image.tar"))
    for name, submission in submissions.items():
        assert developer.wait(submission, *ENDS) == "failed", name
        ((code, text, owner),) = platform.rows(
            "SELECT reason_code, reason_text, reason_owner FROM submissions_submission"
            " WHERE public_id = ?",
            submission,
        )
        _, expected, words = BROKEN[name]
        assert (code, owner) == (expected, "participant"), (name, text)
        assert words in text, name
        page = developer.client.get(f"/submissions/{submission}/").text
        assert words in words_of(page), name
    assert developer.wait(good, *ENDS) == "scored"
    values = platform.rows(
        "SELECT json_extract(r.metrics, '$.dice.lesion.value') FROM submissions_caseresult r"
        " JOIN submissions_run u ON u.id = r.run_id JOIN submissions_submission s"
        " ON s.id = u.submission_id WHERE s.public_id = ?",
        good,
    )
    assert values == [(0.0,)] * 3


def test_an_image_that_is_no_image_is_rejected(platform, challenge, tmp_path):
    developer = platform.person("unlucky")
    for content in (b"", b"not a tarball", b"\x1f\x8b" + bytes(100)):
        archive = tmp_path / "image.tar"
        archive.write_bytes(content)
        if not content:
            page = developer.client.post(
                f"/challenges/{challenge}/open/submit/",
                data={
                    "title": "Empty",
                    "csrfmiddlewaretoken": developer.client.cookies["csrftoken"],
                },
                files={"image": ("image.tar", b"", "application/x-tar")},
            )
            assert page.status_code == 422
            assert "empty" in page.text
            continue
        submission = developer.upload(challenge, "Nonsense", archive)
        assert developer.wait(submission, *ENDS) == "rejected"


def test_cancelling_stops_the_container_within_seconds(platform, challenge, tmp_path):
    developer = platform.person("impatient")
    sleeper = save_program("import time; time.sleep(4.5)", tmp_path / "image.tar")
    submission = developer.upload(challenge, "Sleeper", sleeper)
    developer.wait(submission, "running")
    developer.post(f"/submissions/{submission}/cancel/", {})
    assert developer.state_of(submission) == "cancelled"
    wait_for("the container's end", lambda: platform.left_overs() == [], 3)
