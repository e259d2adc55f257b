"""Loaded by every Python process whose clock libfaketime shifts: it refuses the system call behind
``time.sleep`` when it leaves the monotonic clock alone. ``select`` waits as long."""

import select
import time
from typing import SupportsFloat, SupportsIndex


def sleep(seconds: SupportsFloat | SupportsIndex) -> None:
    select.select([], [], [], float(seconds))


time.sleep = sleep
