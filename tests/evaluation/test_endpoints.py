"""C-index and AUC: by hand, against their definitions, and never better for failing."""

import math
import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from evaluation.endpoints import EndpointRefused, Interval, auc, concordance_index
from tests.evaluation.grids import QUICK

Risk = float | None

# Few values, so that ties in time and in risk are frequent.
answers = st.none() | st.integers(0, 4).map(float)
survival = st.lists(st.tuples(st.integers(0, 5), st.booleans(), answers), min_size=1, max_size=12)
yes_or_no = st.lists(st.tuples(st.booleans(), answers), min_size=1, max_size=12)


def c_index(times: Sequence[float], events: Sequence[bool], risks: Sequence[Risk]) -> float | None:
    return concordance_index(times, events, risks, higher_is_risk=True, resamples=0).value


def area(outcomes: Sequence[bool], risks: Sequence[Risk]) -> float | None:
    return auc(outcomes, risks, higher_is_risk=True, resamples=0).value


def bounds(found: Interval) -> tuple[float, float]:
    """Where there must be an interval."""
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def pair_by_pair(rows: Sequence[tuple[float, bool, Risk]]) -> float | None:
    """Harrell's definition, spelt out."""
    earned, comparable = 0.0, 0
    for number, first in enumerate(rows):
        for second in rows[number + 1 :]:
            (early_time, early_event, early), (late_time, late_event, late) = sorted(
                (first, second), key=lambda row: (row[0], not row[1])
            )
            if not early_event or (early_time == late_time and late_event):
                continue
            comparable += 1
            if early is not None and late is not None:
                earned += 1.0 if early > late else 0.5 if early == late else 0.0
    return earned / comparable if comparable else None


# C-index


@pytest.mark.parametrize(
    ("times", "events", "risks", "expected"),
    [
        ([1, 2], [1, 1], [2, 1], 1.0),
        ([1, 2], [1, 1], [1, 2], 0.0),
        ([1, 2], [1, 1], [1, 1], 0.5),
        # Censored first: what became of that one by the time of the other's event is not known.
        ([1, 2], [0, 1], [1, 2], None),
        # Two events at one time have no order.
        ([1, 1], [1, 1], [2, 1], None),
        # Who was censored at the time of an event outlived it.
        ([1, 1], [1, 0], [2, 1], 1.0),
        ([1, 1], [0, 1], [2, 1], 0.0),
        ([1, 1], [1, 0], [1, 1], 0.5),
        ([], [], [], None),
    ],
)
def test_two_patients(times, events, risks, expected) -> None:
    assert c_index(times, events, risks) == expected


@pytest.mark.parametrize(
    ("times", "events", "risks", "expected"),
    [
        (
            [5, 3, 3, 8, 8, 2, 10, 3],
            [1, 1, 0, 1, 0, 0, 1, 1],
            [0.5, 0.9, 0.4, 0.4, 0.5, 0.7, 0.1, 0.9],
            9 / 10,
        ),
        (
            [1, 2, 2, 2, 4, 4, 5, 6, 6, 7],
            [1, 1, 1, 0, 1, 0, 0, 1, 1, 0],
            [3, 3, 1, 2, 2, 2, 1, 0, 1, 1],
            23 / 30,
        ),
    ],
)
def test_tied_times_and_risks_as_lifelines_has_them(times, events, risks, expected) -> None:
    """Values of lifelines.utils.concordance_index 0.30.3, of the negated risks."""
    assert c_index(times, events, risks) == pytest.approx(expected)


@QUICK
@given(survival)
def test_the_c_index_is_what_counting_pairs_gives(rows) -> None:
    times, events, risks = zip(*rows, strict=True)
    assert c_index(times, events, risks) == pytest.approx(pair_by_pair(rows))


