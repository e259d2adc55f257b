"""A small disk of a test's own, in a file, to be filled to the last byte."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_STEP = 4096


@dataclass(frozen=True)
class SmallDisk:
    folder: Path

    @contextmanager
    def full(self) -> Iterator[None]:
        """No byte is left for as long as the block lasts."""
        filler = self.folder / "filler"
        size = 64 * 1024 * 1024
        with filler.open("wb", buffering=0) as file:
            while size >= _STEP:
                try:
                    while True:
                        file.write(b"\1" * size)
                except OSError:
                    size //= 4
        try:
            yield
        finally:
            filler.unlink()


@contextmanager
def small_disk(file: Path, folder: Path, mib: int) -> Iterator[SmallDisk]:
    """A file system of ``mib`` MiB, mounted at ``folder`` and owned by this user."""
    folder.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as image:
        image.truncate(mib * 1024 * 1024)
    _do("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=1", str(file))
    _do("mount", "-o", "loop", str(file), str(folder))
    try:
        yield SmallDisk(folder)
    finally:
        _do("umount", str(folder))
        file.unlink()


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
