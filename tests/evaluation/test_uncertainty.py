"""How sure ranks are: resamples of patients, rank sets, tiers, and rankings made otherwise."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from evaluation.errors import RankingRefused
from evaluation.metrics import Direction
from evaluation.ranking import (
    Adjustment,
    CohortColumn,
    Column,
    Recipe,
    Scheme,
    ScoreTable,
    rank_table,
)
from evaluation.uncertainty import (
    SCHEMES,
    SignificanceMap,
    bootstrap,
    draw_patients,
    five_schemes,
    from_indices,
    kendall_tau,
    leaving_one_out,
    order_against_tests,
    seed_of,
    significance_map,
    tiers,
    with_other_targets,
)
from tests.evaluation.score_tables import DICE, HIGHER, VOLUME, oracle, oracle_table, table

RANDOM = np.random.default_rng(7)
MANY = table(
    np.clip(RANDOM.normal([[0.7], [0.68], [0.5]], 0.1, size=(3, 30)), 0, 1),
    patients=[f"patient-{number // 2}" for number in range(30)],
    groups={"centre": ["north"] * 20 + ["south"] * 10},
)
BY_RECIPE = [Recipe(scheme=scheme) for scheme in Scheme]


class TestResamples:
    def test_a_seed_is_of_the_challenge_and_its_version(self) -> None:
        assert seed_of("autopet", "1") == seed_of("autopet", "1")
        assert len({seed_of("autopet", "1"), seed_of("autopet", "2"), seed_of("autope", "t1")}) == 3

    def test_the_same_seed_draws_the_same(self) -> None:
        one, same, other = (draw_patients(MANY, seed, number=50) for seed in (1, 1, 2))
        assert (one == same).all()
        assert (one != other).any()

    def test_as_many_patients_are_drawn_as_there_are(self) -> None:
        counts = draw_patients(MANY, 1)
        assert counts.shape == (1000, 15)
        assert (counts.sum(axis=1) == 15).all()
        assert counts.mean(axis=0) == pytest.approx(np.ones(15), abs=0.15)

    def test_each_stratum_keeps_its_number(self) -> None:
        counts = draw_patients(MANY, 1, number=50, stratum="centre")
        assert (counts[:, :10].sum(axis=1) == 10).all()
        assert (counts[:, 10:].sum(axis=1) == 5).all()

    def test_a_stratum_is_the_same_for_all_cases_of_a_patient(self) -> None:
        scores = table([[0.1, 0.2]], patients=["p", "p"], groups={"tracer": ["fdg", "psma"]})
        with pytest.raises(RankingRefused, match=r"Of 1 of 1 patients .* several tracer"):
            draw_patients(scores, 1, stratum="tracer")

    def test_a_patient_is_drawn_with_all_cases_and_as_often_as_drawn(self) -> None:
        scores = table([[0.1, 0.2, 0.9]], patients=["p", "p", "q"])
        found = bootstrap(scores, Recipe(), from_indices(scores, [[0, 1], [0, 0], [1, 1]]))
        assert found.aggregates[:, 0, 0] == pytest.approx([0.4, 0.15, 0.9])

    @pytest.mark.parametrize(
        ("indices", "words"), [([[0, 15]], "do not exist"), ([[0], []], "no patient"), ([], "no")]
    )
    def test_indices_that_draw_nobody_are_refused(
        self, indices: list[list[int]], words: str
    ) -> None:
        with pytest.raises(RankingRefused, match=words):
            from_indices(MANY, indices)

    def test_counts_of_another_table_are_refused(self) -> None:
        with pytest.raises(RankingRefused, match=r"\(resamples, 15\)"):
            bootstrap(MANY, Recipe(), np.ones((2, 30)))


class TestBootstrap:
    def test_shares_ranges_and_quantiles_by_hand(self) -> None:
        """Four resamples: a is first in three."""
        scores = table([[1.0, 0.0], [0.5, 0.4]])
        found = bootstrap(scores, Recipe(), from_indices(scores, [[0], [0], [0], [1]]))
        assert found.ranks.tolist() == [[1, 2], [1, 2], [1, 2], [2, 1]]
        assert found.rank_shares().tolist() == [[0.75, 0.25], [0.25, 0.75]]
        assert found.rank_quantiles([0.5, 0.9]) == pytest.approx(np.array([[1, 2], [1.7, 2]]))
        assert found.rank_ranges().tolist() == [[1, 2], [1, 2]]
        assert found.taus.tolist() == [1.0, 1.0, 1.0, -1.0]
        assert found.aggregate_intervals(0.5)[0, 0] == pytest.approx([0.75, 1.0])

    def test_a_range_is_of_whole_ranks(self) -> None:
        scores = table([[1.0, 0.0], [0.5, 0.4]])
        found = bootstrap(scores, Recipe(), from_indices(scores, [[0]] * 99 + [[1]]))
        assert found.rank_ranges().tolist() == [[1, 1], [2, 2]]

    def test_an_aggregate_that_no_case_makes_is_left_out_of_its_interval(self) -> None:
        scores = table([[0.5, None], [0.4, None]])
        found = bootstrap(scores, Recipe(), from_indices(scores, [[0], [1]]))
        assert found.aggregate_intervals()[:, 0] == pytest.approx(np.array([[0.5] * 2, [0.4] * 2]))
        assert found.ranks[1].tolist() == [1, 1]
        assert np.isnan(found.taus[1])

    @pytest.mark.parametrize("recipe", BY_RECIPE, ids=lambda recipe: recipe.scheme)
    def test_drawing_each_once_gives_the_full_ranking(self, recipe: Recipe) -> None:
        order = RANDOM.permutation(15).tolist()
        found = bootstrap(MANY, recipe, from_indices(MANY, [range(15), order]))
        full = rank_table(MANY, recipe)
        assert found.ranks.tolist() == [full.ranks.tolist()] * 2
        assert found.full.ranks.tolist() == full.ranks.tolist()
        assert found.aggregates[1] == pytest.approx(full.aggregates, rel=1e-14)

    def test_only_those_asked_for_are_told_of_and_ranked_among_all(self) -> None:
        """c is ahead of b in one of four resamples, and of a in none."""
        scores = table([[0.9, 0.9], [0.5, 0.1], [0.4, 0.2]])
        counts = from_indices(scores, [[0], [0], [0], [1]])
        found = bootstrap(scores, Recipe(), counts, reported=("b", "a"))
        assert [found.full.entries[at] for at in found.reported] == ["b", "a"]
        assert found.ranks.tolist() == [[2, 1], [2, 1], [2, 1], [3, 1]]
        assert found.rank_ranges().tolist() == [[2, 3], [1, 1]]
        assert found.rank_shares().tolist() == [[0, 0.75, 0.25], [1, 0, 0]], "the last: beyond 2"
        assert found.taus.tolist() == [1.0] * 4, "of these two alone"
        with pytest.raises(RankingRefused, match="Not in the table: nobody"):
            bootstrap(scores, Recipe(), counts, reported=("nobody",))

    @pytest.mark.parametrize("recipe", BY_RECIPE, ids=lambda recipe: recipe.scheme)
    def test_resamples_that_are_reckoned_in_parts_say_the_same(self, recipe: Recipe) -> None:
        """Three entries and one column: four resamples at a time."""
        counts = draw_patients(MANY, 1, number=23)
        whole = bootstrap(MANY, recipe, counts)
        parts = bootstrap(MANY, recipe, counts, at_once=12)
        assert (parts.ranks == whole.ranks).all()
        np.testing.assert_allclose(parts.aggregates, whole.aggregates, rtol=1e-13)
        np.testing.assert_array_equal(parts.taus, whole.taus)

    def test_the_closer_two_are_the_wider_are_their_ranges(self) -> None:
        found = bootstrap(MANY, Recipe(), draw_patients(MANY, 1))
        assert found.rank_ranges().tolist() == [[1, 2], [1, 2], [3, 3]]
        low, high = found.aggregate_intervals()[:, 0].T
        assert (low < found.full.aggregates[:, 0]).all()
        assert (found.full.aggregates[:, 0] < high).all()


ranks = arrays.arrays(np.int64, (2, 6), elements=st.integers(1, 6))


@settings(max_examples=100, deadline=None)
@given(ranks)
def test_tau_is_scipys(both: np.ndarray) -> None:
    found = kendall_tau(both[0], both[1:])[0]
    assert found == pytest.approx(stats.kendalltau(*both).statistic, nan_ok=True)


def significance(better: list[list[int]]) -> SignificanceMap:
    decided = np.array(better, dtype=bool)
    none = np.full(decided.shape, np.nan)
    names = tuple("abcdefgh"[: len(decided)])
    return SignificanceMap(names, "dice", none, none, decided, np.zeros_like(decided))


class TestSignificance:
    def test_the_map_follows_the_direction_and_patients(self) -> None:
        good = np.arange(16.0)
        scores = table(
            [[[v] for v in good], [[v] for v in good + 1]], [VOLUME],
            patients=[f"p{number // 2}" for number in range(16)],
        )  # fmt: skip
        found = significance_map(scores, "fpv_ml")
        # Eight patients, all differences of one size and sign.
        assert found.p[0, 1] == pytest.approx(stats.norm.sf((36 - 18 - 0.5) / 40.5**0.5))
        assert found.better.tolist() == [[False, True], [False, False]]
        assert found.adjusted[0, 1] == pytest.approx(2 * found.p[0, 1])

    def test_where_means_and_tests_disagree_is_told(self) -> None:
        """Better in 18 of 19 patients, and very bad in one."""
        a = np.full(19, 0.8) + np.arange(19) / 1000
        b = a - 0.01 - np.arange(19) / 10000
        a[0] = 0.0
        scores = table([a, b])
        found = significance_map(scores, "dice")
        assert found.against_means.tolist() == [[False, True], [False, False]]
        assert order_against_tests(rank_table(scores, Recipe()), found) == [("a", "b")]

    def test_what_cannot_be_tested_is_refused(self) -> None:
        cohort = CohortColumn("aggregated", HIGHER, aggregate=lambda counts: counts[:, :1])
        signed = Column("error", Direction.TOWARDS_ZERO)
        scores = table([[[0.5, 1.0]]], [DICE, signed], cohort=(cohort,))
        for column, words in (
            ("aggregated", "over the cohort"), ("error", "no order"), ("hd", "no column 'hd'"),
        ):  # fmt: skip
            with pytest.raises(RankingRefused, match=words):
                significance_map(scores, column)

    def test_rank_sets_by_hand(self) -> None:
        """a beats c and d, b beats d."""
        found = significance([[0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]])
        assert found.rank_sets().tolist() == [[1, 2], [1, 3], [2, 4], [3, 4]]

    def test_who_was_not_tested_is_not_shown_to_be_worse(self) -> None:
        """Two of nine were tested, and the first beats the second: that one may be the last."""
        found = significance([[0, 1], [0, 0]])
        assert found.rank_sets().tolist() == [[1, 1], [2, 2]]
        assert found.rank_sets(9).tolist() == [[1, 8], [2, 9]]

    def test_a_tier_ends_before_the_first_that_its_best_beats(self) -> None:
        """a beats c, not d; d is behind c and so not in a's tier. c beats nobody."""
        scores = table([[0.9], [0.8], [0.7], [0.6]])
        ranking = rank_table(scores, Recipe())
        beats = significance([[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]])
        assert tiers(ranking, beats).tolist() == [1, 1, 2, 2]
        assert tiers(ranking, significance([[0] * 4] * 4)).tolist() == [1, 1, 1, 1]

    def test_tiers_follow_ranks_and_not_the_tables_order(self) -> None:
        ranking = rank_table(table([[0.1], [0.8], [0.9]]), Recipe())
        beats = significance([[0, 0, 0], [0, 0, 0], [1, 0, 0]])
        assert tiers(ranking, beats).tolist() == [2, 1, 1]

    def test_tiers_of_other_entries_are_refused(self) -> None:
        with pytest.raises(RankingRefused, match="different entries"):
            tiers(rank_table(table([[0.1]]), Recipe()), significance([[0, 0], [0, 0]]))


