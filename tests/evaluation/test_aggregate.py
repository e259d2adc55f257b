"""From cases to a cohort: how many values a number stands on, and which."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.aggregate import Summary, summarise
from tests.evaluation.grids import QUICK


def test_cases_to_which_a_metric_does_not_apply_are_left_out_and_not_counted() -> None:
    assert summarise([1.0, None, 0.0, None]).count == 2
    assert summarise([1.0, None, 0.0, None]).mean == 0.5


def test_nothing_to_summarise_is_null_and_not_zero() -> None:
    assert summarise([]) == summarise([None]) == Summary(0)
    assert summarise([]).mean is None


def test_one_value_has_no_deviation() -> None:
    assert summarise([3.0]) == Summary(1, 3.0, None, 3.0, 3.0, 3.0)


def test_quartiles_are_of_type_7_and_the_deviation_is_the_samples() -> None:
    found = summarise([4.0, 1.0, 3.0, 2.0])
    assert found.deviation == pytest.approx((5 / 3) ** 0.5)
    assert replace(found, deviation=None) == Summary(4, 2.5, None, 2.5, 1.75, 3.25)


@QUICK
@given(st.lists(st.none() | st.floats(0, 1000), max_size=30))
def test_summaries_are_ordered_and_within_the_values(values: list[float | None]) -> None:
    summary = summarise(values)
    numbers = [value for value in values if value is not None]
    assert summary.count == len(numbers)
    if numbers:
        assert summary.lower_quartile is not None
        assert summary.median is not None
        assert summary.upper_quartile is not None
        assert min(numbers) <= summary.lower_quartile <= summary.median
        assert summary.median <= summary.upper_quartile <= max(numbers)
