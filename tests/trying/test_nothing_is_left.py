"""However a trial ends, no container, volume, image, control group or file of it is left."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from submissions.sandbox.usage import left_groups
from submissions.trying.place import PREFIX
from tests.images import EMPTY_MASK, save_program
from tests.platforms import wait_for
from tests.scans import write_challenge

pytestmark = pytest.mark.docker
ROOT = Path(__file__).resolve().parents[2]
SLEEPS = "import time\nprint('asleep', flush=True)\ntime.sleep(60)"


@pytest.fixture
def client():
    found = docker.from_env()
    yield found
    found.close()


def images(client):
    return {one["Id"] for one in client.api.images(all=True)}


def words_of(temporary):
    """What the names begin with that the trials with these temporary folders give."""
    names = [folder.name.removeprefix(PREFIX) for folder in temporary.glob(f"{PREFIX}*")]
    return tuple("uptake-try" + "".join(filter(str.isalnum, name)) + "-" for name in names)


def of_trials(client, words):
    """What they have in the engine and in the kernel now."""
    names = [name for one in client.api.containers(all=True) for name in one["Names"]]
    names += [one["Name"] for one in client.api.volumes()["Volumes"] or []]
    names += left_groups("uptake-try")
    return [name for name in names if name.lstrip("/").startswith(words)]


def saved_and_forgotten(client, program, archive):
    """The id of an image that this engine does not have any more, as one from another machine."""
    image = saved(client, program, archive)
    client.api.remove_image(image, force=True)
    return image


def saved(client, program, archive):
    """The id of an image of its own, which no other test has."""
    program = f"{program}\n# {archive}"
    save_program(program, archive)
    (found,) = (
        one for one in images(client) if program in (config(client, one).get("Entrypoint") or ())
    )
    return found


def config(client, image):
    try:
        return client.api.inspect_image(image)["Config"]
    except docker.errors.ImageNotFound:  # another's, gone meanwhile
        return {}


@contextmanager
def begun(image, folder, temporary):
    process = subprocess.Popen(
        [sys.executable, "-m", "config.cli", "try", str(image), "--challenge", str(folder),
         "--cases", str(folder), "--runtime", "runc"],
        cwd=ROOT, env={**os.environ, "TMPDIR": str(temporary), "COLUMNS": "200"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def started(tmp_path, client):
    """A trial of which a program runs at this moment; its temporary files, and its image."""
    folder = write_challenge(tmp_path / "c", slug="small", cases=2)
    archive = tmp_path / "image.tar"
    image = saved_and_forgotten(client, SLEEPS, archive)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with begun(archive, folder, temporary) as process:

        def runs():
            assert process.poll() is None, process.stdout.read()
            names = [name for one in client.api.containers() for name in one["Names"]]
            words = words_of(temporary)
            return words and any(
                name.lstrip("/").startswith(words) and "case1-1-algorithm" in name for name in names
            )

        wait_for("a running program", runs, 60)
        yield process, temporary, image


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_ends_it_within_seconds_and_leaves_nothing(started, client, number):
    process, temporary, image = started
    assert image in images(client)
    own = words_of(temporary)
    assert of_trials(client, own)
    process.send_signal(number)
    process.send_signal(number)  # people press it twice
    words, _ = process.communicate(timeout=20)
    assert process.returncode == 130, words
    assert "Stopped; nothing of it is left." in words
    assert of_trials(client, own) == []
    assert image not in images(client)
    assert list(temporary.iterdir()) == []


def test_what_a_killed_one_left_is_cleared_by_the_next(started, client, tmp_path):
    process, temporary, image = started
    process.kill()
    process.wait()
    own = words_of(temporary)
    assert of_trials(client, own)
    (left,) = temporary.glob(f"{PREFIX}*")
    archive = save_program(EMPTY_MASK, tmp_path / "other.tar")
    with begun(archive, tmp_path / "c", temporary) as following:
        words, _ = following.communicate(timeout=60)
    assert following.returncode == 0, words
    assert not left.exists()
    assert of_trials(client, own) == []
    assert image not in images(client)
    assert list(temporary.iterdir()) == []


def test_an_image_that_was_there_before_stays(tmp_path, client, trial):
    folder = write_challenge(tmp_path / "c", slug="small", cases=1)
    image = saved(client, EMPTY_MASK, tmp_path / "unused.tar")
    client.images.get(image).tag("uptake-test/kept", "1")
    try:
        status, words, _ = trial("uptake-test/kept:1", challenge=folder)
        assert status == 0, words
        assert client.images.get("uptake-test/kept:1").id == image
    finally:
        client.images.remove("uptake-test/kept:1")


def test_two_at_once_do_not_meet(tmp_path, client):
    folder = write_challenge(tmp_path / "c", slug="small", cases=2)
    archive = save_program("import time; time.sleep(1)\n" + EMPTY_MASK, tmp_path / "image.tar")
    with begun(archive, folder, tmp_path) as first, begun(archive, folder, tmp_path) as second:
        wait_for("two folders", lambda: len(words_of(tmp_path)) == 2, 20)
        own = words_of(tmp_path)
        for process in (first, second):
            words, _ = process.communicate(timeout=90)
            assert process.returncode == 0, words
    assert of_trials(client, own) == []
