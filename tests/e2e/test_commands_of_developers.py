"""From a developer's own machine to a score: submit, status, cancel and results, over the API."""

import csv
import os
import re
import subprocess
import sys
import time
import zipfile

import docker
import pytest

from tests.images import EMPTY_MASK, save_program
from tests.platforms import ROOT, wait_for
from tests.scans import write_challenge

pytestmark = [pytest.mark.docker, pytest.mark.broker]


@pytest.fixture(scope="module")
def challenge(platform, tmp_path_factory):
    folder = write_challenge(tmp_path_factory.mktemp("c") / "c", slug="commands", cases=2)
    platform.run("import-challenge", str(folder))
    return f"{platform.address}/challenges/commands/"


@pytest.fixture(scope="module")
def token(platform):
    """Made on its page, as a person makes one."""
    return platform.person("developer").token()


@pytest.fixture
def uptake(token, tmp_path):
    """./uptake on a machine that has no platform of its own."""

    def run(*arguments, status=0, token=token):
        done = subprocess.run(
            [sys.executable, "-m", "config.cli", *arguments],
            cwd=ROOT,
            env={**os.environ, "UPTAKE_TOKEN": token, "UPTAKE_STATE": str(tmp_path / "none")},
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return " ".join((done.stdout + done.stderr).split())

    return run


def page_in(text):
    return re.search(r"http://\S+/submissions/\w+/", text).group()


def test_an_image_of_the_engine_is_submitted_followed_and_read(uptake, challenge, tmp_path):
    client = docker.from_env()
    archive = save_program(EMPTY_MASK, tmp_path / "image.tar")
    with archive.open("rb") as file:
        image = client.images.load(file)[0]
    image.tag("uptake-test/mine", "v1")
    try:
        said = uptake(
            "submit", "uptake-test/mine:v1", "--challenge", challenge, "--phase", "open", "--wait"
        )
    finally:
        client.images.remove("uptake-test/mine:v1")
        client.close()
    assert "Submitted “mine”" in said
    for word in ("scored", "2 of 2 cases run", "dice", "mean"):
        assert word in said, word
    page = page_in(said)
    assert "scored" in uptake("status", page)
    assert "mine v1" in uptake("status", challenge)
    table = tmp_path / "results.csv"
    uptake("results", page, "--csv", str(table))
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["case"] for row in rows] == ["case-1", "case-2"]
    assert all(float(row["wall time (s)"]) > 0 for row in rows)
    assert "case-1" in uptake("results", page)


def test_a_failure_has_its_reason_and_an_exit_status(uptake, challenge, tmp_path):
    archive = save_program("raise SystemExit(3)", tmp_path / "image.tar")
    said = uptake(
        "submit", str(archive), "--challenge", challenge, "--phase", "open", "--wait", status=1
    )
    assert "exit_code" in said
    assert "exit status 3" in said


def test_a_submission_is_cancelled(uptake, challenge, tmp_path, platform):
    archive = save_program("import time; time.sleep(25)\n" + EMPTY_MASK, tmp_path / "image.tar")
    said = uptake("submit", str(archive), "--challenge", challenge, "--phase", "open")
    page = page_in(said)
    wait_for("its run", lambda: "running" in uptake("status", page), 60)
    assert "cancelled" in uptake("cancel", page)
    assert "cancelled" in uptake("status", page, "--wait", status=1)
    wait_for("an empty engine", lambda: platform.left_overs() == [], 30)


def test_what_is_no_image_is_refused_before_it_is_sent(uptake, challenge, tmp_path):
    file = tmp_path / "image.tar"
    file.write_bytes(b"no image" * 1000)
    said = uptake("submit", str(file), "--challenge", challenge, "--phase", "open", status=2)
    assert "docker save" in said
    said = uptake("submit", "no/such:image", "--challenge", challenge, "--phase", "open", status=2)
    assert "no image “no/such:image”" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--challenge", "CHALLENGE", "--phase", "none"], "nothing at this address"),
        (["--challenge", "http://127.0.0.1:9/challenges/x/", "--phase", "open"], "no answer"),
        (["--challenge", "x", "--phase", "open"], "is not an address"),
    ],
    ids=["no such phase", "nobody there", "no address"],
)
def test_a_wrong_address_is_told_in_a_sentence(uptake, challenge, tmp_path, arguments, said):
    arguments = [challenge if one == "CHALLENGE" else one for one in arguments]
    file = tmp_path / "m.zip"
    file.write_bytes(b"")
    assert said in uptake("submit", str(file), *arguments, status=2)


def test_without_a_token_or_with_a_wrong_one_it_says_how_to_get_one(uptake, challenge, tmp_path):
    file = tmp_path / "m.zip"
    file.write_bytes(b"x")
    arguments = ("submit", str(file), "--challenge", challenge, "--phase", "open")
    for wrong in ("", "uptake_wrong"):
        assert "/accounts/tokens/" in uptake(*arguments, status=2, token=wrong)


def test_masks_are_refused_where_the_phase_takes_containers_alone(uptake, challenge, tmp_path):
    file = tmp_path / "masks.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("case-1.mha", b"x")
    said = uptake("submit", str(file), "--challenge", challenge, "--phase", "open", status=2)
    assert "takes container only" in said


def test_an_upload_goes_on_where_it_was_killed(uptake, challenge, token, tmp_path, platform):
    """Killed twice in the middle; the third command sends the rest alone."""
    program = save_program(f"# {os.urandom(8).hex()}\n{EMPTY_MASK}", tmp_path / "large.tar")
    arguments = ["submit", str(program), "--challenge", challenge, "--phase", "open"]
    environment = {**os.environ, "UPTAKE_TOKEN": token}
    for _ in range(2):
        running = subprocess.Popen(
            [sys.executable, "-m", "config.cli", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while not _under_way(platform) and time.monotonic() < deadline:
            time.sleep(0.01)
        running.kill()
        running.wait()
    assert len(_under_way(platform)) <= 1
    said = uptake(*arguments, "--wait")
    assert "scored" in said
    assert _under_way(platform) == []


def _under_way(platform):
    return platform.rows(
        "SELECT u.public_id FROM submissions_upload u LEFT JOIN submissions_algorithmversion v"
        " ON v.upload_id = u.id WHERE v.id IS NULL AND u.size_bytes > 0"
    )
