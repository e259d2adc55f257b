from pathlib import Path

import pytest
from django.test import Client

from challenges.models import Challenge
from challenges.services.importing import begin_challenge, import_challenge
from tests.designs import DESIGN, SOURCE
from tests.factories import a_user
from tests.scans import write_challenge


@pytest.fixture(autouse=True)
def hints(monkeypatch):
    """Messages that would have gone to the broker."""
    sent: list[str] = []
    monkeypatch.setattr(
        "challenges.hints.current_app.send_task", lambda name, args=(), **_: sent.append(name)
    )
    return sent


@pytest.fixture
def organiser(db) -> Client:
    client = Client()
    client.force_login(a_user("organiser"))
    return client


@pytest.fixture
def draft(db, tmp_path) -> Challenge:
    """Complete, with three cases, and not yet published."""
    folder = write_challenge(tmp_path / "draft", slug="draft")
    return import_challenge(folder=folder, organiser=a_user("organiser"), draft=True)[0]


@pytest.fixture
def empty(db) -> Challenge:
    """Described, without data."""
    document = {
        "format": 1,
        "slug": "empty",
        "title": "Empty",
        "summary": "A challenge of a test.",
        "question": "Does it work?",
        "evaluation": {"metrics": ["dice", "mtv_abs_error_ml"]},
        "phases": [{"slug": "test", "title": "Test", "cases": "hidden"}],
        "source": SOURCE,
        "design": DESIGN,
    }
    return begin_challenge(document=document, organiser=a_user("organiser"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three cases to be brought, without a definition that counts."""
    return write_challenge(tmp_path / "data", slug="data")
