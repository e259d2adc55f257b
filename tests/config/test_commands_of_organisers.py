"""What organisers do by command."""

import pytest
from typer.testing import CliRunner

from challenges.models import Challenge
from challenges.services.importing import import_challenge
from config.cli import app
from tests.factories import a_user
from tests.scans import write_challenge

pytestmark = pytest.mark.django_db


@pytest.fixture
def command():
    runner = CliRunner(env={"COLUMNS": "200"})
    return lambda *arguments: runner.invoke(app, [str(one) for one in arguments])


@pytest.fixture
def draft(tmp_path) -> Challenge:
    folder = write_challenge(tmp_path / "c", slug="small", cases=4)
    return import_challenge(folder=folder, organiser=a_user("organiser"), draft=True)[0]


def test_a_definition_that_is_right_and_complete_is_told_so(command, tmp_path):
    folder = write_challenge(tmp_path / "c", slug="small")
    for path in (folder, folder / "challenge.yaml"):
        done = command("validate", path)
        assert done.exit_code == 0
        assert "Right, and complete." in done.stdout
    assert not Challenge.objects.exists()


def test_everything_that_is_wrong_is_told_with_its_line(command, tmp_path):
    folder = write_challenge(tmp_path / "c", slug="small", question="", colour="blue")
    (folder / "case-1" / "pet.mha").unlink()
    done = command("validate", folder)
    assert done.exit_code == 1
    assert "challenge.yaml, line" in done.stdout
    assert "unknown key “colour”" in done.stdout


def test_what_is_still_to_be_written_is_told(command, tmp_path):
    folder = write_challenge(tmp_path / "c", slug="small", design={}, source=None)
    done = command("validate", folder / "challenge.yaml")
    assert done.exit_code == 0
    assert "design.ethics.approval" in done.stdout
    assert "source: is missing" in done.stdout
    assert "cannot be published before" in done.stdout


def test_splits_are_shown_and_only_stored_when_that_is_said(command, draft):
    given = ("split", "small", "training=50", "test=50", "--by", "centre")
    shown = command(*given)
    assert shown.exit_code == 0
    assert "Nothing was stored" in shown.stdout
    assert set(draft.dataset.cases.values_list("split", flat=True)) == {""}
    assert command(*given, "--store").exit_code == 1
    done = command(*given, "--store", "--organiser", "organiser")
    assert done.exit_code == 0, done.output
    found = list(draft.dataset.cases.values_list("split", "metadata__centre"))
    assert sorted(found) == [
        ("test", "centre-1"), ("test", "centre-2"),
        ("training", "centre-1"), ("training", "centre-2"),
    ]  # fmt: skip
    assert "seed 1" in draft.decisions.get().about


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("split", "nothing", "test=100"), "There is no challenge “nothing”; known: small."),
        (("split", "small", "test=many"), "a percentage are expected"),
        (("split", "small", "test=100", "--by", "colour"), "colour"),
        (("export-challenge", "nothing", "out"), "There is no challenge “nothing”"),
    ],
)
def test_what_cannot_be_done_is_said(command, draft, arguments, told):
    done = command(*arguments)
    assert done.exit_code == 1
    assert told in done.output


def test_an_export_is_written_into_a_new_folder_alone(command, draft, tmp_path):
    done = command("export-challenge", "small", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "case-1", "case-2", "case-3", "case-4", "cases.csv", "challenge.yaml",
    ]  # fmt: skip
    assert command("export-challenge", "small", tmp_path / "out").exit_code == 1