class TestStability:
    def test_five_schemes_stand_side_by_side(self) -> None:
        found = five_schemes(MANY, Recipe())
        assert [one.name for one in found] == list(SCHEMES)
        assert found[0].tau == 1.0
        for one in found:
            scheme, aggregate = SCHEMES[one.name]
            recipe = Recipe(scheme=scheme, aggregate=aggregate, adjustment=Adjustment.NONE)
            assert one.ranking is not None
            assert one.ranking.ranks.tolist() == rank_table(MANY, recipe).ranks.tolist()

    def test_a_scheme_that_cannot_be_is_told_as_refused(self) -> None:
        cohort = CohortColumn(
            "aggregated", HIGHER, aggregate=lambda counts: np.tile([0.2, 0.1], (len(counts), 1))
        )
        found = five_schemes(table([[0.5], [0.4]], cohort=(cohort,)), Recipe())
        assert [one.ranking is None for one in found] == [False, False, True, True, True]
        assert "over the cohort" in found[2].refused

    def test_each_centre_is_left_out_in_turn(self) -> None:
        scores = table([[0.9, 0.1], [0.5, 0.6]], groups={"centre": ["north", "south"]})
        north, south = leaving_one_out(scores, Recipe(), "centre")
        assert north.ranking is not None
        assert south.ranking is not None
        assert (north.name, north.ranking.ranks.tolist(), north.tau) == ("north", [2, 1], 1.0)
        assert (south.name, south.ranking.ranks.tolist(), south.tau) == ("south", [1, 2], -1.0)

    def test_of_one_centre_none_is_left_out(self) -> None:
        with pytest.raises(RankingRefused, match="leaves nothing"):
            leaving_one_out(table([[0.1]], groups={"centre": ["north"]}), Recipe(), "centre")
        with pytest.raises(RankingRefused, match="not grouped by 'centre'"):
            leaving_one_out(table([[0.1]]), Recipe(), "centre")

    def test_another_reader_may_rank_otherwise(self) -> None:
        scores = table([[0.9], [0.5]])
        other = replace(scores, values=1 - scores.values)
        (found,) = with_other_targets(scores, Recipe(), {"reader 2": other})
        assert found.ranking is not None
        assert (found.name, found.ranking.ranks.tolist(), found.tau) == ("reader 2", [2, 1], -1.0)
        with pytest.raises(RankingRefused, match="of other entries"):
            with_other_targets(scores, Recipe(), {"reader 2": other.only(["a"])})

    def test_ranks_that_are_all_the_same_have_no_tau(self) -> None:
        scores = table([[0.9], [0.9]])
        (found,) = with_other_targets(scores, Recipe(), {"reader 2": scores})
        assert found.tau is None


