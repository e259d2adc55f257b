"""Stated probabilities and what was so: counts that add up, and what is told from them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.cohort import ScoredCase, over_cohort
from evaluation.counts import Counts
from evaluation.metrics import COHORT, CohortCase, CohortValue
from evaluation.metrics.calibration import pooled
from evaluation.reliability import BINS, STEPS, Reliability, to_steps
from evaluation.spec import EvaluationSpec
from tests.evaluation.grids import QUICK

ASKS = {"kind": "probability_map", "name": "pet-probability"}
SPEC = EvaluationSpec.model_validate(
    {"metrics": ["dice", "expected_calibration_error", "brier"], "confidence": ASKS}
)


def counted(*pairs: tuple[float, int]) -> Reliability:
    stated = np.array([p for p, _ in pairs], np.float64)
    return Reliability.of(to_steps(stated), np.array([r for _, r in pairs], bool))


def case(name: str, reliability: Reliability | None, patient: str = "") -> CohortCase:
    counts = Counts(1.0, 5, 5, 5, reliability=reliability)
    return CohortCase(name, counts, {"patient_id": patient}, 1000.0, 100)


def told(metric: str, *cases: CohortCase) -> CohortValue:
    return COHORT[metric].measure(cases)


stated = st.lists(
    st.tuples(st.integers(0, 10_000).map(lambda n: n / 10_000), st.integers(0, 1)), max_size=40
)


# By hand, and by others


def test_by_hand() -> None:
    """Bins 0.2, 0.8 and 0.9: gaps 0.4, 0.35 and 0.9 of 6."""
    found = counted((0.8, 1), (0.85, 1), (0.9, 0), (0.2, 1), (0.2, 0), (0.2, 0))
    assert found.expected_calibration_error == pytest.approx((0.4 + 0.35 + 0.9) / 6)
    assert found.brier == pytest.approx((0.04 + 0.0225 + 0.81 + 0.64 + 0.04 + 0.04) / 6)


def test_the_published_examples_of_scikit_learn() -> None:
    """Of the documentation of brier_score_loss, and of calibration_curve (whose three bins hold
    whole tenths here): prob_pred 0.2, 0.525, 0.85 and prob_true 0, 0.5, 1."""
    assert counted((0.1, 0), (0.9, 1), (0.8, 1), (0.3, 0)).brier == pytest.approx(0.0375)
    values = [0.1, 0.2, 0.3, 0.4, 0.65, 0.7, 0.8, 0.9, 1.0]
    found = counted(*zip(values, [0, 0, 0, 0, 1, 1, 1, 1, 1], strict=True))
    for tenths, prob_pred, prob_true in (
        (slice(0, 4), 0.2, 0.0),
        (slice(4, 7), 0.525, 0.5),
        (slice(7, 10), 0.85, 1.0),
    ):
        number = sum(found.number[tenths])
        assert sum(found.stated[tenths]) / STEPS / number == pytest.approx(prob_pred)
        assert sum(found.held[tenths]) / number == prob_true


def test_a_tenth_is_in_the_upper_bin_and_one_in_the_last() -> None:
    for tenth in range(BINS + 1):
        expected = min(tenth, BINS - 1)
        for kind in (np.float32, np.float64):
            steps = to_steps(np.array([tenth / 10], kind))
            assert Reliability.of(steps, np.array([True])).number[expected] == 1


# What has to hold


def test_perfect_calibration_is_0() -> None:
    pairs = [(p / 10, int(k < p)) for p in range(11) for k in range(10)]
    assert counted(*pairs).expected_calibration_error == 0.0


@QUICK
@given(st.lists(st.integers(0, 1), min_size=1, max_size=50))
def test_always_one_half_has_a_brier_score_of_a_quarter(so: list[int]) -> None:
    found = counted(*((0.5, r) for r in so))
    assert found.brier == 0.25
    assert found.expected_calibration_error == pytest.approx(abs(0.5 - sum(so) / len(so)))


@QUICK
@given(stated)
def test_both_are_what_their_definitions_give(pairs: list[tuple[float, int]]) -> None:
    found = counted(*pairs)
    if not pairs:
        assert (found.expected_calibration_error, found.brier) == (None, None)
        return
    p = np.array([one for one, _ in pairs])
    r = np.array([one for _, one in pairs])
    bins = np.minimum(np.floor(np.round(p * 10, 9)), BINS - 1)
    gaps = [abs(p[bins == at].sum() - r[bins == at].sum()) for at in range(BINS)]
    assert found.expected_calibration_error == pytest.approx(sum(gaps) / len(pairs), abs=1e-12)
    assert found.brier == pytest.approx(((p - r) ** 2).mean(), abs=1e-12)


@QUICK
@given(stated, st.randoms(use_true_random=False))
def test_the_order_changes_no_digit(pairs: list[tuple[float, int]], random: object) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert counted(*shuffled) == counted(*pairs)


@QUICK
@given(stated, stated)
def test_two_halves_are_the_whole(
    one: list[tuple[float, int]], other: list[tuple[float, int]]
) -> None:
    whole = counted(*one, *other)
    assert counted(*one) + counted(*other) == whole
    for metric in ("expected_calibration_error", "brier"):
        halves = told(metric, case("a", counted(*one)), case("b", counted(*other)))
        assert halves.value == told(metric, case("c", whole)).value


@QUICK
@given(st.integers(0, STEPS))
def test_a_step_stands_for_itself(step: int) -> None:
    for kind in (np.float32, np.float64):
        values: NDArray[np.floating] = np.array([step / STEPS], kind)
        assert to_steps(values)[0] == step


@QUICK
@given(st.floats(0, 1))
def test_a_step_is_at_most_half_of_one_away(value: float) -> None:
    assert abs(to_steps(np.array([value]))[0] / STEPS - value) <= 0.5 / STEPS + 1e-12


def test_counts_survive_json() -> None:
    counts = Counts(0.05, 5, 4, 3, reliability=counted((0.3, 1), (0.9, 0)))
    assert Counts.from_json(json.loads(json.dumps(counts.to_json()))) == counts


def test_counts_without_a_statement_are_kept_as_they_were_before_there_were_any() -> None:
    counts = Counts(0.05, 5, 4, 3)
    assert set(counts.to_json()) == {
        "voxel_ml", "reference", "prediction", "common",
        "reference_lesions", "true_lesions", "false_lesions",
    }  # fmt: skip
    assert Counts.from_json(counts.to_json()) == counts


def test_a_billion_voxels_are_counted_exactly() -> None:
    """The largest volume that is read, all of it surely wrong."""
    one = Reliability(
        (0,) * 9 + (10**9,), (0,) * 9 + (STEPS * 10**9,), (0,) * BINS, STEPS**2 * 10**9
    )
    assert (one.expected_calibration_error, one.brier) == (1.0, 1.0)
    assert STEPS**2 * 10**9 < 2**63


# Over the cohort


def test_large_cases_weigh_more_and_each_case_is_counted() -> None:
    cases = case("a", counted(*[(1.0, 1)] * 3)), case("b", counted((1.0, 0)))
    assert told("expected_calibration_error", *cases).value == 0.25
    assert told("brier", *cases).cases == 2


def test_a_case_without_a_statement_is_left_out_and_told() -> None:
    found = told("brier", case("a", counted((0.5, 1))), case("b", None), case("c", Reliability()))
    assert (found.value, found.cases) == (0.25, 1)
    assert found.note == "1 of 3 cases without a statement left out; 1 with nothing to judge"


def test_of_nothing_nothing_is_told() -> None:
    for metric in ("expected_calibration_error", "brier"):
        found = told(metric, case("a", None))
        assert (found.value, found.low, found.high, found.cases) == (None, None, None, 0)
        assert told(metric).value is None


def test_the_interval_is_of_patients_and_not_of_cases() -> None:
    """Two cases of one patient are drawn together: there is one patient to draw from."""
    good, bad = counted((1.0, 1)), counted((1.0, 0))
    one = told("brier", case("a", good, "p"), case("b", bad, "p"))
    assert (one.value, one.low, one.high) == (0.5, None, None)
    two = told("brier", case("a", good, "p"), case("b", bad, "q"))
    assert (two.value, two.low, two.high) == (0.5, 0.0, 1.0)


def test_the_interval_of_alike_patients_is_their_value() -> None:
    cases = [case(f"{n}", counted((0.7, 1), (0.7, 0)), f"{n}") for n in range(5)]
    for metric in ("expected_calibration_error", "brier"):
        found = told(metric, *cases)
        assert found.low == pytest.approx(found.value)
        assert found.high == pytest.approx(found.value)


def test_what_a_diagram_is_drawn_of_is_the_sum_of_all_cases() -> None:
    cases = [case("a", counted((0.1, 0))), case("b", None), case("c", counted((0.9, 1)))]
    assert pooled(cases) == counted((0.1, 0), (0.9, 1))


def test_neither_is_ever_ranked() -> None:
    assert [metric.id for metric in SPEC.every_ranked] == ["dice"]
    with pytest.raises(ValueError, match="signed or descriptive"):
        EvaluationSpec.model_validate(
            {**SPEC.model_dump(mode="json"), "ranking": {"metrics": ["brier"]}}
        )


def test_cases_come_to_the_metrics_by_the_specification() -> None:
    counts = Counts(1.0, 5, 5, 5, reliability=counted((0.5, 1)))
    found = over_cohort(SPEC, [ScoredCase("a", {"lesion": counts}, {})])
    assert found["brier"]["lesion"].value == 0.25
