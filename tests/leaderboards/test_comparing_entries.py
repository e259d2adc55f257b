"""Two or three entries case by case: values, who is better, and the mean difference."""

import re

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from challenges.models import Case, Phase
from evaluation.errors import RankingRefused
from evaluation.metrics import REGISTRY
from leaderboards.cases import Measure, Standing, measures_of, standing
from leaderboards.comparing import (
    BY_CASE,
    Comparison,
    Draws,
    PairSummary,
    compare,
    mean_interval,
)
from leaderboards.plots import BOTTOM, HIGH, LEFT, RIGHT, TOP, WIDE, plots_of, ticks_of
from submissions.models import Submission
from tests.factories import a_challenge, a_phase, a_user
from tests.leaderboards.entered import entered
from tests.platforms import words_of
from tests.scans import pet_with_lesion

HELD = (pet_with_lesion(0) >= 2.5).astype(np.uint8)
HALF = HELD.copy()
HALF[2:3] = 0
"""Two of three slices: Dice 0.8, and 1.28 ml too little."""
EMPTY = HELD * 0


@pytest.fixture(autouse=True)
def no_broker(monkeypatch):
    monkeypatch.setattr("challenges.hints.current_app.send_task", lambda *_, **__: None)


@pytest.fixture
def phase(db, tmp_path) -> Phase:
    return a_phase(a_challenge(tmp_path, slug="one"))


@pytest.fixture
def entries(phase):
    """Dice 0.8, 1, 1 and 1, 1, 0 (failed) and 0, 1, 1."""
    return [
        entered(phase, a_user("ada"), [HALF, HELD, HELD], title="Alpha"),
        entered(phase, a_user("bert"), [HELD, HELD, None], title="Beta"),
        entered(phase, a_user("cleo"), [EMPTY, HELD, HELD], title="Gamma"),
    ]


def comparison(phase, entries, key="dice", **how):
    edition = phase.editions.get()
    (measure,) = [one for one in measures_of(edition) if one.key == key]
    known = {one.public_id: one for one in standing(phase, edition)}
    return compare(phase, edition, [known[one.public_id] for one in entries], measure, **how)


def page(phase, entries, *, status=200, **query) -> str:
    asked = {"entries": ",".join(one if isinstance(one, str) else one.public_id for one in entries)}
    response = Client().get(
        f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/compare/",
        query_params={**asked, **query},
    )
    assert response.status_code == status
    return response.content.decode()


def test_the_largest_difference_comes_first(phase, entries):
    rows = comparison(phase, entries[:2]).rows
    assert [row.case.name for row in rows] == ["case-3", "case-1", "case-2"]
    assert [row.differences[0] for row in rows] == pytest.approx([-1.0, 0.2, 0.0])
    assert [row.better for row in rows] == ["A", "B", ""]


def test_or_cases_follow_by_position(phase, entries):
    rows = comparison(phase, entries[:2], sort=BY_CASE).rows
    assert [row.case.name for row in rows] == ["case-1", "case-2", "case-3"]


def test_of_three_each_is_compared_with_the_first_and_the_best_are_named(phase, entries):
    found = {row.case.name: row for row in comparison(phase, entries).rows}
    assert found["case-1"].differences == pytest.approx((0.2, -0.8))
    assert found["case-1"].better == "B"
    assert found["case-3"].differences == pytest.approx((-1.0, 0.0))
    assert found["case-3"].better == "A and C"
    assert [pair.both for pair in comparison(phase, entries).pairs] == ["AB", "AC", "BC"]


def test_wins_ties_losses_and_the_mean(phase, entries):
    (pair,) = comparison(phase, entries[:2]).pairs
    assert (pair.wins, pair.ties, pair.losses) == (1, 1, 1)
    assert pair.mean == pytest.approx((0.2 + 0.0 - 1.0) / 3)
    assert (pair.cases, pair.patients) == (3, 3)
    assert pair.interval is not None
    assert -1.0 <= pair.interval.low < pair.mean < pair.interval.high <= 0.2


def test_lower_is_better_where_the_metric_says_so(phase, entries):
    found = {row.case.name: row for row in comparison(phase, entries[:2], "mtv_abs_error_ml").rows}
    assert found["case-1"].better == "B"
    assert found["case-1"].differences == pytest.approx((-1.28,))


def test_of_a_signed_error_the_sizes_are_compared(phase, entries):
    found = {row.case.name: row for row in comparison(phase, entries[::2], "mtv_error_ml").rows}
    assert [side.value for side in found["case-1"].sides] == pytest.approx([-1.28, -3.84])
    assert found["case-1"].differences == pytest.approx((2.56,))
    assert found["case-1"].better == "A"


