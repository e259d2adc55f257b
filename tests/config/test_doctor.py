"""What is missing is told with its remedy, and the exit status says whether anything is."""

import pytest
from typer.testing import CliRunner

from config.cli import app
from config.doctor import GVisor, examine
from config.finding import Verdict
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
def test_an_engine_is_described_with_its_disk_logs_and_users(tmp_path):
    found = findings(tmp_path)
    for name in ("Docker engine", "Disk of the engine", "Logs of containers", "User namespaces"):
        assert found[name].verdict in (Verdict.GOOD, Verdict.NOTE), found[name]
    assert "GiB free" in found["Disk of the engine"].found


def test_the_kernel_and_the_scorers_filter_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    assert findings(tmp_path)["Kernel"].verdict is Verdict.GOOD
    assert "seccomp" in findings(tmp_path)["Decoder and scorer"].found
    monkeypatch.setattr("config.doctor.platform.release", lambda: "5.2.17-generic")
    monkeypatch.setattr("config.doctor.seccomp_is_there", lambda: False)
    found = findings(tmp_path)
    for name in ("Kernel", "Decoder and scorer"):
        assert found[name].verdict is Verdict.MISSING
        assert "nothing is decoded or scored" in found[name].remedy.lower()


class Client:
    """An engine that is elsewhere, with few means."""

    def __init__(self, **info):
        self._info = {"ServerVersion": "20.10.24", "Driver": "overlay2", **info}

    def info(self):
        return self._info

    def close(self):
        pass


@pytest.fixture
def with_engine(tmp_path, monkeypatch):
    def examined(gvisor=GVisor(), **info):  # noqa: B008
        monkeypatch.setattr("config.doctor.docker.from_env", lambda **_: Client(**info))
        monkeypatch.setattr("config.doctor.protections", lambda: iter(()))
        return {finding.what: finding for finding in examine(tmp_path, "", gvisor)}

    return examined


@pytest.mark.parametrize(
    ("runtimes", "gvisor", "verdict", "words"),
    [
        ({"runsc": {}}, GVisor(), Verdict.GOOD, ("UPTAKE_GVISOR=auto", "no phase requires it")),
        ({"runsc": {}}, GVisor(required=2), Verdict.GOOD, ("2 phases require it",)),
        ({"runsc": {}}, GVisor(by_default=False), Verdict.NOTE, ("UPTAKE_GVISOR=never",)),
        ({}, GVisor(), Verdict.NOTE, ("apt-get install runsc", "daemon.json")),
        ({}, GVisor(required=1), Verdict.MISSING, ("a phase requires it", "submissions wait")),
    ],
)
def test_gvisor_is_missing_only_where_a_phase_requires_it(
    with_engine, runtimes, gvisor, verdict, words
):
    found = with_engine(gvisor, Runtimes=runtimes)["gVisor"]
    assert found.verdict is verdict
    for word in words:
        assert word in f"{found.found} {found.remedy}"


def test_an_engine_without_the_log_driver_or_with_users_of_its_own(with_engine, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.1:2376")
    found = with_engine(DockerRootDir="/", SecurityOptions=["name=userns"], Plugins={"Log": []})
    assert found["Logs of containers"].verdict is Verdict.MISSING
    assert found["User namespaces"].verdict is Verdict.GOOD
    assert "cannot be seen from here" in found["Disk of the engine"].found


@pytest.mark.django_db
def test_phases_that_require_gvisor_are_counted_where_there_is_a_platform(tmp_path):
    from challenges.models import Phase
    from config.cli import _phases_that_require_gvisor
    from config.environment import environment
    from tests.factories import a_challenge

    there = environment().model_copy(update={"state": tmp_path, "database_url": ""})
    a_challenge(tmp_path, cases=1).phases.update(sandbox=Phase.Sandbox.GVISOR)
    assert _phases_that_require_gvisor(there) == 0
    (tmp_path / "db.sqlite3").touch()
    assert _phases_that_require_gvisor(there) == 1
    elsewhere = {"state": tmp_path / "none", "database_url": "postgresql://u@db/uptake"}
    assert _phases_that_require_gvisor(there.model_copy(update=elsewhere)) == 1


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
