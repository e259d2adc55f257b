"""One-sided paired Wilcoxon tests of every pair, with Holm's adjustment."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from evaluation.ranking.wilcoxon import holm, one_sided_p
from tests.evaluation.score_tables import oracle


def test_by_hand() -> None:
    """Differences 1, 2, −3: ranks of the positive ones sum to 3 of 6; mean 3, variance 3.5."""
    p = one_sided_p(np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 3.0]]))[0]
    assert p[0, 1] == pytest.approx(stats.norm.sf((3 - 3 - 0.5) / 3.5**0.5))
    assert p[1, 0] == pytest.approx(p[0, 1])
    assert np.isnan(np.diag(p)).all()


def test_equal_differences_share_their_rank() -> None:
    """Differences 1, 1, −1: all of rank 2; variance 3.5 − (27 − 3) / 48."""
    p = one_sided_p(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))[0]
    assert p[0, 1] == pytest.approx(stats.norm.sf((4 - 3 - 0.5) / 3.0**0.5))
    assert p[1, 0] == pytest.approx(stats.norm.sf((2 - 3 - 0.5) / 3.0**0.5))


def test_without_any_difference_p_is_1() -> None:
    p = one_sided_p(np.array([[0.5, 0.6], [0.5, 0.6], [np.nan, 0.6]]))[0]
    assert p[~np.eye(3, dtype=bool)].tolist() == [1.0] * 6


eighths = st.integers(0, 8).map(lambda number: number / 8)
values = st.tuples(st.integers(2, 5), st.integers(1, 12)).flatmap(
    lambda shape: arrays.arrays(np.float64, shape, elements=eighths | st.just(np.nan))
)


@settings(max_examples=100, deadline=None)
@given(values)
def test_it_is_scipys(scores: np.ndarray) -> None:
    p = one_sided_p(scores)[0]
    for i, j in np.argwhere(~np.eye(len(scores), dtype=bool)):
        differences = scores[i] - scores[j]
        differences = differences[~np.isnan(differences) & (differences != 0)]
        if not differences.size:
            assert p[i, j] == 1.0
            continue
        expected = stats.wilcoxon(
            differences, zero_method="wilcox", correction=True,
            alternative="greater", method="approx",
        ).pvalue  # fmt: skip
        assert p[i, j] == pytest.approx(expected, rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(values, st.data())
def test_counting_patients_is_writing_them_out(scores: np.ndarray, data: st.DataObject) -> None:
    patients = scores.shape[1]
    drawn = data.draw(st.lists(st.integers(0, patients - 1), min_size=1, max_size=15))
    counts = np.array([np.bincount(drawn, minlength=patients), np.ones(patients)], dtype=float)
    found = one_sided_p(scores, counts)
    np.testing.assert_allclose(found[0], one_sided_p(scores[:, drawn])[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], one_sided_p(scores)[0], rtol=1e-12)


def test_many_pairs_at_once_are_as_each_alone() -> None:
    """More pairs and resamples than are computed at a time; of some, differences are equal."""
    scores = np.random.default_rng(3).normal(size=(12, 400)).round(2)
    counts = np.random.default_rng(4).integers(0, 3, size=(130, 400)).astype(float)
    found = one_sided_p(scores, counts)
    for i, j in [(0, 1), (5, 11), (11, 10)]:
        alone = one_sided_p(scores[[i, j]], counts)
        np.testing.assert_array_equal(found[:, i, j], alone[:, 0, 1])


def test_holm_by_hand() -> None:
    """Six pairs: the k-th smallest p times 7 − k, never smaller than the one before, at most 1."""
    p = np.array([[np.nan, 0.001, 0.02], [0.9, np.nan, 0.011], [0.3, 0.9, np.nan]])
    adjusted = holm(p[None])[0]
    expected = [[0.006, 0.08], [1.0, 0.055], [0.9, 1.0]]
    assert adjusted[~np.eye(3, dtype=bool)].reshape(3, 2) == pytest.approx(np.array(expected))


@settings(max_examples=50, deadline=None)
@given(arrays.arrays(np.float64, (3, 3), elements=st.floats(0, 1)))
def test_holm_rejects_as_going_down_the_list_does(p: np.ndarray) -> None:
    off = ~np.eye(3, dtype=bool)
    rejected = 0
    for left, one in zip(range(6, 0, -1), sorted(p[off]), strict=True):
        assume(abs(one * left - 0.05) > 1e-12)
        if one * left > 0.05:
            break
        rejected += 1
    assert (holm(p[None])[0][off] <= 0.05).sum() == rejected


@pytest.mark.data
@pytest.mark.parametrize(
    ("missing", "field"), [(0.0, "p_imputed0"), (np.nan, "p_pairwise_complete")]
)
def test_an_independent_toolkit_finds_the_same(
    data_folder: Path, missing: float, field: str
) -> None:
    scores = np.array(oracle(data_folder)["values"], dtype=np.float64).T
    found = one_sided_p(np.where(np.isnan(scores), missing, scores))[0]
    expected = np.array(oracle(data_folder)[field], dtype=np.float64)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)
