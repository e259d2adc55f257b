"""What is asked for in the same moment: no limit gives way, and nothing ends in between."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def outcome():
    done = subprocess.run(
        [sys.executable, "-m", "tests.submissions.taking_turns"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_of_six_who_join_a_team_of_five_as_many_are_in_it_as_may_be(outcome):
    """One made it, so four of six find room."""
    assert Counter(outcome["joins"]) == {
        "done": 4,
        "“Team” is full: 5 may be in a team of this challenge.": 2,
    }
    assert outcome["members"] == 5


def test_of_one_person_who_joins_six_teams_one_join_counts(outcome):
    told = Counter(text if text == "done" else "refused" for text in outcome["several"])
    assert told == {"done": 1, "refused": 5}
    assert all("a person is in one team" in one for one in outcome["several"] if one != "done")
    assert outcome["teams"] == 1


def test_of_five_members_who_submit_as_many_are_taken_as_the_quota_has(outcome):
    told = Counter(text if text == "done" else "refused" for text in outcome["uploads"])
    assert told == {"done": 3, "refused": 2}
    assert all("The team’s (Team) quota is used up" in t for t in outcome["uploads"] if t != "done")
    assert outcome["submissions"] == 3


def test_an_upload_that_is_submitted_and_discarded_at_once_is_either(outcome):
    for (discarded, submitted), has_submission, has_file in outcome["kept"]:
        assert discarded == "done"
        assert has_submission == (submitted == "done")
        assert has_file == has_submission
        if not has_submission:
            assert "discarded meanwhile" in submitted
