"""A phase whose cases are all gone, and a pool of which only the first are tested."""

import pytest
from django.test import Client
from django.utils import timezone

from leaderboards.models import Analysis, Slice, Snapshot
from leaderboards.selectors import board
from leaderboards.services import refresh
from tests.crowds import a_crowded_phase
from tests.factories import a_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("hidden", [False, True])
def test_a_phase_without_cases_has_an_empty_board_that_says_so(tmp_path, hidden):
    metrics = {"metrics": ["dice", "mtv_abs_error_ml", "dice_agg"]}
    phase = a_crowded_phase(
        tmp_path, cases=6, qualities=[1.0, 0.5, 0.2], baselines=1, hidden=hidden, evaluation=metrics
    )
    refresh(phase=phase)
    phase.dataset.cases.update(excluded_at=timezone.now())
    emptied = refresh(phase=phase)
    document = emptied.document
    assert "no case to rank on" in document["refused"]
    assert document["cases"] == 0
    assert [row["rank"] for row in document["rows"]] == [None] * 3
    assert {cell["count"] for row in document["rows"] for cell in row["cells"]} == {0}
    assert not Slice.objects.filter(snapshot=emptied).exists()
    assert not Analysis.objects.filter(snapshot=emptied).exists()


def crowd(tmp_path, **ranking):
    phase = a_crowded_phase(
        tmp_path, cases=24, qualities=[1.0, 0.2, 0.19, 0.18, 0.1],
        evaluation={"metrics": ["dice"], "ranking": {"most_resampled": 2, **ranking}},
    )  # fmt: skip
    refresh(phase=phase)
    return phase


def test_ranges_and_sets_of_the_first_leave_room_for_everyone(tmp_path):
    phase = crowd(tmp_path)
    first, second, *others = board(a_user("anyone"), phase).table.rows
    assert first.high == 1
    assert second.high > 2, "the third was ahead of the second in some resamples"
    assert second.set_high == 5, "nobody beyond the second was tested"
    assert [(row.low, row.set_high, row.tier) for row in others] == [(None, None, None)] * 3
    address = f"/api/v1/challenges/{phase.challenge.slug}/phases/{phase.slug}/uncertainty"
    told = Client().get(address).json()
    assert (told["pool"], len(told["entries"])) == (5, 2)
    assert (told["resampled"]["among"], told["resampled"]["ranks"]) == (5, [1, 2])
    assert {len(row) for row in told["resampled"]["shares"]} == {3}
    page = Client().get(f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/uncertainty/")
    assert "in each of which 5 were ranked" in page.content.decode()


def test_where_pairs_are_tested_it_is_told_that_the_first_are_ranked_alone(tmp_path):
    phase = crowd(tmp_path, scheme="test_then_rank")
    address = f"/api/v1/challenges/{phase.challenge.slug}/phases/{phase.slug}/uncertainty"
    assert Client().get(address).json()["resampled"]["among"] == 2
    assert Snapshot.objects.count() == 1
