"""A backup holds a platform whole, and puts it back as it was, byte for byte."""

import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tarfile
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from config.postgresql.server import temporary_server

ROOT = Path(__file__).resolve().parents[2]

FILLED = """
import os, sys
from pathlib import Path
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.crowds import a_crowded_phase
from leaderboards.services import refresh
from leaderboards.evidence.keys import signing_key
from django.conf import settings
from submissions.models import ContainerImage
signing_key(settings.STATE)
phase = a_crowded_phase(Path(sys.argv[1]), cases=12, qualities=[1.5, 0.8, 0.1])
refresh(phase=phase)
"""

TOLD = """
import hashlib, json
from pathlib import Path
from django.apps import apps
from django.conf import settings
from django.core import serializers
from django.db import models
from django.test import Client
from leaderboards.models import Snapshot

settings.ALLOWED_HOSTS = ["testserver"]
entry = Snapshot.objects.get().document["rows"][0]["submission"]
rows, files = {}, {}
for model in apps.get_models():
    rows[model._meta.label] = json.loads(
        serializers.serialize("json", model.objects.order_by("pk"))
    )
    for field in model._meta.concrete_fields:
        if isinstance(field, models.FileField):
            for one in model.objects.exclude(**{field.name: ""}):
                file = getattr(one, field.name)
                files[file.name] = hashlib.sha256(file.read()).hexdigest()
pages = {
    address: b"".join(Client().get(address)).decode()
    for address in (
        "/api/v1/challenges/crowd/phases/open/leaderboard",
        "/api/v1/challenges/crowd/phases/open/uncertainty",
        "/challenges/crowd/open/leaderboard/take-away/results.csv",
        f"/results/{entry}/evidence.json",
        "/signing-key/",
    )
}
print(json.dumps({"rows": rows, "files": files, "pages": pages}, sort_keys=True))
"""


class Installation:
    """A state folder, and a database of its own."""

    def __init__(self, state: Path, url: str = "") -> None:
        self.state, self.url = state, url

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "UPTAKE_STATE": str(self.state),
            "DATABASE_URL": self.url,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": str(ROOT),
        }

    def program(self, text: str, *arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, "-c", f"import django; django.setup()\n{text}", *map(str, arguments)],
            env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def command(
        self, *words: object, given: bytes | None = None
    ) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [sys.executable, "-m", "config.cli", *map(str, words)],
            env=self.environment, cwd=ROOT, capture_output=True, check=False, input=given,
        )  # fmt: skip


def filled(folder: Path, url: str = "") -> Installation:
    found = Installation(folder / "first", url)
    found.program(FILLED, folder)
    return found


@pytest.fixture(scope="module")
def server():
    with temporary_server(Console(file=StringIO())) as url:
        yield url


def database(server: str, name: str) -> str:
    """A further one on the server."""
    import psycopg

    folder = server.partition("host=")[2]
    with psycopg.connect(host=folder, user="uptake", dbname="postgres", autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory) -> tuple[Installation, Path]:
    """With its backup."""
    folder = tmp_path_factory.mktemp("platform")
    found = filled(folder)
    file = folder / "backup.tar"
    done = found.command("backup", file)
    assert done.returncode == 0, done.stderr.decode()
    return found, file


def test_what_is_restored_says_the_same_to_the_last_byte(sqlite, tmp_path):
    first, file = sqlite
    again = Installation(tmp_path / "again")
    done = again.command("restore", file)
    assert done.returncode == 0, done.stderr.decode()
    before, after = first.program(TOLD), again.program(TOLD)
    assert json.loads(before)["files"]
    assert "signature" in before
    assert after == before
    for key in ("secret_key", "installation_id", "signing_key"):
        assert (again.state / key).read_bytes() == (first.state / key).read_bytes()
        assert (again.state / key).stat().st_mode & 0o777 == 0o600
    assert [one.name for one in again.state.glob("restoring-*")] == []


