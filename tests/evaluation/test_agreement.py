"""Agreement of volumes over a cohort: Bland and Altman's limits, Lin's coefficient."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.agreement import Limits, VolumesRefused, bland_altman, lin_concordance
from tests.evaluation.grids import QUICK

# Peak expiratory flow of 17 people by two meters: Bland & Altman, Lancet 1986, table 1.
LARGE_METER = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI_METER = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]

volumes = st.one_of(st.just(0.0), st.floats(0.0, 1e30), st.floats(0.5, 3000.0))
cohorts = st.lists(st.tuples(volumes, st.none() | volumes), max_size=12)


def approx(limits: Limits) -> tuple[float, float, float]:
    assert limits.bias is not None
    assert limits.low is not None
    assert limits.high is not None
    return limits.bias, limits.low, limits.high


# Bland and Altman


def test_the_limits_of_the_paper_that_introduced_them() -> None:
    """Mean difference −2.1 and standard deviation 38.8 litres a minute."""
    found = bland_altman(MINI_METER, LARGE_METER).difference_ml
    assert found.n == 17
    assert approx(found) == pytest.approx((-2.1, -2.1 - 1.96 * 38.8, -2.1 + 1.96 * 38.8), abs=0.1)


def test_differences_of_one_two_and_three_ml() -> None:
    found = bland_altman([10.0, 20.0, 30.0], [11.0, 22.0, 33.0])
    assert approx(found.difference_ml) == pytest.approx((2.0, 0.04, 3.96))
    assert approx(found.log_ratio) == pytest.approx((math.log(1.1),) * 3)


def test_half_and_double_are_no_bias_as_ratios() -> None:
    found = bland_altman([10.0, 10.0], [5.0, 20.0])
    reach = 1.96 * math.sqrt(2.0) * math.log(2.0)
    assert approx(found.log_ratio) == pytest.approx((0.0, -reach, reach))
    assert found.difference_ml.bias == pytest.approx(2.5)


def test_a_larger_prediction_is_a_positive_bias() -> None:
    found = bland_altman([10.0, 20.0], [12.0, 26.0])
    assert approx(found.difference_ml)[0] == 4.0
    assert approx(found.log_ratio)[0] > 0.0


def test_failures_are_listed_and_not_compared() -> None:
    found = bland_altman([10.0, 20.0, 0.5, 30.0], [11.0, None, None, 33.0])
    assert found.failures == (1, 2)
    assert found.compared == (0, 3)
    assert found.difference_ml.n == 2


def test_less_than_one_ml_of_reference_is_not_compared() -> None:
    found = bland_altman([0.0, 0.999, 1.0, 2.0], [5.0, 5.0, 1.0, 2.0])
    assert found.small == (0, 1)
    assert found.compared == (2, 3)
    assert approx(found.difference_ml) == (0.0, 0.0, 0.0)


def test_an_empty_prediction_counts_in_ml_and_is_named_where_it_has_no_logarithm() -> None:
    found = bland_altman([10.0, 20.0, 30.0, 40.0], [0.0, 20.0, 30.0, None])
    assert found.zero_predictions == (0,)
    assert found.difference_ml.n == 3
    assert found.log_ratio == Limits(2, 0.0, 0.0, 0.0)
    assert found.difference_ml.bias == pytest.approx(-10.0 / 3.0)


def test_fewer_than_two_cases_have_no_limits() -> None:
    found = bland_altman([10.0, 20.0], [11.0, None])
    assert found.difference_ml == Limits(1)
    assert found.log_ratio == Limits(1)
    assert bland_altman([], []).difference_ml == Limits(0)
    assert bland_altman([10.0, 20.0], [0.0, 0.0]).log_ratio == Limits(0)


@QUICK
@given(cohorts)
def test_every_case_is_compared_or_failed_or_small(
    cases: list[tuple[float, float | None]],
) -> None:
    found = bland_altman([r for r, _ in cases], [p for _, p in cases])
    listed = found.compared + found.failures + found.small
    assert sorted(listed) == list(range(len(cases)))
    assert set(found.zero_predictions) <= set(found.compared)
    assert found.difference_ml.n == len(found.compared)
    assert found.log_ratio.n == len(found.compared) - len(found.zero_predictions)


@QUICK
@given(cohorts)
def test_no_result_is_infinite(cases: list[tuple[float, float | None]]) -> None:
    reference, prediction = [r for r, _ in cases], [p for _, p in cases]
    found = bland_altman(reference, prediction)
    for limits in (found.difference_ml, found.log_ratio):
        if limits.n < 2:
            assert limits == Limits(limits.n)
        else:
            assert np.isfinite(approx(limits)).all()
            assert approx(limits)[1] <= approx(limits)[0] <= approx(limits)[2]
    lin = lin_concordance(reference, prediction)
    assert lin is None or -1.0 <= lin <= 1.0


# Lin


def test_lins_coefficient_of_three_volumes_one_ml_apart() -> None:
    """Variances 2/3 each, covariance 2/3, means 1 apart: (4/3) / (4/3 + 1). With 1/(n−1): 2/3."""
    assert lin_concordance([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]) == pytest.approx(4 / 7)


def test_lins_coefficient_of_equal_volumes_is_one_and_of_opposite_ones_minus_one() -> None:
    assert lin_concordance([1.0, 2.0, 5.0], [1.0, 2.0, 5.0]) == pytest.approx(1.0)
    assert lin_concordance([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) == pytest.approx(-1.0)


def test_lins_coefficient_stands_on_the_cases_that_bland_and_altman_compare() -> None:
    some = lin_concordance([1.0, 2.0, 0.5, 3.0, 4.0], [2.0, 3.0, 90.0, None, 0.0])
    assert some == lin_concordance([1.0, 2.0, 4.0], [2.0, 3.0, 0.0])


def test_lins_coefficient_is_not_defined_where_nothing_varies_or_differs() -> None:
    assert lin_concordance([], []) is None
    assert lin_concordance([5.0], [5.0]) is None
    assert lin_concordance([5.0, 6.0], [5.0, None]) is None
    assert lin_concordance([3.3, 3.3, 3.3], [3.3, 3.3, 3.3]) is None


def test_a_volume_that_never_varies_agrees_with_nothing() -> None:
    assert lin_concordance([3.3, 3.3, 3.3], [1.1, 1.1, 1.1]) == 0.0
    assert lin_concordance([1.0, 2.0, 6.0], [3.3, 3.3, 3.3]) == 0.0
    assert lin_concordance([3.3, 3.3, 3.3], [1.0, 2.0, 6.0]) == 0.0


@QUICK
@given(
    st.lists(
        st.tuples(st.integers(10, 3000), st.integers(0, 3000)), min_size=2, max_size=30
    ).filter(lambda cases: len({r for r, _ in cases}) > 1 and len({p for _, p in cases}) > 1)
)
def test_lins_coefficient_is_pearsons_times_the_bias_correction(
    cases: list[tuple[int, int]],
) -> None:
    reference, prediction = np.array(cases, float).T / 10.0
    pearson = np.corrcoef(reference, prediction)[0, 1]
    scale = prediction.std() / reference.std()
    shift = (reference.mean() - prediction.mean()) / math.sqrt(reference.std() * prediction.std())
    found = lin_concordance(reference.tolist(), prediction.tolist())
    assert found == pytest.approx(pearson * 2.0 / (scale + 1.0 / scale + shift**2), abs=1e-9)
    assert found == pytest.approx(
        lin_concordance((3 * reference).tolist(), (3 * prediction).tolist())
    )


# What is refused


@pytest.mark.parametrize("measure", [bland_altman, lin_concordance])
@pytest.mark.parametrize(
    ("reference", "prediction", "code"),
    [
        ([1.0, 2.0], [1.0], "different_lengths"),
        ([1.0, -2.0], [1.0, 2.0], "not_a_volume"),
        ([1.0, 2.0], [1.0, math.nan], "not_a_volume"),
        ([1.0, math.inf], [1.0, 2.0], "not_a_volume"),
    ],
)
def test_what_is_no_volume_is_refused(measure, reference, prediction, code) -> None:
    with pytest.raises(VolumesRefused) as refused:
        measure(reference, prediction)
    assert refused.value.code == code
