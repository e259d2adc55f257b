"""Human readers stand beside the entries, and each of them is asked what the ranks would be."""

import pytest

from challenges.leases import Watch
from challenges.selectors import current_edition
from leaderboards.models import Analysis, Snapshot
from leaderboards.selectors import _read, board
from leaderboards.services import is_stale, refresh
from submissions.models import AgainstReader, Submission
from submissions.selectors.readers import cross_progress
from submissions.services.checking import check_next
from submissions.services.cross_scoring import cross_score_next, reconcile
from submissions.services.running import run_next
from submissions.services.scoring import score_next
from tests.factories import a_submission, a_user
from tests.submissions.reading import HALF, QUARTER, WHOLE, a_phase_read_by

pytestmark = pytest.mark.django_db


@pytest.fixture
def phase(tmp_path, settings, monkeypatch):
    from tests.programs import write_programs

    settings.BASELINES = write_programs(tmp_path / "programs")
    monkeypatch.setattr("accounts.hints.current_app.send_task", lambda *_, **__: None)
    _read.cache_clear()
    return a_phase_read_by(
        tmp_path, (WHOLE, WHOLE, WHOLE), (WHOLE, WHOLE, HALF), (HALF, QUARTER, HALF)
    )


def scored(phase, name):
    entry = a_submission(phase, user=a_user(name), title=name)
    while (
        check_next(worker="h:1") or run_next(worker="h:1", engine=None) or score_next(worker="h:1")
    ):
        pass
    entry.refresh_from_db()
    Submission.objects.filter(pk=entry.pk).update(is_baseline=False)
    assert entry.state == "scored"
    return entry


def cross_scored():
    reconcile(Watch(60))
    while cross_score_next(worker="h:1"):
        pass


def rows_of(phase):
    return {row.algorithm: row for row in board(a_user("anyone"), phase).table.rows}


def test_readers_stand_beside_the_entries_once_all_their_masks_are_scored(phase):
    scored(phase, "first")
    scored(phase, "second")
    refresh(phase=phase)
    assert set(rows_of(phase)) == {"first", "second"}
    waiting = Analysis.objects.get().document["refused"]["readers"]
    assert waiting.startswith("Scores against each reader are being computed: 0 of")
    cross_scored()
    assert cross_progress(current_edition(phase)).is_complete
    assert is_stale(phase)
    refresh(phase=phase)
    assert not is_stale(phase)
    rows = rows_of(phase)
    assert set(rows) == {"first", "second", "A", "B", "C"}
    for name in "ABC":
        row = rows[name]
        assert (row.kind, row.competes, row.cases, row.failed) == ("reader", False, 3, 0)
        assert row.seconds_per_case is None
    # A against B and C, each of whom is a target: (1 + 2/3)/2, (1 + 2·12/60)/2, (2/3 + 2/3)/2.
    assert rows["A"].cells[0].mean == pytest.approx((5 / 6 + 0.7 + 2 / 3) / 3)
    assert rows["first"].rank == rows["second"].rank == 1, "readers change no one's rank"


def test_the_ranking_is_repeated_with_each_reader_as_the_reference(phase):
    scored(phase, "first")
    scored(phase, "second")
    cross_scored()
    refresh(phase=phase)
    newest = Snapshot.objects.first()
    found = newest.analysis.document
    assert [one["name"] for one in found["readers"]] == ["A", "B", "C"]
    assert "readers" not in found["refused"]
    assert all(one["ranks"] == [1, 1] for one in found["readers"])


def test_the_board_does_not_wait_for_them(phase):
    scored(phase, "first")
    cross_scored()
    refresh(phase=phase)
    assert "A" in rows_of(phase)
    scored(phase, "late")
    refresh(phase=phase)
    assert {"first", "late", "A"} <= set(rows_of(phase)), "readers themselves are all scored"
    assert "being computed" in Snapshot.objects.first().analysis.document["refused"]["readers"]
    count = Snapshot.objects.count()
    cross_score_next(worker="h:1")
    refresh(phase=phase)
    assert Snapshot.objects.count() == count, "one more score of many makes no new state"
    assert AgainstReader.objects.exists()
