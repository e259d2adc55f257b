"""A cancelled submission's container is stopped at once, and its runs end."""

import time

import pytest

from tests.images import EMPTY_MASK, save_program
from tests.platforms import wait_for
from tests.scans import write_challenge

pytestmark = [pytest.mark.docker, pytest.mark.broker]

PROMISED_SECONDS = 3


def test_cancelling_stops_the_container_within_three_seconds(platform, tmp_path):
    platform.run("import-challenge", str(write_challenge(tmp_path / "c", slug="cancel", cases=2)))
    archive = save_program("import time; time.sleep(25)\n" + EMPTY_MASK, tmp_path / "image.tar")
    developer = platform.person("developer")
    submission = developer.upload("cancel", "Slow", archive)

    def programs():
        return [name for name in platform.left_overs() if name.endswith("algorithm")]

    def running():
        return platform.rows("SELECT 1 FROM submissions_run WHERE state = 'running'") and programs()

    wait_for("its container", running, 60)
    time.sleep(1)
    start = time.monotonic()
    developer.post(f"/submissions/{submission}/cancel/", {})
    wait_for("the container's end", lambda: not programs(), 30)
    seconds = time.monotonic() - start
    assert developer.state_of(submission) == "cancelled"
    assert seconds < PROMISED_SECONDS
    wait_for("an empty engine", lambda: platform.left_overs() == [], 30)
    states = platform.rows(
        "SELECT DISTINCT u.state FROM submissions_run u JOIN submissions_submission s"
        " ON s.id = u.submission_id WHERE s.public_id = ?",
        submission,
    )
    assert states == [("cancelled",)]
