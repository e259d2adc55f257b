"""Put a backup back, onto a platform that is empty."""

import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from challenges.models import DataImport
from challenges.services import imports
from config.backups import databases
from config.backups.layout import (
    DATABASE,
    FILES,
    HEAD,
    KEYS,
    MANIFEST,
    STORES,
    BackupRefused,
    Hashing,
    Head,
    folder_of,
    is_safe,
    line_of,
)

_LARGEST_HEAD = 1 << 20


def restore(source: IO[bytes], state: Path, say: Callable[[int], None]) -> Head:
    """say: called with the bytes that were read. Raises BackupRefused, and changes nothing unless
    every byte is what the backup says."""
    _require_empty()
    with tempfile.TemporaryDirectory(dir=state, prefix="restoring-") as name:
        folder = Path(name)
        try:
            with tarfile.open(fileobj=source, mode="r|") as archive:
                head = _unpacked(archive, folder, say)
        except tarfile.TarError as error:
            raise BackupRefused(f"The file is no whole backup: {error}.") from None
        database = folder / DATABASE / databases.NAMES[head.database]
        if not database.is_file():
            raise BackupRefused("The backup holds no database.")
        databases.put_back(database)
        _move(folder, state)
    call_command("migrate", verbosity=0)
    # What they were unpacked to is in no backup.
    for row in DataImport.objects.exclude(state__in=DataImport.ENDS):
        imports.cancel(row=row)
    return head


def _require_empty() -> None:
    if MigrationRecorder(connection).applied_migrations():
        raise BackupRefused(
            "There is a platform here already, and a restore never writes over one. Name an empty "
            "state folder (UPTAKE_STATE), and an empty database where DATABASE_URL is set."
        )
    for store in STORES:
        place = Path(folder_of(store).location)
        if found := next((one for one in place.rglob("*") if one.is_file()), None):
            raise BackupRefused(f"{place} is not empty: it holds {found.relative_to(place)}.")


def _require_fit(head: Head) -> None:
    if head.database != databases.kind():
        raise BackupRefused(
            f"The backup is of {head.database}, and this platform's database is "
            f"{databases.kind()}: set or unset DATABASE_URL."
        )
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    ours = {one.partition(".")[0] for one in known}
    newer = [one for one in head.migrations if one not in known and one.partition(".")[0] in ours]
    if newer:
        raise BackupRefused(
            f"The backup is of a newer version, {head.version}: this one does not know "
            f"{', '.join(newer[:3])}. Restore it with that version."
        )


def _unpacked(archive: tarfile.TarFile, folder: Path, say: Callable[[int], None]) -> Head:
    first = archive.next()
    content = archive.extractfile(first) if first else None
    if first is None or content is None or first.name != HEAD or first.size > _LARGEST_HEAD:
        raise BackupRefused(f"The file is no backup of Uptake: its first member is not {HEAD}.")
    head = Head.read(content.read())
    _require_fit(head)
    read = 0
    with tempfile.TemporaryFile() as found:
        while (member := archive.next()) is not None:
            content = archive.extractfile(member) if member.isreg() else None
            if content is None or (member.name != MANIFEST and not is_safe(member.name)):
                raise BackupRefused(f"The backup holds {member.name!r}, which belongs to none.")
            if member.name == MANIFEST:
                _require_same(found, content)
                return head
            found.write(_taken_out(member, content, folder))
            read += member.size
            say(read)
    raise BackupRefused("The backup ends before its manifest: it is not whole.")


def _taken_out(member: tarfile.TarInfo, content: IO[bytes], folder: Path) -> bytes:
    """The manifest's line of it."""
    path, hashing = folder / member.name, Hashing(content, member.size)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("wb") as file:
        shutil.copyfileobj(hashing, file)
    path.chmod(0o600)
    return line_of(member.name, member.size, hashing.sha256)


def _require_same(found: IO[bytes], listed: IO[bytes]) -> None:
    found.seek(0)
    for line in listed:
        if (ours := found.readline()) != line:
            raise BackupRefused(
                f"The backup is damaged: it holds {ours.decode().strip() or 'nothing more'} where "
                f"its manifest says {line.decode(errors='replace').strip()}."
            )
    if extra := found.readline():
        raise BackupRefused(f"The backup holds more than its manifest: {extra.decode().strip()}.")


def _move(folder: Path, state: Path) -> None:
    for store in STORES:
        place = Path(folder_of(store).location)
        for path in sorted((folder / FILES / store).rglob("*")):
            if path.is_file():
                to = place / path.relative_to(folder / FILES / store)
                to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                path.replace(to)
    for path in sorted((folder / KEYS).rglob("*")):
        if path.is_file():
            to = state / path.relative_to(folder / KEYS)
            to.parent.mkdir(exist_ok=True, mode=0o700)
            path.replace(to)
