"""Make a backup while the platform serves."""

import io
import tarfile
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from config.backups import databases
from config.backups.layout import (
    DATABASE,
    FILES,
    FORMAT,
    HEAD,
    KEY_FILES,
    KEY_FOLDERS,
    KEYS,
    MANIFEST,
    BackupRefused,
    Hashing,
    Head,
    file_columns,
    folder_of,
    line_of,
)
from config.environment import ROOT

_MOST_TRIES = 5


@dataclass
class Kept:
    """What a backup holds. missing: files that the database names, and that are not there."""

    files: int = 0
    bytes: int = 0
    missing: list[str] = field(default_factory=list)


def back_up(target: IO[bytes], state: Path, say: Callable[[int], None]) -> Kept:
    """Write a whole backup. say: called with the bytes so far. Raises BackupRefused.

    The database is copied first, and then the files that it names: files are only ever added, and
    what is being uploaded is longer by then than the copy says. Where a file is gone by then, the
    copy is out of date, and another one is made.
    """
    with (
        tempfile.TemporaryDirectory(dir=state, prefix="backup-") as name,
        tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as archive,
        tempfile.TemporaryFile() as manifest,
    ):
        writing = _Writing(archive, manifest, say)
        writing.add_bytes(HEAD, _head().to_json(), listed=False)
        columns, folder = file_columns(), Path(name)
        for attempt in range(_MOST_TRIES):
            with databases.copied(folder) as copy:
                gone = [
                    f"{of.store}: {named}"
                    for of in columns
                    for named in copy.names(of)
                    if not writing.add_stored(of.store, named)
                ]
                before, writing.kept.missing = writing.kept.missing, sorted(gone)
                # Gone in two copies that follow each other: lost, and not deleted meanwhile.
                if set(gone) <= set(before) or attempt == _MOST_TRIES - 1:
                    writing.add_file(f"{DATABASE}/{copy.file.name}", copy.file)
                    break
        for path in _keys(state):
            writing.add_file(f"{KEYS}/{path.relative_to(state)}", path)
        writing.close()
        return writing.kept


def _head() -> Head:
    applied = MigrationRecorder(connection).applied_migrations()
    if not applied:
        raise BackupRefused("There is no platform here yet: its database has no tables.")
    return Head(
        format=FORMAT,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        version=_version(),
        database=databases.kind(),
        migrations=tuple(sorted(f"{app}.{name}" for app, name in applied)),
    )


def _version() -> str:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def _keys(state: Path) -> list[Path]:
    files = [state / name for name in KEY_FILES]
    folders = [one for name in KEY_FOLDERS for one in sorted((state / name).glob("*"))]
    return [path for path in (*files, *folders) if path.is_file()]


class _Writing:
    def __init__(
        self, archive: tarfile.TarFile, manifest: IO[bytes], say: Callable[[int], None]
    ) -> None:
        self._archive, self._manifest, self._say = archive, manifest, say
        self._sizes: dict[str, int] = {}
        self.kept = Kept()

    def add_stored(self, store: str, name: str) -> bool:
        """Once, and again where it has grown; False where it is not there."""
        path = Path(folder_of(store).path(name))
        member = f"{FILES}/{store}/{name}"
        try:
            size = path.stat().st_size
            if self._sizes.get(member) != size:
                self.add_file(member, path)
                self._sizes[member] = size
        except FileNotFoundError:
            return False
        return True

    def add_file(self, member: str, path: Path) -> None:
        with path.open("rb") as file:
            self._add(member, file, path.stat().st_size)
        self.kept.files += 1
        self._say(self.kept.bytes)

    def add_bytes(self, member: str, content: bytes, *, listed: bool = True) -> None:
        self._add(member, io.BytesIO(content), len(content), listed=listed)

    def close(self) -> None:
        size = self._manifest.tell()
        self._manifest.seek(0)
        self._add(MANIFEST, self._manifest, size, listed=False)

    def _add(self, member: str, file: IO[bytes], size: int, *, listed: bool = True) -> None:
        info = tarfile.TarInfo(member)
        info.size, info.mode = size, 0o600
        content = Hashing(file, size)
        self._archive.addfile(info, content)
        self.kept.bytes += size
        if listed:
            self._manifest.write(line_of(member, size, content.sha256))
