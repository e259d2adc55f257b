"""A platform in one file: its database, the files that it names, and its keys.

A tar archive: ``backup.json`` first (``layout.Head``), then files as ``files/<store>/<name>``, then
``database/…`` and ``keys/…``, and last ``manifest.jsonl``, a line of [member, bytes, SHA-256] for
each member before it. Of two members of one name the later counts.
"""

from config.backups.layout import BackupRefused
from config.backups.reading import restore
from config.backups.writing import Kept, back_up

__all__ = ["BackupRefused", "Kept", "back_up", "restore"]
