"""In a temporary folder that many share, a trial tidies up after trials of its own user alone."""

import json
import tempfile

import pytest

from submissions.trying import place
from submissions.trying.place import PREFIX


@pytest.fixture
def cleared(tmp_path, monkeypatch):
    """Whether anything is deleted by what a dead trial's folder notes, and the folder itself."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / f"{PREFIX}x"
    folder.mkdir()
    (folder / "lock").touch()
    (folder / "lock").chmod(0o666)

    def ask():
        place._clear_after_the_dead()
        return not folder.exists()

    return folder, ask


def test_what_a_dead_trial_of_the_same_user_left_is_cleared(cleared):
    _, ask = cleared
    assert ask()


def test_a_folder_that_another_user_laid_out_deletes_nothing(cleared, monkeypatch):
    folder, ask = cleared
    (folder / "images-before.json").write_text(json.dumps([]))
    (folder / "engine").mkdir()
    (folder / "engine" / "1.image").write_text("python:3.12")
    asked = []
    monkeypatch.setattr(place, "_connect", lambda found: asked.append(found))
    other = folder.stat().st_uid + 1
    monkeypatch.setattr(place.os, "getuid", lambda: other)
    assert not ask()
    assert asked == []
