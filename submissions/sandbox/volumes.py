"""Volumes that an image declares: each becomes a tmpfs of limited size, or the image is refused.

Left alone, an engine gives them the host's disk, writable under a read-only root.
"""

import posixpath
from collections.abc import Iterable
from pathlib import PurePosixPath

MOST = 4
_MOUNTED = frozenset({"/input", "/output", "/tmp"})  # noqa: S108
_SYSTEM = tuple(
    PurePosixPath(path) for path in ("/dev", "/proc", "/sys", "/etc", "/input", "/output")
)


def declared_volumes(paths: Iterable[str]) -> list[str]:
    """Those that need a mount of their own, each once, in one spelling."""
    # POSIX keeps two leading slashes; a path inside a container has one.
    found = {posixpath.normpath("/" + path.lstrip("/")): path for path in paths}
    return [
        normal if path.startswith("/") else path
        for normal, path in found.items()
        if normal not in _MOUNTED or not path.startswith("/")
    ]


def refused_volumes(paths: Iterable[str]) -> list[str]:
    """Those that no run can be given: too many, relative, the root, or inside a system's place."""
    return [
        path
        for number, path in enumerate(declared_volumes(paths))
        if number >= MOST
        or not path.startswith("/")
        or path == "/"
        or any(PurePosixPath(path).is_relative_to(place) for place in _SYSTEM)
    ]
