"""DATABASE_URL names PostgreSQL; without it the database is a file in the state folder."""

import pytest

from config.database import database_of
from config.environment import Environment, SettingsRefused


def test_without_a_url_it_is_sqlite_in_the_state_folder(tmp_path):
    found = database_of("", tmp_path)
    assert found["ENGINE"] == "django.db.backends.sqlite3"
    assert found["NAME"] == tmp_path / "db.sqlite3"
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_a_server_is_named_with_its_port_user_and_password(tmp_path):
    found = database_of("postgresql://up%40take:p%3Aw%2F@db.example.org:6432/pet", tmp_path)
    told = {key: found[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    assert told == {
        "NAME": "pet",
        "USER": "up@take",
        "PASSWORD": "p:w/",
        "HOST": "db.example.org",
        "PORT": 6432,
    }


def test_a_socket_and_encryption_follow_the_question_mark(tmp_path):
    found = database_of("postgresql://uptake@/pet?host=/run/postgresql", tmp_path)
    assert (found["HOST"], found["PORT"]) == ("/run/postgresql", 5432)
    url = "postgres://uptake@db/pet?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    options = database_of(url, tmp_path)["OPTIONS"]
    assert (options["sslmode"], options["sslrootcert"]) == ("verify-full", "/etc/ca.pem")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://uptake:secret@db/pet", "postgresql://user:password@host:5432/name is expected"),
        ("postgresql://uptake:secret@db", "is expected"),
        ("postgresql://uptake:secret@/pet", "is expected"),
        ("postgresql://uptake:secret@db/pet/more", "is expected"),
        ("postgresql://uptake:secret@db:many/pet", "the port is a number"),
        ("postgresql://uptake:secret@db:70000/pet", "the port is a number"),
        ("postgresql://uptake:secret@db/pet?sslmod=require", "sslmod: only host, sslmode"),
        ("secret", "is expected"),
    ],
)
def test_what_is_none_is_refused_at_start_without_its_password(url, told):
    with pytest.raises(SettingsRefused) as refusal:
        Environment.read({"DATABASE_URL": url})
    assert told in str(refusal.value)
    assert "DATABASE_URL=…" in str(refusal.value)
    assert "secret" not in str(refusal.value)