def test_so_it_is_on_postgresql(server, tmp_path):
    first = filled(tmp_path, database(server, "first"))
    file = tmp_path / "backup.tar"
    done = first.command("backup", file)
    assert done.returncode == 0, done.stderr.decode()
    again = Installation(tmp_path / "again", database(server, "again"))
    done = again.command("restore", file)
    assert done.returncode == 0, done.stderr.decode()
    assert again.program(TOLD) == first.program(TOLD)
    refused = Installation(tmp_path / "other").command("restore", file)
    assert refused.returncode == 1
    assert b"The backup is of postgresql" in refused.stderr


def test_by_the_standard_streams_too(sqlite, tmp_path):
    first, _ = sqlite
    given = first.command("backup", "-")
    assert given.returncode == 0
    again = Installation(tmp_path / "again")
    done = again.command("restore", "-", given=given.stdout)
    assert done.returncode == 0, done.stderr.decode()
    assert again.program(TOLD) == first.program(TOLD)


def test_a_backup_is_for_its_owner_alone_and_writes_over_nothing(sqlite):
    first, file = sqlite
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()
    done = first.command("backup", file)
    assert done.returncode == 1
    assert b"exists; name a new file" in b" ".join(done.stderr.split())
    assert file.read_bytes() == before


def test_a_restore_writes_over_no_platform(sqlite):
    first, file = sqlite
    before = first.program(TOLD)
    done = first.command("restore", file)
    assert done.returncode == 1
    assert b"There is a platform here already" in done.stderr
    assert first.program(TOLD) == before


def test_an_empty_folder_has_no_platform_to_back_up(tmp_path):
    done = Installation(tmp_path / "none").command("backup", tmp_path / "file")
    assert done.returncode == 1
    assert b"There is no platform here yet" in done.stderr
    assert not list(tmp_path.glob("file*"))


def test_a_file_that_is_lost_is_named_and_all_else_is_kept(tmp_path):
    first = filled(tmp_path)
    lost = next((first.state / "storage" / "private").rglob("*.mha"))
    lost.unlink()
    done = first.command("backup", tmp_path / "backup.tar")
    assert done.returncode == 1
    assert lost.name.encode() in done.stderr
    assert (tmp_path / "backup.tar").is_file()
    again = Installation(tmp_path / "again")
    assert again.command("restore", tmp_path / "backup.tar").returncode == 0


def members(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        return {
            one.name: content.read()
            for one in archive.getmembers()
            if (content := archive.extractfile(one)) is not None
        }


def written(file: Path, content: dict[str, bytes], *, kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(file, "w") as archive:
        for name, body in content.items():
            info = tarfile.TarInfo(name)
            info.size, info.type = len(body), kind if name.startswith("files") else tarfile.REGTYPE
            archive.addfile(info, io.BytesIO(body))
    return file


def manifest(content: dict[str, bytes]) -> bytes:
    return b"".join(
        json.dumps([name, len(body), hashlib.sha256(body).hexdigest()]).encode() + b"\n"
        for name, body in content.items()
        if name not in ("backup.json", "manifest.jsonl")
    )


def changed(content: dict[str, bytes], what: str) -> dict[str, bytes]:
    found = dict(content)
    name = next(one for one in content if one.startswith("files/private"))
    head = json.loads(found["backup.json"])
    match what:
        case "a byte":
            found[name] = found[name][:-1] + bytes([found[name][-1] ^ 1])
        case "a file less":
            del found[name]
        case "a file more":
            found.pop("manifest.jsonl")
            found["files/private/more"] = b"x"
            found["manifest.jsonl"] = content["manifest.jsonl"]
        case "no manifest":
            del found["manifest.jsonl"]
        case "no head":
            del found["backup.json"]
        case "a newer format":
            found["backup.json"] = json.dumps({**head, "format": 2}).encode()
        case "a newer version":
            later = [*head["migrations"], "submissions.9999_later"]
            found["backup.json"] = json.dumps({**head, "migrations": later}).encode()
        case "a head that is none":
            found["backup.json"] = b"[]"
        case "a name that leads away":
            found.pop("manifest.jsonl")
            found["files/../../../outside"] = b"x"
            found["manifest.jsonl"] = manifest(found)
        case "no database":
            del found["database/db.sqlite3"]
            found["manifest.jsonl"] = manifest(found)
    return found


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("a byte", "is damaged"),
        ("a file less", "is damaged"),
        ("a file more", "more than its manifest"),
        ("no manifest", "not whole"),
        ("no head", "no backup of Uptake"),
        ("a newer format", "has format 2; this version reads 1"),
        ("a newer version", "does not know submissions.9999_later"),
        ("a head that is none", "is not one of a backup"),
        ("a name that leads away", "belongs to none"),
        ("no database", "holds no database"),
    ],
)
def test_what_is_no_whole_backup_changes_nothing(sqlite, tmp_path, what, told):
    _, file = sqlite
    broken = written(tmp_path / "broken.tar", changed(members(file), what))
    again = Installation(tmp_path / "again")
    done = again.command("restore", broken)
    assert done.returncode == 1
    assert told in " ".join(done.stderr.decode().split())
    assert not (tmp_path / "outside").exists()
    kept = [one for one in (again.state / "storage").rglob("*") if one.is_file()]
    assert kept == []
    assert again.command("restore", file).returncode == 0