def test_a_missing_prediction_loses_its_pairs() -> None:
    assert c_index([1, 2, 3], [True] * 3, [3, 2, 1]) == 1.0
    assert c_index([1, 2, 3], [True] * 3, [None, 2, 1]) == pytest.approx(1 / 3)
    assert c_index([1, 2, 3], [True] * 3, [3, 2, None]) == pytest.approx(1 / 3)


def test_two_missing_predictions_lose_their_pair() -> None:
    assert c_index([1, 2], [True, True], [None, None]) == 0.0
    assert area([True, False], [None, None]) == 0.0


# AUC


def test_auc_by_hand() -> None:
    """Of two yes and three no: wins 3 + 1½ of 6 pairs."""
    assert area([True, True, False, False, False], [9, 5, 5, 1, 8]) == pytest.approx(4.5 / 6)


def test_a_missing_yes_ranks_lowest_and_a_missing_no_highest() -> None:
    assert area([True, True, False], [None, 5, 1]) == 0.5
    assert area([True, False, False], [5, None, 1]) == 0.5


def test_a_missing_prediction_is_worse_than_the_worst_answer_of_others() -> None:
    assert area([True, False, False], [None, 0, 0]) == 0.0
    assert area([True, False, False], [0, 0, 0]) == 0.5


@QUICK
@given(yes_or_no)
def test_auc_is_the_statistic_of_mann_and_whitney(rows) -> None:
    """A missing answer stands beyond all others, on the side that hurts."""
    outcomes = [outcome for outcome, _ in rows]
    assume(len(set(outcomes)) == 2)
    yes = [-1.0 if risk is None else risk for outcome, risk in rows if outcome]
    no = [99.0 if risk is None else risk for outcome, risk in rows if not outcome]
    expected = mannwhitneyu(yes, no).statistic / (len(yes) * len(no))
    assert area(outcomes, [risk for _, risk in rows]) == pytest.approx(expected)


@QUICK
@given(yes_or_no)
def test_auc_is_the_area_under_the_curve(rows) -> None:
    outcomes = np.array([outcome for outcome, _ in rows])
    assume(len(set(outcomes.tolist())) == 2)
    risks = np.array([0.0 if risk is None else risk for _, risk in rows])
    limits = [math.inf, *sorted(set(risks.tolist()), reverse=True)]
    sensitivity = [(risks[outcomes] >= limit).mean() for limit in limits]
    false_alarms = [(risks[~outcomes] >= limit).mean() for limit in limits]
    expected = np.trapezoid(sensitivity, false_alarms)
    assert area(outcomes.tolist(), risks.tolist()) == pytest.approx(expected)


@QUICK
@given(yes_or_no)
def test_auc_is_the_c_index_of_events_at_one_time(rows) -> None:
    """Who had the event had it at time 1, all others were followed to time 2."""
    outcomes, risks = [outcome for outcome, _ in rows], [risk for _, risk in rows]
    assert area(outcomes, risks) == c_index([2 - outcome for outcome in outcomes], outcomes, risks)


@pytest.mark.parametrize("outcomes", [[True, True], [False, False], []])
def test_auc_needs_both_outcomes(outcomes: list[bool]) -> None:
    risks = [float(number) for number in range(len(outcomes))]
    assert auc(outcomes, risks, higher_is_risk=True) == Interval(None)


# Both


@QUICK
@given(survival, st.data())
def test_replacing_an_answer_by_a_failure_never_helps(rows, data) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    times, events, risks = (list(column) for column in zip(*rows, strict=True))
    failed = [*risks[:at], None, *risks[at + 1 :]]
    for before, after in (
        (c_index(times, events, risks), c_index(times, events, failed)),
        (area(events, risks), area(events, failed)),
    ):
        if before is None or after is None:
            assert before is after
        else:
            assert after <= before


