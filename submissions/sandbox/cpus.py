"""Which CPUs a run may use: whole ones, shared with no other run of this host.

With a quota instead, a program sees every core, starts a thread for each, and is throttled.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from submissions.sandbox.outcome import Stopped

_PAUSE_SECONDS = 0.02


@contextmanager
def reserve(count: int, folder: Path, should_stop: Callable[[], bool]) -> Iterator[tuple[int, ...]]:
    """Wait for ``count`` CPUs (all, where the host has fewer) and hold them.

    One lock file a CPU, so that a process that dies gives its CPUs back; and one for whose turn it
    is, so that two runs never each hold half of what both need. Raises Stopped when
    ``should_stop`` answers yes meanwhile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    host = sorted(os.sched_getaffinity(0))
    wanted = min(count, len(host))
    with ExitStack() as held:
        with ExitStack() as turn:
            while not _try_lock(folder / "turn.lock", turn):
                _pause(should_stop)
            cpus: list[int] = []
            while len(cpus) < wanted:
                for cpu in host:
                    if cpu not in cpus and _try_lock(folder / f"cpu-{cpu}.lock", held):
                        cpus.append(cpu)
                        if len(cpus) == wanted:
                            break
                else:
                    _pause(should_stop)
        yield tuple(sorted(cpus))


def _pause(should_stop: Callable[[], bool]) -> None:
    if should_stop():
        raise Stopped
    time.sleep(_PAUSE_SECONDS)


def _try_lock(path: Path, held: ExitStack) -> bool:
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    held.enter_context(file)
    return True
