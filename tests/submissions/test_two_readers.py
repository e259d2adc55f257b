"""Two readers: every case is scored against each, and the mean is what is shown and ranked."""

import pytest

from challenges.models import Reference
from evaluation.volumes import Volume, read_volume, write_mha
from leaderboards.selectors import board
from leaderboards.services import refresh
from submissions.models import CaseResult, Submission
from submissions.selectors import report
from submissions.services.checking import check_next
from submissions.services.running import run_next
from submissions.services.scoring import score_next
from tests.factories import a_phase, a_submission, a_user
from tests.scans import write_challenge

pytestmark = pytest.mark.usefixtures("programs", "hints")
READERS = [{"name": "One", "file": "reference"}, {"name": "Two", "file": "second"}]


@pytest.fixture
def two_readers(db, tmp_path):
    """Reader Two drew half of what One drew; in the last case nothing."""
    from challenges.services.importing import import_challenge

    evaluation = {"metrics": ["dice", "mtv_abs_error_ml", "dice_agg"]}
    folder = write_challenge(tmp_path / "two", slug="two", readers=READERS, evaluation=evaluation)
    for number in (1, 2, 3):
        reference = read_volume(folder / f"case-{number}" / "reference.mha")
        half = reference.voxels.copy()
        half[:, :, 6:] = 0
        if number == 3:
            half[:] = 0
        other = Volume(half, reference.geometry)
        (folder / f"case-{number}" / "second.mha").write_bytes(write_mha(other))
    challenge, _ = import_challenge(folder=folder, organiser=a_user("organiser"))
    return a_phase(challenge)


@pytest.fixture
def scored(two_readers, developer):
    """An answer equal to reader One's masks."""
    submission = a_submission(two_readers, user=developer)
    while (
        check_next(worker="host:1")
        or run_next(worker="host:2", engine=None)
        or score_next(worker="host:3")
    ):
        pass
    submission.refresh_from_db()
    assert submission.state == Submission.State.SCORED
    return submission


def test_each_case_is_scored_against_each_and_the_mean_is_shown(scored, two_readers, developer):
    results = CaseResult.objects.filter(run__submission=scored)
    assert results.count() == 6
    assert Reference.objects.filter(reader=None).count() == 0
    first = results.filter(run__case__name="case-1").order_by("target__reader__name")
    dice = [one.metrics["dice"]["lesion"]["value"] for one in first]
    assert dice == [1.0, pytest.approx(2 / 3)]
    for one in first:
        assert one.scored_with["uptake_scorer"]
        assert one.counts["lesion"]["reference"] > 0

    # In the last case Two drew nothing, so that Dice applies against One alone.
    shown = [row.values[0] for row in report(developer, scored).rows]
    assert shown == [pytest.approx(5 / 6), pytest.approx(5 / 6), 1.0]

    refresh(phase=two_readers)
    (row,) = board(a_user("x"), two_readers).table.rows
    assert row.cells[0].mean == pytest.approx((5 / 6 + 5 / 6 + 1) / 3)
    assert row.cells[0].count == 3
    # Against One all voxels are right; against Two half of those of two cases are.
    assert row.cells[2].mean == pytest.approx((1.0 + 2 * 2 * 0.5 / (2 * 0.5 + 3)) / 2)


def test_the_page_says_what_is_scored_against(two_readers, client):
    page = client.get("/challenges/two/").content.decode()
    assert "mean of the scores against each of two readers (One, Two)" in page
