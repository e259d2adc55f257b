"""Room on the server's disk: asked before a file is taken in."""

import shutil
from pathlib import Path

RESERVE_BYTES = 1024**3
# The upload itself, its unpacked form while it is checked, and what is made of it.
COPIES = 3


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def has_room(folder: Path, size_bytes: int = 0) -> bool:
    """For a file of ``size_bytes`` and what becomes of it; for anything at all without one.

    Now, for this file alone: room that others have only announced is not kept for them, or
    announcing would be enough to shut everyone out.
    """
    return free_bytes(folder) >= size_bytes * COPIES + RESERVE_BYTES