@QUICK
@given(survival)
def test_the_direction_of_risk_is_what_is_declared(rows) -> None:
    times, events, risks = zip(*rows, strict=True)
    negated = [None if risk is None else -risk for risk in risks]
    for measure in (
        lambda values, higher: concordance_index(
            times, events, values, higher_is_risk=higher, resamples=20
        ),
        lambda values, higher: auc(events, values, higher_is_risk=higher, resamples=20),
    ):
        assert measure(risks, True) == measure(negated, False)


@QUICK
@given(survival, st.data())
def test_only_the_order_of_risks_counts(rows, data) -> None:
    times, events, risks = zip(*rows, strict=True)
    stretched = [None if risk is None else math.exp(risk) - 7.0 for risk in risks]
    assert c_index(times, events, risks) == c_index(times, events, stretched)
    assert area(events, risks) == area(events, stretched)


# Intervals


def cohort(patients: int, seed: int = 0) -> tuple[list[float], list[bool], list[Risk]]:
    """Follow-up in months, with ties; one prediction in ten is missing."""
    random = np.random.default_rng(seed)
    times = np.ceil(random.exponential(20.0, patients))
    events = random.random(patients) < 0.6
    risks = random.normal(size=patients) - times / 20.0
    answered = random.random(patients) < 0.9
    given_risks = [float(r) if a else None for r, a in zip(risks, answered, strict=True)]
    return times.tolist(), events.tolist(), given_risks


def test_an_interval_holds_its_value_and_repeats_with_its_seed() -> None:
    times, events, risks = cohort(60)
    for measure in (
        lambda seed: concordance_index(times, events, risks, higher_is_risk=True, seed=seed),
        lambda seed: auc(events, risks, higher_is_risk=True, seed=seed),
    ):
        found = measure(1)
        low, high = bounds(found)
        assert found.value is not None
        assert 0.0 <= low < found.value < high <= 1.0
        assert (found.resamples, found.redrawn) == (1000, 0)
        assert measure(1) == found
        assert measure(2) != found
        assert measure(2).value == found.value


def test_an_interval_is_that_of_patients_drawn_and_counted_one_by_one() -> None:
    """A patient drawn k times stands k times in the cohort, with all rows."""
    times, events, risks = cohort(30, seed=3)
    patients = [f"patient {row % 22}" for row in range(30)]
    found = concordance_index(
        times, events, risks, higher_is_risk=True, patients=patients, resamples=50, seed=5
    )
    rows_of = {name: [row for row in range(30) if patients[row] == name] for name in patients}
    values = []
    drawn = np.random.default_rng(5).multinomial(22, [1 / 22] * 22, size=50)
    for counts in drawn.tolist():
        rows = [
            (times[row], events[row], risks[row])
            for name, count in zip(rows_of, counts, strict=True)
            for _ in range(count)
            for row in rows_of[name]
        ]
        value = pair_by_pair(rows)
        assert value is not None
        values.append(value)
    assert found.redrawn == 0
    assert bounds(found) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))


def test_rows_of_one_patient_are_drawn_together_and_widen_the_interval() -> None:
    times, events, risks = cohort(25)
    alone = concordance_index(times, events, risks, higher_is_risk=True)
    four_rows = (times * 4, events * 4, risks * 4)
    told = concordance_index(*four_rows, higher_is_risk=True, patients=list(range(25)) * 4)
    untold = concordance_index(*four_rows, higher_is_risk=True)
    assert bounds(told) == bounds(alone)
    assert np.ptp(bounds(untold)) < 0.7 * np.ptp(bounds(told))


def test_resamples_without_a_comparable_pair_are_drawn_again_and_counted() -> None:
    """Of two patients, half of all resamples hold one of them twice."""
    found = concordance_index([1, 2], [True, False], [2.0, 1.0], higher_is_risk=True)
    assert (found.value, found.low, found.high, found.resamples) == (1.0, 1.0, 1.0, 1000)
    assert found.redrawn == pytest.approx(1000, rel=0.2)


