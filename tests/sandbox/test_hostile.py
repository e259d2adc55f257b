"""The hostile suite, under each runtime: what stops an attack, and a good container beside it."""

import os

import docker
import pytest

from submissions.attacks import ATTACKS
from submissions.attacks.suite import Suite, build_images, try_tarball
from submissions.attacks.tarballs import TARBALLS
from submissions.sandbox.engine import GVISOR, Engine
from tests.images import BASE

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    client = docker.from_env()
    yield build_images(client, BASE, tmp_path_factory.mktemp("images"))
    client.close()


@pytest.fixture(scope="module", params=["runc", GVISOR])
def suite(request, images, tmp_path_factory):
    work = tmp_path_factory.mktemp(request.param)

    worker = os.environ.get("PYTEST_XDIST_WORKER", "")

    def connect():
        return Engine.connect(
            installation=f"hostile{worker}", host=request.param, folder=work / "engine"
        )

    engine = connect()
    if request.param not in engine.runtimes:
        pytest.skip(f"the engine has no runtime {request.param}; ./uptake test installs it")
    yield Suite(connect, *images, work, runtime=request.param)
    assert engine.left_overs() == []
    engine.close()


def test_the_good_container_scores_what_it_drew(suite):
    assert 0 < suite.alone["metrics"]["dice"]["lesion"]["value"] < 1


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_stopped_and_harms_nobody(suite, attack):
    verdict = suite.attack(attack)
    assert verdict.held, verdict.stopped_by


@pytest.mark.parametrize("tarball", TARBALLS, ids=lambda tarball: tarball.name)
def test_a_hostile_tarball_never_reaches_the_engine(images, tmp_path, tarball):
    verdict = try_tarball(tarball, images[0], tmp_path)
    assert verdict.held, verdict.stopped_by
