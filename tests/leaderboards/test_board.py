"""Ranks from results: sorting, baselines, snapshots."""

import itertools
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from challenges.models import Phase
from challenges.selectors import current_edition
from leaderboards.models import Snapshot
from leaderboards.selectors import board
from leaderboards.services import reconcile, refresh
from submissions.models import CaseResult, Run, Submission
from tests.factories import a_challenge, a_phase, a_submission, a_user

_numbers = itertools.count()


@pytest.fixture
def phase(db, tmp_path, monkeypatch) -> Phase:
    monkeypatch.setattr("challenges.hints.current_app.send_task", lambda *_, **__: None)
    return a_phase(a_challenge(tmp_path))


def scored(phase: Phase, dice: list[float | None], *, title: str, baseline: bool = False,
           user: User | None = None) -> Submission:  # fmt: skip
    """An entry with these Dice values; every other metric is derived from them."""
    submission = a_submission(phase, user=user or a_user(f"dev-{next(_numbers)}"), title=title)
    submission.is_baseline = baseline
    for case, value in zip(phase.dataset.cases.all(), dice, strict=True):
        run = Run.objects.create(
            submission=submission, case=case, state="done", reason_code="" if value else "no_output"
        )
        CaseResult.objects.create(
            run=run,
            target=case.references.get(),
            edition=current_edition(phase),
            reference_ml={"lesion": 4.0},
            prediction_ml={"lesion": 4.0},
            seconds=0.1,
            metrics={
                "dice": {"lesion": {"value": value, "worst": 0.0}},
                "hd95": {"lesion": {"value": None if value is None else 10 - value, "worst": 80.0}},
                "mtv_abs_error_ml": {"lesion": {"value": 1 - (value or 0), "worst": 1000.0}},
                "mtv_error_ml": {"lesion": {"value": 1 - (value or 0), "worst": None}},
            },
        )
    submission.state, submission.ended_at = "scored", timezone.now()
    submission.save()
    return submission


def titles(phase: Phase, **how: Any) -> list[str]:
    refresh(phase=phase)
    return [row.algorithm for row in board(a_user("anyone"), phase, **how).table.rows]


def test_the_better_mean_stands_higher(phase):
    scored(phase, [0.5, 0.5, 0.5], title="middle")
    scored(phase, [0.9, 0.9, 0.9], title="best")
    scored(phase, [0.1, 0.2, 0.3], title="last")
    assert titles(phase) == ["best", "middle", "last"]


def test_ties_share_the_smallest_rank(phase):
    for title in ("a", "b"):
        scored(phase, [0.5, 0.6, 0.7], title=title)
    scored(phase, [0.1, 0.1, 0.1], title="c")
    refresh(phase=phase)
    assert [row.rank for row in board(a_user("x"), phase).table.rows] == [1, 1, 3]


def test_every_column_sorts_both_ways_and_nonsense_sorts_by_rank(phase):
    scored(phase, [0.9, 0.9, 0.9], title="b")
    scored(phase, [0.5, 0.5, 0.5], title="a")
    assert titles(phase, sort="algorithm") == ["a", "b"]
    assert titles(phase, sort="algorithm", order="desc") == ["b", "a"]
    assert titles(phase, sort="dice") == ["b", "a"], "best first"
    assert titles(phase, sort="dice", order="asc") == ["a", "b"]
    assert titles(phase, sort="hd95") == ["b", "a"], "lower is better"
    assert titles(phase, sort="'; DROP TABLE", order="sideways") == ["b", "a"]


def test_a_value_that_is_missing_sorts_last_in_both_orders(phase):
    scored(phase, [0.5, 0.5, 0.5], title="known")
    scored(phase, [None, None, None], title="unknown")
    for order in ("asc", "desc"):
        assert titles(phase, sort="hd95", order=order) == ["known", "unknown"]


def test_a_baseline_is_placed_and_alters_no_ones_rank(phase):
    scored(phase, [0.4, 0.4, 0.4], title="second")
    scored(phase, [0.8, 0.8, 0.8], title="first")
    scored(phase, [0.6, 0.6, 0.6], title="baseline", baseline=True)
    refresh(phase=phase)
    rows = {row.algorithm: row for row in board(a_user("x"), phase).table.rows}
    assert {title: row.rank for title, row in rows.items()} == {
        "first": 1, "second": 2, "baseline": 2,
    }  # fmt: skip
    assert not rows["baseline"].competes
    assert rows["second"].competes


def test_only_the_newest_of_a_person_counts(phase):
    person = a_user("eager")
    scored(phase, [0.9, 0.9, 0.9], title="old and better", user=person)
    scored(phase, [0.5, 0.5, 0.5], title="new", user=person)
    assert titles(phase) == ["new"]


def test_a_snapshot_is_kept_for_each_state_and_made_once(phase):
    scored(phase, [0.5, 0.5, 0.5], title="a")
    first = refresh(phase=phase)
    assert refresh(phase=phase) == first
    scored(phase, [0.6, 0.6, 0.6], title="b")
    second = refresh(phase=phase)
    assert Snapshot.objects.count() == 2
    assert len(first.document["rows"]) == 1
    assert len(second.document["rows"]) == 2


def test_a_lost_message_is_sent_again_until_the_snapshot_is_of_all_results(phase, monkeypatch):
    sent = []
    monkeypatch.setattr(
        "challenges.hints.current_app.send_task",
        lambda name, args=(), **_: sent.append((name, *args)),
    )
    scored(phase, [0.5, 0.5, 0.5], title="a")
    reconcile()
    assert sent == [("leaderboards.refresh", phase.pk)]
    refresh(phase=phase)
    reconcile()
    assert len(sent) == 1
    scored(phase, [0.6, 0.6, 0.6], title="b")
    reconcile()
    assert len(sent) == 2


def test_figures_say_how_many_cases_they_stand_on(phase):
    scored(phase, [0.5, None, 0.7], title="a")
    refresh(phase=phase)
    (row,) = board(a_user("x"), phase).table.rows
    assert row.cells[0].count == 2
    assert row.cells[0].mean == pytest.approx(0.6)
    assert (row.cases, row.failed) == (3, 1)


def test_the_page_of_an_empty_leaderboard_says_what_to_do(phase, client):
    page = client.get(f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/")
    assert "No entry" in page.content.decode()
