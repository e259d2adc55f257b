"""A consistent copy of the database while others write, and its way back."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from django.db import connection

from config.backups.layout import BackupRefused, FileColumn
from config.database import session_of
from config.postgresql.server import programs

SQLITE, POSTGRESQL = "sqlite", "postgresql"
NAMES = {SQLITE: "db.sqlite3", POSTGRESQL: "postgresql.dump"}


class Copy(Protocol):
    """file: of the database, as of one moment; names: of files, at the same moment."""

    @property
    def file(self) -> Path: ...

    def names(self, of: FileColumn) -> Iterator[str]: ...


def kind() -> str:
    return SQLITE if connection.vendor == "sqlite" else POSTGRESQL


def copied(folder: Path) -> AbstractContextManager[Copy]:
    """Into ``folder``. Raises BackupRefused."""
    return _sqlite(folder) if kind() == SQLITE else _postgresql(folder)


def put_back(file: Path) -> None:
    """Into the database of the settings, which is empty. Raises BackupRefused."""
    if kind() == SQLITE:
        connection.close()
        shutil.move(file, connection.settings_dict["NAME"])
        return
    _run("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction",
         f"--dbname={_session()['dbname']}", str(file))  # fmt: skip


@dataclass(frozen=True)
class _Queried:
    file: Path
    cursor: Any

    def names(self, of: FileColumn) -> Iterator[str]:
        # Names of our own models, quoted.
        query = f'SELECT DISTINCT "{of.column}" FROM "{of.table}" WHERE "{of.column}" <> \'\''  # noqa: S608
        self.cursor.execute(query)
        while rows := self.cursor.fetchmany(10_000):
            yield from (row[0] for row in rows)


@contextmanager
def _sqlite(folder: Path) -> Iterator[Copy]:
    file = folder / NAMES[SQLITE]
    file.unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as target:
        with closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=20)) as source:
            source.backup(target)
        yield _Queried(file, target.cursor())


@contextmanager
def _postgresql(folder: Path) -> Iterator[Copy]:
    """Both read the snapshot of one transaction; it is none of Django's, which would keep every
    writer waiting."""
    import psycopg

    file = folder / NAMES[POSTGRESQL]
    with closing(psycopg.connect(**_session())) as session, session.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        row = cursor.fetchone()
        snapshot = row[0] if row else ""
        _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges",
             f"--snapshot={snapshot}", f"--file={file}", _session()["dbname"])  # fmt: skip
        yield _Queried(file, cursor)


def _session() -> dict[str, Any]:
    return session_of(connection.settings_dict)


def _environment() -> dict[str, str]:
    """As libpq's programs read it, where no list of processes shows the password."""
    names = {"dbname": "PGDATABASE"}
    return {names.get(name, f"PG{name.upper()}"): value for name, value in _session().items()}


def _run(program: str, *arguments: str) -> None:
    folder = programs(program)
    if folder is None:
        raise BackupRefused(
            f"{program} is not on this machine; install PostgreSQL's client programs "
            "(apt-get install postgresql-client), of the server's release or a later one."
        )
    done = subprocess.run(
        [folder / program, *arguments],
        env={**os.environ, **_environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupRefused(f"{program} failed: {done.stderr.strip()[-800:]}")
