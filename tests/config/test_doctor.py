"""What is missing is told with its remedy, and the exit status says whether anything is."""

import pytest
from typer.testing import CliRunner

from config.cli import app
from config.doctor import Verdict, examine
from config.host import HostRefused, install, privileged


def findings(tmp_path, redis_url=""):
    return {finding.what: finding for finding in examine(tmp_path, redis_url)}


def test_everything_is_looked_at(tmp_path):
    assert {"Python", "Docker engine", "Broker", "Disk", "Clock", "Libraries"} <= set(
        findings(tmp_path)
    )


def test_without_an_engine_it_says_so_and_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    engine = findings(tmp_path)["Docker engine"]
    assert engine.verdict is Verdict.MISSING
    assert "install" in engine.remedy
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 1
    assert "missing" in done.output


def test_a_broker_that_does_not_answer_is_missing(tmp_path):
    broker = findings(tmp_path, "redis://127.0.0.1:1/0")["Broker"]
    assert broker.verdict is Verdict.MISSING
    assert "REDIS_URL" in broker.found


@pytest.mark.docker
def test_an_engine_is_described_with_its_protections(tmp_path):
    found = findings(tmp_path)
    assert found["Docker engine"].verdict is Verdict.GOOD
    assert found["seccomp"].verdict is Verdict.GOOD
    assert found["Limits by the kernel"].verdict is Verdict.GOOD
    assert found["gVisor"].verdict in (Verdict.GOOD, Verdict.NOTE)


def test_privileged_steps_are_listed_before_they_run(tmp_path, capsys):
    from rich.console import Console

    with pytest.raises(HostRefused, match="failed"):
        privileged(Console(), [["false", "--step"]], "do a thing")
    assert "false --step" in capsys.readouterr().out


def test_without_apt_the_remedy_is_said(monkeypatch):
    from rich.console import Console

    monkeypatch.setenv("PATH", "")
    with pytest.raises(HostRefused, match="missing; install it"):
        install(Console(), ["docker.io"], "a Docker engine")