def test_links_and_cut_files_are_refused(sqlite, tmp_path):
    _, file = sqlite
    content = {"backup.json": members(file)["backup.json"], "files/private/a": b""}
    linked = written(tmp_path / "linked.tar", content, kind=tarfile.SYMTYPE)
    whole = file.read_bytes()
    cuts = [random.Random(seed).randrange(len(whole) - 10240) for seed in range(4)]
    for number, cut in enumerate(cuts):
        (tmp_path / f"{number}.tar").write_bytes(whole[:cut])
    for one in (linked, *tmp_path.glob("[0-9].tar")):
        again = Installation(tmp_path / f"for-{one.stem}")
        done = again.command("restore", one)
        assert done.returncode == 1, one
        assert b"Traceback" not in done.stderr, one
        assert [a for a in (again.state / "storage").rglob("*") if a.is_file()] == []


def test_while_it_runs_nothing_is_restored(sqlite, tmp_path):
    _, file = sqlite
    again = Installation(tmp_path / "again")
    again.program("")  # makes the folders
    holding = (
        "from config.supervisor import only_one\n"
        "from pathlib import Path\nimport subprocess, sys, os\n"
        "with only_one(Path(os.environ['UPTAKE_STATE'])):\n"
        "    print(subprocess.run([sys.executable, '-m', 'config.cli', 'restore', sys.argv[1]],"
        " capture_output=True, text=True, env=dict(os.environ)).stderr)"
    )
    assert "It is running already" in again.program(holding, file)


COMING_AND_GOING = """
import itertools, time
from django.core.files.base import ContentFile
from submissions.models import Upload
from submissions.services.arriving import discard
from tests.factories import a_user

owner = a_user("developer")
print("started", flush=True)
for number in itertools.count():
    row = Upload(owner=owner, name="image.tar", size_bytes=9_000, received_bytes=3_000)
    row.file.save(f"incoming/{number}", ContentFile(b"x" * 3_000), save=False)
    row.save()
    with open(row.file.path, "ab") as file:
        file.write(b"y" * 3_000)
    Upload.objects.filter(pk=row.pk).update(received_bytes=6_000)
    if number % 2:
        discard(row=row)
    time.sleep(0.02)
"""


def test_while_files_come_grow_and_go_every_file_that_is_named_is_there(tmp_path):
    first = filled(tmp_path)
    writer = subprocess.Popen(
        [sys.executable, "-c", f"import django; django.setup()\n{COMING_AND_GOING}"],
        env=first.environment, cwd=ROOT, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"started\n"
        for number in range(3):
            done = first.command("backup", tmp_path / f"{number}.tar")
            assert done.returncode == 0, done.stderr.decode()
    finally:
        writer.kill()
        writer.communicate()
    for number in range(3):
        again = Installation(tmp_path / f"again-{number}")
        assert again.command("restore", tmp_path / f"{number}.tar").returncode == 0
        counted = again.program(
            "from submissions.models import Upload\n"
            "sizes = [(row.file.size, row.received_bytes) for row in Upload.objects.all()]\n"
            "print(len(sizes), all(has >= told for has, told in sizes))"
        )
        number_of, whole = counted.split()
        assert int(number_of) > 0
        assert whole == "True"
