"""Cases are split by patient, evenly, and the same for a seed."""

import random
import time
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from challenges.splitting import CaseRow, SplitRefused, split_cases, summarise_splits

SHARES = st.sampled_from([
    {"training": 0.7, "test": 0.3},
    {"training": 0.5, "sanity": 0.2, "test": 0.3},
    {"one": 0.25, "two": 0.25, "three": 0.5},
])  # fmt: skip


@st.composite
def cohorts(draw: st.DrawFn, most_cases_a_patient: int = 3) -> list[CaseRow]:
    rows = []
    for patient in range(draw(st.integers(8, 24))):
        centre = draw(st.sampled_from(["A", "B", "C"]))
        sex = draw(st.sampled_from(["F", "M", ""]))
        for visit in range(draw(st.integers(1, most_cases_a_patient))):
            rows.append(
                CaseRow(f"case-{patient}-{visit}", f"p{patient}", {"centre": centre, "sex": sex})
            )
    return rows


def cohort(*centres: str) -> list[CaseRow]:
    return [CaseRow(f"c{n:03}", f"p{n:03}", {"centre": c}) for n, c in enumerate(centres)]


@settings(max_examples=60, deadline=None)
@given(cohorts(), SHARES, st.integers(0, 2**32))
def test_every_case_has_one_split_and_a_patient_never_two(rows, shares, seed) -> None:
    splits = split_cases(rows, shares, ["centre", "sex"], seed)
    assert set(splits) == {row.name for row in rows}
    assert set(splits.values()) == set(shares)
    of_patient = defaultdict(set)
    for row in rows:
        of_patient[row.patient].add(splits[row.name])
    assert all(len(ones) == 1 for ones in of_patient.values())


@settings(max_examples=60, deadline=None)
@given(cohorts(), SHARES, st.integers(0, 2**32), st.randoms())
def test_the_order_of_rows_and_shares_changes_nothing(rows, shares, seed, shuffle) -> None:
    mixed = list(rows)
    shuffle.shuffle(mixed)
    turned = dict(reversed(shares.items()))
    assert split_cases(mixed, turned, ["centre"], seed) == split_cases(
        rows, shares, ["centre"], seed
    )


@settings(max_examples=60, deadline=None)
@given(cohorts(most_cases_a_patient=1), SHARES, st.integers(0, 2**32))
def test_with_one_case_a_patient_sizes_are_the_shares_to_less_than_a_case(
    rows, shares, seed
) -> None:
    found = Counter(split_cases(rows, shares, ["centre", "sex"], seed).values())
    for split, share in shares.items():
        assert abs(found[split] - share * len(rows)) < 1


@settings(max_examples=60, deadline=None)
@given(cohorts(most_cases_a_patient=1), SHARES, st.integers(0, 2**32))
def test_one_column_is_as_even_as_whole_patients_allow(rows, shares, seed) -> None:
    splits = split_cases(rows, shares, ["centre"], seed)
    whole = Counter(row.metadata["centre"] for row in rows)
    found = Counter((splits[row.name], row.metadata["centre"]) for row in rows)
    for split, share in shares.items():
        for centre, count in whole.items():
            assert abs(found[split, centre] - share * count) < 1.5


def test_each_value_of_a_rare_column_goes_where_it_is_most_missing() -> None:
    splits = split_cases(cohort(*"A" * 18, "B", "B"), {"x": 0.5, "y": 0.5}, ["centre"], 1)
    assert {splits["c018"], splits["c019"]} == {"x", "y"}


def test_seeds_differ() -> None:
    rows = cohort(*"AB" * 20)
    assert (
        len({tuple(split_cases(rows, {"x": 0.5, "y": 0.5}, [], seed).items()) for seed in range(5)})
        > 1
    )


def test_many_different_numbers_are_taken_in_thirds() -> None:
    rows = [CaseRow(f"c{n:02}", f"p{n}", {"age": str(20 + n)}) for n in range(30)]
    shares = {"x": 0.5, "y": 0.5}
    table = summarise_splits(rows, split_cases(rows, shares, ["age"], 3), shares, ["age"])
    assert table.splits[0].counts["age"] == {
        "below 30": 5, "30 to below 40": 5, "40 and more": 5,
    }  # fmt: skip


def test_the_summary_counts_cases_patients_and_values() -> None:
    rows = [
        CaseRow("a", "p", {"sex": "F"}), CaseRow("b", "p", {"sex": "F"}), CaseRow("c", "q", {"sex": "M"}),
    ]  # fmt: skip
    summary = summarise_splits(rows, {"a": "x", "b": "x", "c": "y"}, {"x": 0.6, "y": 0.4}, ["sex"])
    x, y = summary.splits
    assert (x.cases, x.patients, x.counts) == (2, 1, {"sex": {"F": 2, "M": 0}})
    assert (y.cases, y.patients, y.counts) == (1, 1, {"sex": {"F": 0, "M": 1}})
    assert summary.largest is not None
    assert summary.largest.difference == pytest.approx(2 / 3)
    assert summary.largest.sentence().startswith("The largest imbalance: sex is ")


@pytest.mark.parametrize(
    ("shares", "columns", "text"),
    [
        ({"x": 0.5, "y": 0.6}, [], "the shares add up to 1.1; 1 is expected."),
        ({"x": 1.2, "y": -0.2}, [], "the share of x, y is expected above 0 and at most 1."),
        ({"x": 0.5, "y": 0.5}, ["centr"], "no case has a column “centr”; centre are there."),
        ({"x": 0.99, "y": 0.01}, [], "y would get no case of 4 (4 patients); give a larger share, or more cases."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_what_to_change(shares, columns, text) -> None:
    with pytest.raises(SplitRefused) as error:
        split_cases(cohort(*"ABAB"), shares, columns, 0)
    assert str(error.value) == text


def test_a_thousand_cases_take_seconds() -> None:
    rng = random.Random(0)
    rows = [
        CaseRow(f"c{n}", f"p{n // 2}", {"a": rng.choice("ABCDE"), "b": rng.choice("XYZ"), "c": str(rng.random())})
        for n in range(1000)
    ]  # fmt: skip
    start = time.perf_counter()
    split_cases(rows, {"x": 0.7, "y": 0.3}, ["a", "b", "c"], 0)
    assert time.perf_counter() - start < 10
