"""The parent of the processes that decode and score: ``python -m evaluation.nurse SOCKET WORKER``.

It loads once what they need, and then forks one child for each message on the socket, which brings
the job's descriptors: its order (JSON, as ``isolated`` writes it), answer, errors and files. It
answers with the child's exit status, and reads nothing of a job itself. It ends with its worker,
and a child with it.
"""

import fcntl
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from evaluation.confinement import Limits, NotConfined, confine, end_with
from evaluation.decode import decode, decode_map
from evaluation.nursery import MOST_FILES, Ending
from evaluation.scorer import score
from evaluation.scoring import scored_with
from evaluation.volumes.nifti import load_nibabel

Job = Callable[[dict[str, Any], Sequence[BinaryIO], BinaryIO], None]
_JOBS: dict[str, Job] = {"decode": decode, "decode_map": decode_map, "score": score}
_LOADED_WHEN_NEEDED = (
    "numpy.ma",
    "scipy.ndimage",
    "scipy.optimize",
    "scipy.sparse.csgraph",
    "scipy.spatial",
)
_FIRST_FILE = 3
_ABOVE_ALL = 32  # no descriptor of a job is as high


def main() -> None:
    connection, worker = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    end_with(worker)
    load()
    while True:
        word, descriptors, _, _ = socket.recv_fds(connection, 16, MOST_FILES + 3)
        if not word:
            return
        status = _done_by_child(connection, descriptors)
        try:
            connection.send(b"%d" % status)
        except ConnectionError:
            return


def load() -> None:
    """Everything that a job may need: a confined child can open no file, so import no module."""
    for name in _LOADED_WHEN_NEEDED:
        import_module(name)
    load_nibabel()
    scored_with()
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:  # a child would have only one of them, and the locks of all
        raise RuntimeError(f"The parent of the processes that score has {threads} threads.")


def _done_by_child(connection: socket.socket, descriptors: list[int]) -> int:
    parent = os.getpid()
    child = os.fork()
    if not child:
        _live(parent, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    ended = os.pidfd_open(child)
    watched = select.poll()
    watched.register(connection, select.POLLIN)
    watched.register(ended, select.POLLIN)
    if any(descriptor != ended for descriptor, _ in watched.poll()):
        # The worker says nothing while it waits, so it is gone, or wants no answer any more.
        os.kill(child, signal.SIGKILL)
    os.close(ended)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _live(parent: int, descriptors: list[int]) -> NoReturn:
    """The whole life of a child."""
    ending = Ending.BROKEN
    try:
        end_with(parent)
        _do(descriptors)
        ending = Ending.DONE
    except MemoryError:
        ending = Ending.OUT_OF_MEMORY
    except NotConfined as error:
        ending = Ending.NOT_CONFINED
        print(error, file=sys.stderr)
    except BaseException:  # noqa: BLE001  (nothing may leave a child but by its end)
        traceback.print_exc()
    finally:
        os._exit(ending)


def _do(descriptors: list[int]) -> None:
    """Confined to 0 (nothing), 1 (the answer), 2 (errors) and the job's files from 3 on."""
    received, *others = (fcntl.fcntl(one, fcntl.F_DUPFD, _ABOVE_ALL) for one in descriptors)
    for place, descriptor in enumerate(others, 1):
        os.dup2(descriptor, place)
    with os.fdopen(received, "rb") as file:
        file.seek(0)
        order = json.load(file)
    count = 1 + len(others)
    files = [os.fdopen(place, "rb") for place in range(_FIRST_FILE, count)]
    answer = os.fdopen(1, "wb")
    confine(Limits(**order["limits"]), count)
    _JOBS[order["job"]](order, files, answer)
    answer.flush()


if __name__ == "__main__":
    main()
    os._exit(0)  # tidying up the libraries would take a fifth of a second
