"""A disk is full for a while, under the work folder or under the database: nothing is lost."""

import time

import pytest

from tests.arena import Arena
from tests.disks import small_disk
from tests.platforms import Platform

pytestmark = [pytest.mark.docker, pytest.mark.broker]

FULL_SECONDS = 12


@pytest.fixture(scope="module")
def disks(tmp_path_factory):
    """Of the state folder, with the database in it, and of what came from outside."""
    base = tmp_path_factory.mktemp("disks")
    state = base / "state"
    with small_disk(base / "state.img", state, 400) as whole:
        folder = state / "storage" / "untrusted"
        with small_disk(base / "work.img", folder, 4000) as work:
            yield whole, work


@pytest.fixture(scope="module")
def arena(disks, folder, archive):
    found = Arena(Platform(disks[0].folder), archive)
    found.begin(folder)
    yield found
    found.end()


@pytest.mark.parametrize(("number", "place"), [(1, "work folder"), (0, "database")])
def test_a_full_disk_delays_and_loses_nothing(in_flight, disks, number, place):
    in_flight.hit()
    with disks[number].full():
        time.sleep(FULL_SECONDS)
    in_flight.must_end_well(f"full disk under the {place}, for {FULL_SECONDS} s")
