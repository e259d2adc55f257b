"""The engine dies and comes back; a container is killed from outside: faults of the platform."""

import docker
import pytest

from tests.arena import Arena
from tests.engines import OwnEngine
from tests.platforms import Platform, wait_for

pytestmark = [pytest.mark.docker, pytest.mark.broker]


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    found = OwnEngine(tmp_path_factory.mktemp("engine"))
    found.start()
    yield found
    found.end()


@pytest.fixture(scope="module")
def arena(tmp_path_factory, folder, archive, engine):
    state = tmp_path_factory.mktemp("chaos") / "state"
    found = Arena(Platform(state, {"DOCKER_HOST": engine.address}), archive)
    found.begin(folder)
    yield found
    found.end()


def owners(in_flight):
    """Whose each failed attempt was."""
    rows = in_flight.platform.rows(
        "SELECT DISTINCT a.reason_owner FROM submissions_attempt a JOIN submissions_run r"
        " ON r.id = a.run_id JOIN submissions_submission s ON s.id = r.submission_id"
        " WHERE s.public_id = ? AND a.reason_code != ''",
        in_flight.submission,
    )
    return {owner for (owner,) in rows}


def test_kill_9_of_the_engine_and_its_restart_is_the_platforms_fault(in_flight, engine):
    in_flight.hit()
    engine.kill()
    engine.start()
    in_flight.must_end_well("kill -9 of dockerd, and its restart")
    assert owners(in_flight) == {"platform"}


def test_an_orderly_restart_of_the_engine_is_the_platforms_fault(in_flight, engine):
    in_flight.hit()
    engine.stop()
    engine.start()
    in_flight.must_end_well("restart of dockerd")
    assert owners(in_flight) <= {"platform"}


def test_a_container_killed_from_outside_is_run_again(in_flight, engine):
    client = docker.DockerClient(base_url=engine.address)

    def algorithms():
        return [one for one in client.containers.list() if str(one.name).endswith("-algorithm")]

    victims = wait_for("a running container", algorithms, 20)
    in_flight.hit()
    for one in victims:
        one.kill()
    client.close()
    in_flight.must_end_well("kill -9 of a container")
    assert owners(in_flight) == {"platform"}
