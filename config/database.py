"""The database, as DATABASE_URL names it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

_OPTIONS = ("host", "sslmode", "sslrootcert", "sslcert", "sslkey")
"""What may follow the ``?``, as libpq knows it; host: the folder of a socket."""
_IDLE_MS = 60_000


def database_of(url: str, folder: Path) -> dict[str, Any]:
    """Django's settings of it: SQLite in ``folder`` where the URL is empty. ValueError says what is
    wrong, without the password."""
    return _postgresql(url) if url else _sqlite(folder)


def session_of(database: Mapping[str, Any]) -> dict[str, Any]:
    """What ``psycopg.connect`` takes for Django's settings of PostgreSQL, all of it text."""
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD",
             "dbname": "NAME"}  # fmt: skip
    given = {name: database[key] for name, key in names.items()}
    options = {name: database["OPTIONS"].get(name, "") for name in _OPTIONS if name != "host"}
    return {name: str(value) for name, value in (given | options).items() if value}


def _sqlite(folder: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": folder / "db.sqlite3",
        "OPTIONS": {
            # Measured: the defaults lose a quarter of concurrent transactions to "locked".
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def _postgresql(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    name = unquote(parts.path.removeprefix("/"))
    host = unquote(parts.hostname or options.get("host", ""))
    if parts.scheme not in ("postgresql", "postgres") or not name or "/" in name or not host:
        raise ValueError(
            "postgresql://user:password@host:5432/name is expected, or "
            "postgresql://user@/name?host=/run/postgresql for a socket; signs as @ and : in a "
            "password are written %40 and %3A"
        )
    if unknown := sorted(set(options) - set(_OPTIONS)):
        raise ValueError(f"{', '.join(unknown)}: only {', '.join(_OPTIONS)} may follow the ?")
    try:
        port = parts.port or 5432
    except ValueError:
        raise ValueError("the port is a number from 1 to 65535") from None
    options.pop("host", None)
    return {
        "ENGINE": "config.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": port,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **options,
            "connect_timeout": 10,
            # Who is stopped in the middle of a transaction holds everyone up, and no longer.
            "options": f"-c idle_in_transaction_session_timeout={_IDLE_MS}",
        },
    }
