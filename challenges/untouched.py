"""What nobody has touched for long, so that it may be cleared away.

Told by the watcher's own monotonic clock and by what it has seen: were ages counted by the time of
day, a clock put forward by an hour would clear away what is arriving at this moment.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path


class Untouched:
    """To be asked regularly by one who stays alive; what it sees for the first time is fresh."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._seen: dict[Path, tuple[tuple[int, int], float]] = {}

    def among(self, paths: Iterable[Path]) -> list[Path]:
        """``paths``: all files and folders of a kind that there are now."""
        now = self._clock()
        seen = {}
        for path in paths:
            try:
                state = _state(path)
            except FileNotFoundError:  # it is being cleared away, or moved, just now
                continue
            before, since = self._seen.get(path, (state, now))
            seen[path] = (state, since if before == state else now)
        self._seen = seen
        return [path for path, (_, since) in seen.items() if now - since >= self._seconds]


def _state(path: Path) -> tuple[int, int]:
    """The newest change within, and how many files there are."""
    inside = [path, *path.rglob("*")] if path.is_dir() else [path]
    return max(one.stat().st_mtime_ns for one in inside), len(inside)
