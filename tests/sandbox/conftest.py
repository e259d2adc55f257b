import os

import numpy as np
import pytest

from evaluation.volumes import Volume, write_mha
from submissions.sandbox.archive import canonicalise
from submissions.sandbox.container import ContainerProgram
from submissions.sandbox.engine import Engine
from submissions.sandbox.outcome import InputImage, Limits, RunRequest
from submissions.sandbox.places import Places
from tests.images import SLUG, save_program
from tests.scans import GRID, pet_with_lesion

LIMITS = Limits(
    memory_mib=256, shm_mib=64, tmp_mib=64, output_mib=4, cpus=1, pids=64, seconds=5
)  # fmt: skip


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    found = Engine.connect(
        installation=f"tests{os.environ.get('PYTEST_XDIST_WORKER', '')}",
        host="sandbox",
        folder=tmp_path_factory.mktemp("engine"),
    )
    yield found
    assert found.left_overs() == []
    found.close()


@pytest.fixture
def pet(tmp_path):
    path = tmp_path / "pet.mha"
    path.write_bytes(write_mha(Volume(pet_with_lesion(1).astype(np.float32), GRID)))
    return path


@pytest.fixture
def run(engine, pet, tmp_path):
    """Build a program into an image, judge it as an upload, and run it on a case."""

    def run_program(program, *lines, should_stop=lambda: False, limits=LIMITS, **asked):
        archive = save_program(program, tmp_path / "upload.tar", *lines)
        image = canonicalise(archive, tmp_path / "image.tar")
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        digest = image.digest.removeprefix("sha256:")
        contained = ContainerProgram(
            engine,
            digest,
            image.config,
            lambda: tmp_path / "image.tar",
            runtime=engine.plain_runtime,
            places=Places(tmp_path / "places", 1),
        )
        request = RunRequest(
            run=f"run{abs(hash(program)) % 10**8}",
            attempt=1,
            images=(InputImage("pet", pet),),
            output_slug=SLUG,
            limits=limits,
            work=work,
            **asked,
        )
        return contained.run(request, should_stop)

    return run_program
