"""Where a run may run: one of the host's slots, and CPUs of its own, shared with no other run.

With a quota instead of whole CPUs, a program sees every core, starts a thread for each, and is
throttled. A run waits here when it is staged, so that the next one is ready when this one ends.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from submissions.sandbox.outcome import Stopped

_PAUSE_SECONDS = 0.01


@dataclass(frozen=True)
class Places:
    """slots: programs that may run at once on this host. folder: holds a lock file for each place,
    so that a process that dies gives its places back."""

    folder: Path
    slots: int

    @contextmanager
    def reserve(self, cpus: int, should_stop: Callable[[], bool]) -> Iterator[tuple[int, ...]]:
        """Wait for a slot and ``cpus`` CPUs (all, where the host has fewer) and hold them.

        One more lock says whose turn it is, so that two runs never each hold half of what both
        need. Raises Stopped when ``should_stop`` answers yes meanwhile.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        host = sorted(os.sched_getaffinity(0))
        with ExitStack() as held:
            with ExitStack() as turn:
                self._take(["turn"], 1, turn, should_stop)
                self._take([f"slot-{n}" for n in range(self.slots)], 1, held, should_stop)
                wanted = min(cpus, len(host))
                taken = self._take([f"cpu-{cpu}" for cpu in host], wanted, held, should_stop)
            yield tuple(sorted(host[place] for place in taken))

    def _take(
        self, names: list[str], count: int, held: ExitStack, should_stop: Callable[[], bool]
    ) -> list[int]:
        """Lock ``count`` of ``names``; which, as indices."""
        taken: list[int] = []
        while True:
            for number, name in enumerate(names):
                if len(taken) == count:
                    return taken
                if number not in taken and _try_lock(self.folder / f"{name}.lock", held):
                    taken.append(number)
            if len(taken) == count:
                return taken
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
