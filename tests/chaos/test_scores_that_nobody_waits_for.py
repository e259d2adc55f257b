"""Whatever is killed while readers are scored, each of their masks is scored in the end, once."""

import os
import signal

import pytest

from tests.platforms import Platform, wait_for
from tests.submissions.reading import HALF, QUARTER, WHOLE, write_readings

pytestmark = pytest.mark.broker
CASES = 15
DONE = "SELECT count(*) FROM submissions_crossscoring WHERE state = 'done'"
READERS = (WHOLE, HALF, QUARTER, WHOLE)


@pytest.fixture
def platform(tmp_path):
    found = Platform(tmp_path / "state")
    try:
        found.start()
        yield found
    finally:
        found.stop()


def test_readers_are_scored_through_kills_and_a_restart(platform, tmp_path):
    readings = [(voxels,) * CASES for voxels in READERS]
    folder = write_readings(tmp_path, *readings)
    platform.run("import-challenge", str(folder))
    masks = CASES * len(READERS)

    def done():
        return platform.rows(DONE)[0][0]

    for number, victims in enumerate(
        ("celery.*--queues scoring", "evaluation.nurse", "reconciler"), start=1
    ):
        reached = number * masks // 5
        wait_for(f"{reached} scores", lambda reached=reached: done() >= reached, 120)
        assert done() < masks
        for process in platform.processes(victims):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it ended with its parent
    wait_for("four of five scores", lambda: done() >= 4 * masks // 5, 120)
    assert done() < masks
    platform.stop()
    platform.start()
    wait_for("all scores", lambda: done() == masks, 120)
    results = platform.rows("SELECT annotation_id, against_id FROM submissions_readerresult")
    assert len(results) == len(set(results)) == masks
    assert not platform.rows("SELECT 1 FROM submissions_crossscoring WHERE leased_by != ''")
