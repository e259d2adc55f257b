"""Volumes that an image declares: each becomes a tmpfs of limited size, or the image is refused.

Left alone, an engine gives them the host's disk, writable under a read-only root.
"""

from collections.abc import Iterable

MOST = 4
_MOUNTED = ("/input", "/output", "/tmp")  # noqa: S108
_SYSTEM = ("/dev", "/proc", "/sys", "/etc", "/input/", "/output/")


def declared_volumes(paths: Iterable[str]) -> list[str]:
    """Those that need a mount of their own."""
    return [path for path in (path.rstrip("/") for path in paths) if path not in _MOUNTED]


def refused_volumes(paths: Iterable[str]) -> list[str]:
    """Those that no run can be given: too many, relative, or at a system's place."""
    return [
        path
        for number, path in enumerate(declared_volumes(paths))
        if number >= MOST
        or not path.startswith("/")
        or ".." in path.split("/")
        or path.startswith(_SYSTEM)
    ]