def test_the_rarest_comparable_pair_still_ends() -> None:
    """One event just before the end of the last of 300 patients' follow-up."""
    times = [*range(300), 299.5, 300]
    events = [False] * 300 + [True, False]
    risks: list[Risk] = [1.0] * 302
    found = concordance_index(times, events, risks, higher_is_risk=True)
    assert (found.value, found.resamples) == (0.5, 1000)
    assert found.redrawn == pytest.approx(1500, rel=0.2)


def test_resamples_of_auc_hold_as_many_of_each_outcome_and_are_never_drawn_again() -> None:
    """A single yes among twenty would be missing from a third of plain resamples."""
    outcomes = [True] + [False] * 19
    found = auc(outcomes, [10.5, *range(19)], higher_is_risk=True)
    assert (found.resamples, found.redrawn) == (1000, 0)
    mixed = auc([True, False, False], [1, 2, 0], higher_is_risk=True, patients=["a", "a", "b"])
    assert (mixed.resamples, mixed.redrawn) == (1000, 0)


def test_the_interval_of_auc_is_about_that_of_hanley_and_mcneil() -> None:
    random = np.random.default_rng(4)
    outcomes = [True] * 80 + [False] * 120
    risks = random.normal([1.0] * 80 + [0.0] * 120).tolist()
    found = auc(outcomes, risks, higher_is_risk=True)
    assert found.value is not None
    a = found.value
    q1, q2 = a / (2 - a), 2 * a**2 / (1 + a)
    error = math.sqrt((a * (1 - a) + 79 * (q1 - a**2) + 119 * (q2 - a**2)) / (80 * 120))
    assert (found.low, found.high) == pytest.approx((a - 1.96 * error, a + 1.96 * error), abs=0.02)


def test_no_resamples_no_interval() -> None:
    found = auc([True, False], [1.0, 0.0], higher_is_risk=True, resamples=0)
    assert found == Interval(1.0)


@QUICK
@given(survival, st.integers(0, 2))
def test_nothing_is_infinite_and_every_interval_is_full_or_absent(rows, names) -> None:
    times, events, risks = zip(*rows, strict=True)
    patients = [row % (names + 1) for row in range(len(rows))] if names else None
    for found in (
        concordance_index(
            times, events, risks, higher_is_risk=True, patients=patients, resamples=30
        ),
        auc(events, risks, higher_is_risk=True, patients=patients, resamples=30),
    ):
        if found.value is None:
            assert found == Interval(None)
        else:
            assert found.resamples == 30
            low, high = bounds(found)
            assert 0.0 <= low <= high <= 1.0


def test_200_patients_and_1000_resamples_take_a_moment() -> None:
    times, events, risks = cohort(200)
    start = time.perf_counter()
    concordance_index(times, events, risks, higher_is_risk=True)
    auc(events, risks, higher_is_risk=True)
    assert time.perf_counter() - start < 2.0


# What is refused


@pytest.mark.parametrize(
    ("times", "events", "risks", "code"),
    [
        ([1.0], [True, False], [1.0, 2.0], "different_lengths"),
        ([1.0, 2.0], [True, False], [1.0], "different_lengths"),
        ([1.0, math.nan], [True, False], [1.0, 2.0], "not_a_number"),
        ([1.0, -2.0], [True, False], [1.0, 2.0], "not_a_number"),
        ([1.0, 2.0], [True, False], [1.0, math.nan], "not_a_number"),
        ([1.0, 2.0], [True, False], [1.0, -math.inf], "not_a_number"),
    ],
)
def test_what_cannot_be_compared_is_refused(times, events, risks, code) -> None:
    with pytest.raises(EndpointRefused) as refused:
        concordance_index(times, events, risks, higher_is_risk=True)
    assert refused.value.code == code


def test_one_name_per_row_is_needed() -> None:
    with pytest.raises(EndpointRefused) as refused:
        auc([True, False], [1.0, 0.0], higher_is_risk=True, patients=["a"])
    assert refused.value.code == "different_lengths"
