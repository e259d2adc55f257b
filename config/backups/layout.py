"""What stands where in a backup."""

import hashlib
import io
import json
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import IO

from django.apps import apps
from django.core.files.storage import FileSystemStorage, storages
from django.db import models

FORMAT = 1
HEAD, MANIFEST = "backup.json", "manifest.jsonl"
FILES, DATABASE, KEYS = "files", "database", "keys"
KEY_FILES = ("secret_key", "installation_id", "signing_key")
KEY_FOLDERS = ("signing_keys",)
"""In the state folder. Not the host's own id: another host may take the place of this one."""
STORES = ("default", "private", "untrusted")


class BackupRefused(Exception):
    """A backup cannot be made, or put back; the text says what was found, and what to do."""


@dataclass(frozen=True)
class Head:
    """database: sqlite or postgresql. migrations: that the database had, as ``app.name``."""

    format: int
    made_at: str
    version: str
    database: str
    migrations: tuple[str, ...]

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode()

    @classmethod
    def read(cls, content: bytes) -> "Head":
        """Raises BackupRefused."""
        try:
            known = json.loads(content)
            head = cls(**{**known, "migrations": tuple(known["migrations"])})
        except (ValueError, TypeError, KeyError):
            raise BackupRefused(f"{HEAD} is not one of a backup of Uptake.") from None
        if head.format != FORMAT:
            raise BackupRefused(
                f"The backup has format {head.format}; this version reads {FORMAT}. Restore it "
                f"with the version that made it ({head.version}), and upgrade then."
            )
        return head


@dataclass(frozen=True)
class FileColumn:
    """A column that names files of a store."""

    table: str
    column: str
    store: str


def file_columns() -> list[FileColumn]:
    return [
        FileColumn(model._meta.db_table, str(field.column), _store_of(field))
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.FileField)
    ]


def _store_of(field: models.FileField) -> str:
    for name in STORES:
        if field.storage == storages[name]:
            return name
    raise BackupRefused(f"{field} keeps its files in a store that no backup knows.")


def folder_of(store: str) -> FileSystemStorage:
    """Raises BackupRefused where the store is no folder."""
    found = storages[store]
    if not isinstance(found, FileSystemStorage):
        raise BackupRefused(f"The store {store} is no folder; back it up by its own means.")
    return found


def line_of(member: str, size: int, sha256: str) -> bytes:
    return json.dumps([member, size, sha256]).encode() + b"\n"


def is_safe(member: str) -> bool:
    path = PurePosixPath(member)
    return (
        not path.is_absolute()
        and ".." not in path.parts
        and len(path.parts) > 1
        and path.parts[0] in (FILES, DATABASE, KEYS)
        and str(path) == member
    )


class Hashing(io.RawIOBase):
    """Reads ``size`` bytes of a file, and hashes them: a file may grow meanwhile."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left, self._digest = file, size, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        content = self._file.read(wanted)
        if len(content) < wanted:
            raise BackupRefused(f"{self._file.name} became shorter while it was read.")
        self._left -= len(content)
        self._digest.update(content)
        return content

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()