def test_a_case_to_which_the_metric_does_not_apply_counts_in_nothing(phase, entries):
    for entry in entries[:2]:
        result = entry.runs.get(case__name="case-1").results.get()
        result.metrics["dice"]["lesion"]["value"] = None
        result.save()
    found = comparison(phase, entries[:2])
    assert found.rows[-1].case.name == "case-1"
    assert found.rows[-1].differences == (None,)
    assert not found.rows[-1].better
    assert (found.pairs[0].cases, found.pairs[0].mean) == (2, pytest.approx(-0.5))
    shown = words_of(page(phase, entries[:2]))
    assert "n/a" in shown
    assert "not compared" in shown


def test_patients_are_resampled_with_all_their_cases():
    """Each of two patients has one value, so a resample's mean is 0, ½ or 1."""
    difference = np.array([0.0, 0.0, 1.0, 1.0])
    found = mean_interval(difference, Draws(7, 1000, ("a", "a", "b", "b")))
    assert (found.low, found.high) == (0.0, 1.0)
    with pytest.raises(RankingRefused, match="two patients or more"):
        mean_interval(difference, Draws(7, 1000, ("a",) * 4))


def test_within_strata_each_is_drawn_as_often_as_it_is():
    """Of two strata with one patient each nothing varies."""
    difference = np.array([0.0, 1.0])
    found = mean_interval(difference, Draws(7, 100, ("a", "b"), ("x", "y")))
    assert (found.low, found.high) == (0.5, 0.5)
    with pytest.raises(RankingRefused, match="cases of several stratum"):
        mean_interval(np.zeros(3), Draws(7, 100, ("a", "a", "b"), ("x", "y", "x")))


def test_the_draws_are_as_many_and_within_the_strata_that_the_ranking_declares(db, tmp_path):
    ranking = {"metrics": ["dice"], "resamples": 500, "stratum": "centre"}
    metrics = ["dice", "mtv_abs_error_ml"]
    challenge = a_challenge(
        tmp_path, slug="strata", cases=2, evaluation={"metrics": metrics, "ranking": ranking}
    )
    phase = a_phase(challenge)
    made = [
        entered(phase, a_user("ada"), [HALF, HELD], title="Alpha"),
        entered(phase, a_user("bert"), [HELD, HELD], title="Beta"),
    ]
    found = comparison(phase, made)
    assert found.resamples == 500
    (pair,) = found.pairs
    assert pair.interval is not None
    assert (pair.interval.low, pair.interval.high) == pytest.approx((0.1, 0.1)), "a centre each"


def test_a_patient_with_more_cases_weighs_more():
    """b has one case of ten: where both are drawn once the mean is 0.1, not ½."""
    difference = np.array([0.0] * 9 + [1.0])
    found = mean_interval(difference, Draws(7, 1, ("a",) * 9 + ("b",)))
    assert found.low == found.high
    assert round(found.low, 12) in (0.0, 0.1, 1.0)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=12))
@settings(max_examples=25, deadline=None)
def test_the_interval_is_the_same_each_time_and_turns_with_the_sign(values):
    difference = np.array(values)
    draws = Draws(3, 200, tuple(str(n) for n in range(len(values))))
    found, again = (mean_interval(difference, draws) for _ in range(2))
    turned = mean_interval(-difference, draws)
    assert found == again
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=1e-12)
    assert min(values) - 1e-12 <= found.low <= found.high <= max(values) + 1e-12


def test_the_interval_is_that_of_the_plain_loop():
    random = np.random.default_rng(1)
    difference = random.normal(size=9)
    patients = ("a", "a", "b", "c", "d", "d", "d", "e", "f")
    names = list(dict.fromkeys(patients))
    drawn = np.random.default_rng(5).integers(6, size=(400, 6))
    means = []
    for row in drawn:
        pool = [difference[at] for pick in row for at in range(9) if patients[at] == names[pick]]
        means.append(np.mean(pool))
    found = mean_interval(difference, Draws(5, 400, patients))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))


def test_the_page_tells_it_in_words_and_leads_to_each_case(phase, entries):
    html = page(phase, entries[:2])
    shown = words_of(html)
    assert "A is better in 1 case, B in 1, equal in 1" in shown
    assert "failed: Ended with an error" in shown
    assert "▸ 1.000" in shown
    case = phase.dataset.cases.get(name="case-3").public_id
    asked = f"entries={entries[0].public_id},{entries[1].public_id}"
    links = re.findall(rf'href="([^"]*/cases/{case}/\?[^"]*)"', html)
    assert len(links) == 2, "from the table and from the plot"
    assert all(asked in link for link in links)
    assert Client().get(links[0].replace("&amp;", "&")).status_code == 200


