"""The rooms, and who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("accounts", "challenges", "submissions", "evaluation", "leaderboards", "config")
MAY_IMPORT = {
    "accounts": set(),
    "evaluation": set(),
    "submissions.sandbox": set(),
    "challenges": {"accounts", "evaluation"},
    "submissions": {"challenges", "accounts", "evaluation"},
    "leaderboards": {"submissions", "challenges", "accounts", "evaluation"},
    "config": set(ROOMS),
}


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return "submissions.sandbox" if parts[:2] == ("submissions", "sandbox") else parts[0]


def modules() -> list[Path]:
    return sorted(
        path
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if "migrations" not in path.parts
    )


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_the_rooms_below_it(path):
    room = room_of(path)
    for module in imports_of(path):
        other = module.split(".")[0]
        if other not in ROOMS:
            continue
        if room == "submissions.sandbox":
            assert module.startswith("submissions.sandbox"), module
        elif other != room:
            assert other in MAY_IMPORT[room], f"{path} imports {module}"


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("evaluation", {"django", "docker", "celery"}),
        ("submissions.sandbox", {"django", "celery"}),
    ],
)
def test_the_libraries_know_no_framework(room, forbidden):
    for path in modules():
        if room_of(path) == room:
            assert not {module.split(".")[0] for module in imports_of(path)} & forbidden, path


def test_medpy_has_one_importer():
    importers = [path for path in modules() if any("medpy" in m for m in imports_of(path))]
    assert [str(path.relative_to(ROOT)) for path in importers] == ["evaluation/oracle.py"]


def test_the_web_process_loads_no_heavy_library():
    """SimpleITK, medpy, matplotlib and the Docker SDK cost seconds and hundreds of megabytes."""
    program = (
        "import config.wsgi, sys\n"
        "from django.urls import get_resolver\n"
        "get_resolver().url_patterns\n"
        "heavy = {'SimpleITK', 'medpy', 'matplotlib', 'docker'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_no_module_has_grown_too_long():
    """A module past about 400 lines becomes a package."""
    long = {
        str(path.relative_to(ROOT)): lines
        for path in modules()
        if (lines := len(path.read_text().splitlines())) > 420
    }
    assert not long
