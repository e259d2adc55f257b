"""Settings come from the environment, and wrong values are refused, all at once."""

import stat
from pathlib import Path

import pytest

from config.environment import ROOT, Environment, SettingsRefused, kept_secret


def test_nothing_need_be_set():
    settings = Environment.read({})
    assert settings.bind == "127.0.0.1:8000"
    assert settings.state == ROOT / ".uptake" / "up"
    assert not settings.demo


def test_each_wrong_value_is_named_at_once():
    with pytest.raises(SettingsRefused) as refusal:
        Environment.read({"UPTAKE_SLOTS": "0", "UPTAKE_BIND": "here", "UPTAKE_UPLOAD_GIB": "much"})
    for name in ("UPTAKE_SLOTS='0'", "UPTAKE_BIND='here'", "UPTAKE_UPLOAD_GIB='much'"):
        assert name in str(refusal.value)


def test_hosts_are_separated_by_commas():
    hosts = Environment.read({"UPTAKE_HOSTS": "pet.example.org, 127.0.0.1"}).hosts
    assert hosts == ["pet.example.org", "127.0.0.1"]


def test_the_reconciler_may_not_be_slower_than_30_seconds():
    with pytest.raises(SettingsRefused):
        Environment.read({"UPTAKE_RECONCILE_SECONDS": "31"})


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path):
    first = kept_secret(tmp_path / "key")
    assert len(first) > 40
    assert kept_secret(tmp_path / "key") == first
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_the_document_names_each_setting():
    text = Path(ROOT, "docs", "settings.md").read_text()
    for name in Environment.model_fields:
        assert f"`{Environment.variable(name)}`" in text