def test_every_metric_of_a_case_can_be_chosen(phase, entries):
    for measure in measures_of(phase.editions.get()):
        shown = words_of(page(phase, entries, by=measure.key))
        assert measure.title in shown


def test_without_a_choice_the_page_asks_for_one(phase, entries):
    assert "Choose two or three entries, and press Compare" in words_of(page(phase, []))


@pytest.mark.parametrize(
    ("asked", "more", "told"),
    [
        (["zzz", "{0}"], {}, "No entry “zzz” stands on this leaderboard"),
        (["{0}"], {}, "One entry was chosen; choose two or three"),
        (["{0}", "{0}"], {}, "“Alpha, version 1” is named twice"),
        (["{0}", "{1}", "{2}", "{3}"], {}, "4 entries were asked for; choose 3 at most"),
        (["{0}", "{1}"], {"by": "dice_agg"}, "There is no column “dice_agg”"),
        (["{0}", "{1}"], {"sort": "x"}, "There is no order “x”; expected difference or case"),
    ],
)
def test_what_cannot_be_compared_is_answered_with_what_is_expected(
    phase, entries, asked, more, told
):
    fourth = entered(phase, a_user("dora"), [HELD] * 3, title="Delta")
    names = [one.public_id for one in (*entries, fourth)]
    assert told in words_of(page(phase, [one.format(*names) for one in asked], status=422, **more))


def test_what_could_be_used_of_a_refused_choice_stays_chosen(phase, entries):
    html = page(phase, [entries[1], "zzz", entries[1], entries[0]], status=422)
    assert re.findall(r'value="(\w+)" selected', html)[:2] == [
        entries[1].public_id, entries[0].public_id,
    ]  # fmt: skip


def test_with_one_entry_alone_there_is_nothing_to_compare(phase):
    entered(phase, a_user("ada"), [HELD] * 3)
    assert "One entry stands on the leaderboard; two are needed" in words_of(page(phase, []))


@pytest.mark.parametrize("cases", [2, 40])
def test_the_page_needs_as_many_queries_whatever_the_cases(db, tmp_path, cases):
    phase = a_phase(a_challenge(tmp_path, slug="many", cases=cases))
    made = [entered(phase, a_user(f"dev-{n}"), [HELD] * cases, title=f"E{n}") for n in range(3)]
    with CaptureQueriesContext(connection) as found:
        page(phase, made)
    assert len(found) == 9, [one["sql"][:120] for one in found]


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
@settings(deadline=None)
def test_ticks_are_round_and_enclose_what_is_shown(low, span):
    ticks = ticks_of(low, low + span)
    step = ticks[1] - ticks[0]
    slack = 1e-6 * max(abs(low), step)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= low + span - slack
    assert 2 <= len(ticks) <= 9


def a_plot(key: str, values: list[list[float]]):
    metric = REGISTRY[key]
    measure = Measure(key, metric, "lesion", metric.title, metric.short)
    cases = tuple(Case(pk=n, name=f"case-{n}") for n in range(len(values[0])))
    pair = PairSummary("A", "B", 0, 0, 0, len(cases), len(cases), None, None, "")
    sides = tuple((letter, Standing(Submission(), letter, "")) for letter in "AB")
    found = Comparison(measure, sides, cases, (), (pair,), np.array(values), 1000)
    return plots_of(found)[0]


def test_a_share_is_drawn_from_0_to_1_and_equal_values_on_the_diagonal():
    plot = a_plot("dice", [[0.0, 0.5, 1.0], [0.0, 0.5, 0.25]])
    left, right, top, bottom = LEFT, WIDE - RIGHT, TOP, HIGH - BOTTOM
    first, second, third = plot.points
    assert (first.x, first.y) == (left, bottom)
    assert (second.x, second.y) == ((left + right) / 2, (top + bottom) / 2)
    assert (third.x, third.y) == (right, bottom - (bottom - top) / 4)
    assert plot.better_above is True


def test_which_side_of_the_diagonal_is_better_follows_the_metric():
    assert a_plot("hd95", [[1.0, 20.0], [3.0, 4.0]]).better_above is False
    assert a_plot("mtv_error_ml", [[-1.0, 2.0], [3.0, 4.0]]).better_above is None


def test_a_case_without_a_value_has_no_point():
    assert [one.case.name for one in a_plot("dice", [[0.5, np.nan], [0.5, 0.2]]).points] == [
        "case-0"
    ]
