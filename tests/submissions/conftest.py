import pytest

from tests.factories import a_challenge, a_phase, a_user
from tests.programs import write_programs


@pytest.fixture
def programs(tmp_path, settings):
    """A folder of programs that submissions can name, in place of the project's baselines."""
    settings.BASELINES = write_programs(tmp_path / "programs")


@pytest.fixture
def phase(db, tmp_path):
    return a_phase(a_challenge(tmp_path))


@pytest.fixture
def developer(db):
    return a_user("developer")


@pytest.fixture
def hints(monkeypatch):
    """Messages that would have gone to the broker."""
    sent: list[str] = []
    monkeypatch.setattr(
        "challenges.hints.current_app.send_task",
        lambda name, args=(), **_: sent.append(name),
    )
    return sent
