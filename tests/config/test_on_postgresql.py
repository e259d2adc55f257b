"""A platform on PostgreSQL: one writer at a time, as on SQLite."""

import os
import re
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from config.database import database_of
from config.doctor import examine
from config.finding import Finding, Verdict
from config.postgresql.server import temporary_server


@pytest.fixture(scope="module")
def server():
    with temporary_server(Console(file=StringIO())) as url:
        yield url


def program(url: str, text: str) -> "subprocess.CompletedProcess[str]":
    """With the project's settings, on this database."""
    with tempfile.TemporaryDirectory() as state:
        return subprocess.run(
            [sys.executable, "-c", f"import django; django.setup()\n{text}"],
            env={**os.environ, "DATABASE_URL": url, "UPTAKE_STATE": state,
                 "DJANGO_SETTINGS_MODULE": "config.settings"},
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip


COUNTING = """
import threading
from django.core.management import call_command
from django.db import connection, transaction
from accounts.models import User

call_command("migrate", verbosity=0)
User.objects.create(username="0")

def count():
    for _ in range(20):
        with transaction.atomic():
            last = max(int(name) for name in User.objects.values_list("username", flat=True))
            User.objects.create(username=str(last + 1))
    connection.close()

threads = [threading.Thread(target=count) for _ in range(8)]
for one in threads: one.start()
for one in threads: one.join()
print(connection.vendor, User.objects.count())
"""


def database_found(url: str, state: Path) -> Finding:
    found = examine(state, "", database_url=url)
    return next(one for one in found if one.what == "Database")


def test_the_doctor_asks_the_server_and_says_what_to_do(server, tmp_path):
    there = database_found(server, tmp_path)
    assert (there.verdict, there.remedy) == (Verdict.GOOD, "")
    assert re.fullmatch(r"PostgreSQL \d\d answers", there.found)
    absent = database_found(f"postgresql://uptake:secret@/postgres?host={tmp_path}", tmp_path)
    assert absent.verdict is Verdict.MISSING
    assert "DATABASE_URL does not answer" in absent.found
    assert "secret" not in absent.found
    assert "SQLite" in database_found("", tmp_path).found


def test_who_reads_and_then_writes_in_a_transaction_is_alone(server):
    """Each takes the number after the largest: without a lock two would take the same, and the
    second be refused."""
    done = program(server, COUNTING)
    assert done.stdout.split() == ["postgresql", "161"], done.stderr[-2000:]


def test_the_server_ends_whoever_is_stopped_in_a_transaction(server, tmp_path):
    found = database_of(server, tmp_path)
    assert "idle_in_transaction_session_timeout=60000" in found["OPTIONS"]["options"]
    done = program(
        server,
        "from django.db import connection\n"
        "with connection.cursor() as cursor:\n"
        "    cursor.execute('SHOW idle_in_transaction_session_timeout')\n"
        "    print(cursor.fetchone()[0])",
    )
    assert done.stdout.strip() == "1min", done.stderr[-2000:]
