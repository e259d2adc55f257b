"""Loaded by every Python process whose clock libfaketime shifts: it refuses the system call behind
``time.sleep`` when it leaves the monotonic clock alone. ``select`` waits as long."""

import select
import time


def sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = sleep
