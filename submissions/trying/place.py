"""Everything that a trial leaves anywhere: a temporary folder, and what the engine made for it.

A trial that was killed cannot tidy up; the next one finds its folder unlocked, and does.
"""

import fcntl
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO

from docker.errors import APIError

from submissions.sandbox.engine import Engine
from submissions.sandbox.outcome import SandboxError
from submissions.trying.stopping import Interruption

log = logging.getLogger(__name__)
PREFIX = "uptake-try-"
_HOST = "here"
_BEFORE = "images-before.json"
_GONE_OR_USED = (404, 409)


@contextmanager
def own_folder(interruption: Interruption) -> Iterator[Path]:
    """A new one, that is this process's until the end of the block, and then gone."""
    folder, lock = _locked_folder()
    with lock:
        try:
            yield folder
        finally:
            with interruption.held():
                shutil.rmtree(folder)


@contextmanager
def own_engine(folder: Path, interruption: Interruption) -> Iterator[Engine]:
    """With an installation id of its own, so that no platform's clean-up meets it. At the end
    nothing of it is left in the engine: no container, no volume, no image that was not there.

    Raises SandboxError where none answers.
    """
    _clear_after_the_dead()
    with closing(_connect(folder)) as engine:
        before = [one["Id"] for one in engine.client.api.images(all=True)]
        (folder / _BEFORE).write_text(json.dumps(before))
        try:
            yield engine
        finally:
            with interruption.held():
                _clear(engine, folder)


def _connect(folder: Path) -> Engine:
    # Letters and digits alone: the id becomes part of names that engines and kernels take.
    word = "".join(sign for sign in folder.name.removeprefix(PREFIX) if sign.isalnum())
    return Engine.connect(installation=f"try{word}", host=_HOST, folder=folder / "engine")


def _locked_folder() -> tuple[Path, IO[str]]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = (folder / "lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "lock").exists():
            return folder, lock
        lock.close()  # another trial thought it that of a dead one, in between


def _clear(engine: Engine, folder: Path) -> None:
    for left in engine.left_overs():
        engine.remove(left)
    engine.remove_groups(set())
    before = set(json.loads((folder / _BEFORE).read_text()))
    for note in engine.folder.glob("*.image"):
        if (image := note.read_text()) in before:
            continue
        try:
            engine.client.api.remove_image(image, noprune=True)
        except APIError as error:
            if error.status_code not in _GONE_OR_USED:
                raise


def _clear_after_the_dead() -> None:
    """Of this user alone: what a folder notes is deleted from the engine, so another user's would
    say what."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(FileNotFoundError):
            if folder.lstat().st_uid != os.getuid():
                continue
        with suppress(OSError), (folder / "lock").open("r+") as lock:  # gone, or no trial's
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                if (folder / _BEFORE).exists():
                    with closing(_connect(folder)) as engine:
                        _clear(engine, folder)
            except SandboxError as error:
                log.warning("%s: %s", folder, error.message)
            else:
                shutil.rmtree(folder)