@pytest.mark.data
class TestPublishedUncertainty:
    @pytest.mark.parametrize("scheme", ["mean-then-rank", "rank-then-mean", "test-then-rank"])
    def test_resamples_of_an_independent_toolkit(self, data_folder: Path, scheme: str) -> None:
        scores: ScoreTable = oracle_table(data_folder, missing=0.0)
        expected, name = oracle(data_folder), scheme.replace("-", "_")
        kind, aggregate = SCHEMES[scheme]
        recipe = Recipe(scheme=kind, aggregate=aggregate, adjustment=Adjustment.NONE)
        drawn = np.array(expected["boot_index"]) - 1  # theirs are from 1
        found = bootstrap(scores, recipe, from_indices(scores, drawn.tolist()))
        assert found.ranks.tolist() == expected[f"boot_rank_{name}"]
        if scheme != "test-then-rank":  # of which no τ is given
            assert found.taus == pytest.approx(expected[f"boot_tau_{name}"], rel=0, abs=1e-12)

    def test_its_decisions(self, data_folder: Path) -> None:
        found = significance_map(oracle_table(data_folder, missing=0.0), "dice")
        expected = oracle(data_folder)
        assert found.better.astype(int).tolist() == expected["decision_holm"]
        assert (found.p <= 0.05).astype(int).tolist() == expected["decision_none"]
