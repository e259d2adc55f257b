"""A PostgreSQL server that lives as long as the tests, in a folder of its own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from config.host import HostRefused, install

_USER = "postgres"
"""Who runs it where this is root, as which it refuses to run."""


@contextmanager
def temporary_server(console: Console) -> Iterator[str]:
    """Its address, as DATABASE_URL has it. What it holds is gone afterwards, and not written to the
    disk with care before. HostRefused with the remedy where it does not start."""
    found = programs("initdb") or _installed(console)
    folder = Path(tempfile.mkdtemp(prefix="uptake-postgresql-"))
    data, log = folder / "data", folder / "log"
    if os.geteuid() == 0:
        shutil.chown(folder, _USER)
    settings = f"-F -k {folder} -c listen_addresses= -c max_connections=50"
    try:
        _run(found / "initdb", "-D", data, "-U", "uptake", "--auth=trust", "-E", "UTF8")
        _run(found / "pg_ctl", "-D", data, "-l", log, "-w", "-o", settings, "start")
        try:
            yield f"postgresql://uptake@/postgres?host={folder}"
        finally:
            _run(found / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)


def programs(program: str) -> Path | None:
    """The folder in which the newest release of ``program`` lies. Debian's PATH leads to a script
    that chooses one by the clusters of the machine, so its own folders come first."""
    releases = list(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    if not releases and (found := shutil.which(program)):
        return Path(found).resolve().parent
    return max((one.parent for one in releases), key=_release, default=None)


def _release(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0


def _installed(console: Console) -> Path:
    install(console, ["postgresql"], "PostgreSQL, on which the tests of the database run too")
    found = programs("initdb")
    if found is None:
        raise HostRefused("PostgreSQL was installed, and its program initdb is not found.")
    return found


def _run(*words: str | Path) -> None:
    command = [str(word) for word in words]
    if os.geteuid() == 0:
        command = ["runuser", "-u", _USER, "--", *command]
    # A file, as the server keeps what it inherits open.
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run(command, stdout=said, stderr=said, cwd="/", check=False)
        if done.returncode:
            said.seek(0)
            raise HostRefused(f"{' '.join(command)} failed: {said.read().strip()[-800:]}")
