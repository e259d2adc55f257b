import json
import os
import tempfile

import pytest
from rich.console import Console
from typer.testing import CliRunner

from config.cli import app
from submissions.sandbox.engine import Engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """What a worker of a server has."""
    found = Engine.connect(
        installation=f"trying{os.environ.get('PYTEST_XDIST_WORKER', '')}",
        host="server",
        folder=tmp_path_factory.mktemp("engine"),
    )
    yield found
    assert found.left_overs() == []
    found.close()


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder of temporary files, which a trial has to leave as it was."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def trial(tmp_path, temporary, monkeypatch):
    """`./uptake try` as it is typed: exit status, words, results. It leaves no file behind."""
    runner = CliRunner()
    # No line is broken, so that a test finds its words.
    monkeypatch.setattr("config.developing.console", Console(highlight=False, width=500))

    def run(image, *arguments, challenge, cases=None, runtime="runc"):
        told = tmp_path / "results.json"
        told.unlink(missing_ok=True)
        command = ["try", image, "--challenge", challenge, "--cases", cases or challenge]
        command += ["--runtime", runtime, "--json", told, *arguments]
        done = runner.invoke(app, [str(one) for one in command])
        assert not isinstance(done.exception, Exception) or isinstance(
            done.exception, SystemExit
        ), done.exception
        assert list(temporary.iterdir()) == []
        results = json.loads(told.read_text()) if told.exists() else None
        return done.exit_code, done.output, results

    return run
