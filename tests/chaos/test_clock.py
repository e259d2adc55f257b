"""The clock is put forward or back by an hour while a submission runs: for the platform's processes
alone, by libfaketime; the machine's clock stays."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.arena import Arena
from tests.platforms import Platform, wait_for

pytestmark = [pytest.mark.docker, pytest.mark.broker]


def library() -> str:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    assert found, "libfaketime is missing; ./uptake test installs it"
    return str(found[0])


def clock(file: Path) -> dict[str, str]:
    """Environment of processes whose clock differs from the machine's as ``file`` says."""
    return {
        "LD_PRELOAD": library(),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(Path(__file__).parent / "clock"),
    }


@pytest.fixture(scope="module")
def offset(tmp_path_factory):
    file = tmp_path_factory.mktemp("clock") / "offset"
    file.write_text("+0s")
    return file


@pytest.fixture(scope="module")
def arena(tmp_path_factory, folder, archive, offset):
    state = tmp_path_factory.mktemp("chaos") / "state"
    found = Arena(Platform(state, clock(offset)), archive)
    found.begin(folder)
    yield found
    found.end()


@pytest.mark.parametrize(("step", "words"), [("+3600s", "forward"), ("+0s", "back")])
def test_a_step_of_the_clock_by_an_hour_loses_nothing(in_flight, offset, step, words):
    in_flight.hit()
    offset.write_text(step)
    in_flight.must_end_well(f"clock put {words} by an hour")
    faults = in_flight.platform.rows(
        "SELECT count(*) FROM submissions_attempt a JOIN submissions_run r ON r.id = a.run_id"
        " JOIN submissions_submission s ON s.id = r.submission_id"
        " WHERE s.public_id = ? AND a.reason_code != ''",
        in_flight.submission,
    )
    assert faults == [(0,)], "no lease ends by the time of day"


@pytest.mark.parametrize("step", ["+3600s", "-3600s"])
def test_a_worker_whose_clock_is_an_hour_off_works_as_the_others(arena, tmp_path, step):
    file = tmp_path / "offset"
    file.write_text(step)
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "config", "worker", "--queues", "sandbox",
             "--concurrency", "2", "--hostname", "late@%h", "--without-gossip", "--without-mingle"],
            env={**arena.platform.environment, **clock(file)}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_for("the worker", lambda: "late@" in str(arena.platform.rows(
            "SELECT name FROM submissions_worker")), 30)  # fmt: skip
        in_flight = arena.submit()
        in_flight.hit()
        in_flight.must_end_well(f"a worker's clock {step[0] + '1'} h off")
    finally:
        worker.terminate()
        worker.wait(30)
