"""Readers of one case stand beside each other on its page."""

import pytest

from challenges.services.importing import import_challenge
from tests.challenges.folders import ChallengeFolder
from tests.factories import a_user

pytestmark = pytest.mark.django_db


def test_each_pair_of_readers_is_compared(organiser, tmp_path):
    folder = ChallengeFolder(tmp_path / "folder", readers=3)
    folder.write()
    made, _ = import_challenge(folder=folder.path, organiser=a_user("organiser"), draft=True)
    case = made.dataset.cases.get(name="case-1")
    page = organiser.get(f"/organise/{made.slug}/cases/{case.public_id}/").content.decode()
    for pair in ("Reader A and Reader B", "Reader A and Reader C", "Reader B and Reader C"):
        assert pair in page
    dice = f"{case.facts['pairs'][0]['dice']:.3f}"
    assert f'<td class="number">{dice}</td>' in page
