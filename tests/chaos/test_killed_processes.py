"""Whatever is killed in mid-run, a submission still ends scored, each case once, nothing left."""

import os
import signal
import time

import pytest

from tests.images import EMPTY_MASK, save_program
from tests.platforms import ENDS, Platform, wait_for
from tests.scans import write_challenge

pytestmark = [pytest.mark.docker, pytest.mark.broker]

CHALLENGE = "chaos"
CASES = 4


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    running = Platform(tmp_path_factory.mktemp("chaos") / "state")
    running.start()
    folder = write_challenge(tmp_path_factory.mktemp("c") / "c", slug=CHALLENGE, cases=CASES)
    running.run("import-challenge", str(folder))
    yield running
    running.stop()
    assert running.left_overs() == []


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "image.tar"
    return save_program("import time; time.sleep(1.5)\n" + EMPTY_MASK, path)


@pytest.fixture
def in_flight(platform, archive):
    """A submission that has begun to run its cases, each of which takes a second or two."""
    developer = platform.person("developer")
    submission = developer.upload(CHALLENGE, f"Entry {time.monotonic()}", archive)

    def one_has_run():
        return platform.rows(
            "SELECT 1 FROM submissions_run u JOIN submissions_submission s ON s.id = u.submission_id"
            " WHERE s.public_id = ? AND u.state = 'done'",
            submission,
        )

    wait_for("a first case", one_has_run, 60)
    wait_for("a container", lambda: any("algorithm" in n for n in platform.left_overs()), 20)
    return developer, submission


def assert_scored_once(platform, developer, submission):
    assert developer.wait(submission, *ENDS, seconds=120) == "scored", platform.log()
    rows = platform.rows(
        "SELECT u.case_id, count(*), max(r.reason_code) FROM submissions_caseresult r"
        " JOIN submissions_run u ON u.id = r.run_id JOIN submissions_submission s"
        " ON s.id = u.submission_id WHERE s.public_id = ? GROUP BY 1",
        submission,
    )
    assert [(count, reason) for _, count, reason in rows] == [(1, "")] * CASES
    wait_for("an empty engine", lambda: platform.left_overs() == [], 30)


@pytest.mark.parametrize(
    "victims",
    ["celery.*--queues sandbox", "celery.*--queues scoring", "celery", "gunicorn", "reconciler",
     "valkey-server|redis-server", "celery|gunicorn|reconciler|valkey-server|redis-server"],
    ids=["sandbox worker", "scoring worker", "every worker", "web server", "reconciler", "broker",
         "everything but the supervisor"],
)  # fmt: skip
def test_kill_9_loses_nothing(platform, in_flight, victims):
    developer, submission = in_flight
    found = platform.processes(victims)
    assert found
    for number in found:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it ended with its parent
    assert_scored_once(platform, developer, submission)


def test_a_restart_in_mid_run_loses_nothing_and_leaves_no_container(platform, in_flight):
    developer, submission = in_flight
    platform.stop()
    assert platform.left_overs() == []
    platform.start()
    developer = platform.person("developer")
    assert_scored_once(platform, developer, submission)
    ((faults,),) = platform.rows(
        "SELECT sum(u.platform_faults) FROM submissions_run u JOIN submissions_submission s"
        " ON s.id = u.submission_id WHERE s.public_id = ?",
        submission,
    )
    assert faults == 0, "stopping in good order is nobody's fault"
