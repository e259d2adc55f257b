import pytest

from leaderboards.selectors import _read


@pytest.fixture(autouse=True)
def no_messages(monkeypatch):
    """And no table that was read of another test's database."""
    monkeypatch.setattr("accounts.hints.current_app.send_task", lambda *_, **__: None)
    _read.cache_clear()
