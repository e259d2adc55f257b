"""The documents name everything that a user can write: metrics, keys, commands."""

from pathlib import Path

from typer.main import get_command

from challenges.definition import ChallengeDefinition
from config.cli import app
from evaluation.metrics import REGISTRY

ROOT = Path(__file__).resolve().parent.parent
DOCS = {path.name: path.read_text() for path in (ROOT / "docs").glob("*.md")}
README = (ROOT / "README.md").read_text()


def test_every_metric_is_defined():
    for name in REGISTRY:
        assert f"`{name}`" in DOCS["metrics.md"], name


def test_every_key_of_a_definition_is_described():
    schema = ChallengeDefinition.model_json_schema()
    keys = set(schema["properties"])
    for part in schema["$defs"].values():
        keys |= set(part.get("properties", {}))
    for key in keys:
        assert key in DOCS["challenge.md"], key


def test_every_command_stands_in_the_readme():
    for name in get_command(app).commands:
        assert f"./uptake {name}" in README, name


def test_the_examples_definitions_are_valid():
    from challenges.definition import read_definition

    found = sorted((ROOT / "examples" / "challenges").glob("*/challenge.yaml"))
    assert len(found) == 2
    for path in found:
        read_definition(path)


def test_no_lock_file_names_a_registry():
    for path in (*ROOT.glob("*.lock"), ROOT / "package-lock.json"):
        text = path.read_text()
        assert "://" not in text, path
        assert "--index" not in text, path
