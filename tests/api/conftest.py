import json

import pytest
from django.test import Client

from accounts.tokens import issue
from tests.factories import a_challenge, a_phase, a_user
from tests.programs import write_programs


class Program:
    """What speaks to the API with a token."""

    def __init__(self, user, *scopes):
        _, self.token = issue(owner=user, name="test", scopes=scopes or ("read", "submit"))
        self._client = Client()

    def ask(self, method, path, body=None, **headers):
        return self._client.generic(
            method,
            f"/api/v1{path}",
            json.dumps(body) if body is not None and not isinstance(body, bytes) else body or b"",
            content_type=headers.pop("content_type", "application/json"),
            headers={"Authorization": f"Bearer {self.token}", **headers},
        )

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, body=None):
        return self.ask("POST", path, body)


@pytest.fixture
def hints(monkeypatch):
    monkeypatch.setattr("challenges.hints.current_app.send_task", lambda *_, **__: None)


@pytest.fixture
def phase(db, tmp_path, settings, hints):
    settings.BASELINES = write_programs(tmp_path / "programs")
    return a_phase(a_challenge(tmp_path))


@pytest.fixture
def developer(phase):
    return Program(a_user("developer"))
