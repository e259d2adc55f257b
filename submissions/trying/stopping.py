"""Ctrl-C: what runs ends at once, and what has been made is taken away first."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """A signal came."""


class Interruption:
    """Whether a signal has come. Calling it asks so, as what a sandbox runs does."""

    def __init__(self) -> None:
        self.asked = False
        self._held = 0

    def __call__(self) -> bool:
        return self.asked

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within, a signal is only noted: an engine that is broken off in the middle of an answer
        may make a thing that nobody knows of."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def come(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            return  # it ends already
        self.asked = True
        if not self._held:
            raise Interrupted


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """The first signal ends the block by Interrupted, or, where it is held, by who asks."""
    interruption = Interruption()
    before = {name: signal.signal(name, interruption.come) for name in _SIGNALS}
    try:
        yield interruption
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
