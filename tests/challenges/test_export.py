"""Importing what was exported gives the same challenge."""

import pytest
import yaml

from challenges.definition.export import as_yaml
from challenges.ingest import FolderRefused
from challenges.models import Annotation, Image, Reference
from challenges.selectors import definition_of
from challenges.services.exporting import export_challenge
from challenges.services.importing import import_challenge
from challenges.services.publishing import publish
from tests.challenges.folders import READERS, ChallengeFolder

pytestmark = pytest.mark.django_db


def hashes(challenge):
    cases = challenge.dataset.cases.all()
    return {
        model.__name__: sorted(
            model.objects.filter(case__in=cases).values_list("case__name", "sha256")
        )
        for model in (Image, Annotation, Reference)
    }


def test_of_images_masks_table_and_definition_nothing_is_different(tmp_path):
    folder = ChallengeFolder(tmp_path / "folder", ct=True, readers=3)
    folder.write()
    keys = {"slug": "small", "readers": READERS, "rules": "First.\n\nSecond, with “quotes”.\n"}
    folder.define(**keys)
    first = import_challenge(folder=folder.path, draft=True)[0]
    first.dataset.cases.update(split="test")
    assert export_challenge(challenge=first, folder=tmp_path / "out") == 2
    definition = tmp_path / "out" / "challenge.yaml"
    before, rows = hashes(first), list(first.dataset.cases.values("name", "patient", "metadata"))
    document = first.draft
    first.delete()
    again = import_challenge(folder=tmp_path / "out", draft=True)[0]
    assert again.draft == document
    assert hashes(again) == before
    assert list(again.dataset.cases.values("name", "patient", "metadata")) == rows
    assert set(again.dataset.cases.values_list("split", flat=True)) == {"test"}
    assert "First.\n\n" in yaml.safe_load(definition.read_text())["rules"]


def test_what_is_in_force_is_exported_of_a_published_challenge(draft, tmp_path):
    publish(challenge=draft, by=None)
    export_challenge(challenge=draft, folder=tmp_path / "out")
    text = (tmp_path / "out" / "challenge.yaml").read_text()
    assert text == as_yaml(definition_of(draft).model_dump(mode="json"))


def test_nothing_is_overwritten(draft, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FolderRefused, match="is not empty"):
        export_challenge(challenge=draft, folder=tmp_path)


def test_an_unfinished_draft_is_written_as_it_is():
    assert yaml.safe_load(as_yaml({"format": 1, "title": "Only this"})) == {
        "format": 1,
        "title": "Only this",
    }
