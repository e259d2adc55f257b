"""The five schemes of ranking: by hand, as published, refused, and what must never matter."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from evaluation.errors import EvaluationError, RankingRefused
from evaluation.metrics import Direction
from evaluation.ranking import (
    Adjustment,
    Aggregate,
    CohortColumn,
    Column,
    Ranker,
    Recipe,
    Scheme,
    ScoreTable,
    aggregate_then_rank,
    place_beside,
    rank_table,
    rank_values,
)
from evaluation.ranking.order import points_along, rank_along, rounded
from tests.evaluation.score_tables import (
    DICE,
    HIGHER,
    LOWER,
    VOLUME,
    oracle,
    oracle_table,
    published,
    table,
    value_and_position,
)

BORDA = Recipe(scheme=Scheme.BORDA)
WEIGHTED = Recipe(scheme=Scheme.WEIGHTED_VALUE)
MEDIAN = Recipe(aggregate=Aggregate.MEDIAN)
RANKS_FIRST = Recipe(scheme=Scheme.RANK_THEN_AGGREGATE)
TESTS = Recipe(scheme=Scheme.TEST_THEN_RANK)
EVERY_RECIPE = [
    Recipe(),
    MEDIAN,
    Recipe(aggregate=Aggregate.TRIMMED_MEAN, trim=0.2),
    Recipe(per_subgroup="tracer"),
    Recipe(mean_of_subgroups="tracer"),
    RANKS_FIRST,
    replace(RANKS_FIRST, aggregate=Aggregate.MEDIAN),
    TESTS,
    BORDA,
    WEIGHTED,
]


def ranks(scores: ScoreTable, recipe: Recipe | None = None) -> list[int]:
    return [int(rank) for rank in rank_table(scores, recipe or Recipe()).ranks]


class TestAggregateThenRank:
    scores = table([[0.9, 0.1, 0.8], [0.7, 0.7, 0.6], [0.6, 0.6, 0.6]])

    def test_means_are_ranked(self) -> None:
        ranking = rank_table(self.scores, Recipe())
        assert ranking.aggregates[:, 0] == pytest.approx([0.6, 2 / 3, 0.6])
        assert ranking.ranks.tolist() == [2, 1, 2]

    def test_medians_are_ranked(self) -> None:
        ranking = rank_table(self.scores, MEDIAN)
        assert ranking.aggregates[:, 0].tolist() == [0.8, 0.7, 0.6]
        assert ranking.ranks.tolist() == [1, 2, 3]

    def test_a_trimmed_mean_leaves_out_both_ends(self) -> None:
        scores = table([[0.0, 0.5, 0.6, 0.7, 1.0], [0.9, 0.1, 0.1, 0.1, 0.9]])
        ranking = rank_table(scores, Recipe(aggregate=Aggregate.TRIMMED_MEAN, trim=0.2))
        assert ranking.aggregates[:, 0] == pytest.approx([0.6, 1.1 / 3])

    def test_ranks_of_columns_are_averaged_by_weight(self) -> None:
        scores = table([[[0.9, 9.0]], [[0.8, 1.0]], [[0.7, 5.0]]], [DICE, VOLUME])
        assert rank_table(scores, Recipe()).scores.tolist() == [2.0, 1.5, 2.5]
        weighted = Recipe(weights={"dice": 3, "fpv_ml": 1})
        assert rank_table(scores, weighted).scores.tolist() == [1.5, 1.75, 2.75]
        assert ranks(scores, weighted) == [1, 2, 3]

    def test_weights_are_equal_over_metrics_then_over_labels(self) -> None:
        columns = [Column("dice", HIGHER, "tumour"), Column("dice", HIGHER, "node"), VOLUME]
        scores = table([[[0.9, 0.9, 5.0]], [[0.8, 0.8, 1.0]]], columns)
        assert rank_table(scores, Recipe()).scores.tolist() == [1.5, 1.5]
        one = Recipe(weights={"dice[node]": 1, "fpv_ml": 3})
        assert rank_table(scores, one).ranked == ("dice[node]", "fpv_ml")
        assert rank_table(scores, one).scores.tolist() == [1.75, 1.25]

    def test_what_is_not_applicable_is_left_out_and_told(self) -> None:
        ranking = rank_table(table([[0.5, None, 0.7], [0.5, None, 0.5]]), Recipe())
        assert ranking.aggregates[:, 0].tolist() == [0.6, 0.5]
        assert ranking.cases.tolist() == [[2], [2]]

    def test_noise_beyond_12_digits_makes_no_order(self) -> None:
        assert ranks(table([[0.1 + 0.2], [0.3]])) == [1, 1]

    def test_a_tie_breaker_decides_among_equals_alone(self) -> None:
        scores = table([[[0.9, 5.0]], [[0.8, 1.0]], [[0.1, 9.0]]], [DICE, VOLUME])
        assert ranks(scores) == [1, 1, 3]
        assert ranks(scores, Recipe(tie_breakers=("dice",))) == [1, 2, 3]
        assert ranks(scores, Recipe(tie_breakers=("fpv_ml",))) == [2, 1, 3]

    def test_the_second_tie_breaker_follows_where_the_first_ties(self) -> None:
        scores = table([[[0.5, 2.0]], [[0.5, 1.0]]], [DICE, VOLUME])
        recipe = Recipe(weights={"dice": 1}, tie_breakers=("dice", "fpv_ml"))
        assert ranks(scores, recipe) == [2, 1]

    def test_ranks_are_made_in_each_subgroup_and_averaged(self) -> None:
        """Better in two subgroups of three is better, however large the third."""
        values = [[0.9, 0.9, 0.1, 0.1, 0.1], [0.8, 0.8, 0.9, 0.9, 0.9]]
        groups = {"tracer": ["fdg", "psma", "dota", "dota", "dota"]}
        scores = table(values, groups=groups)
        assert ranks(scores) == [2, 1]
        ranking = rank_table(scores, Recipe(per_subgroup="tracer"))
        assert ranking.ranks.tolist() == [1, 2]
        assert ranking.column_ranks[:, 0] == pytest.approx([4 / 3, 5 / 3])

    def test_means_of_subgroups_count_equally(self) -> None:
        scores = table(
            [[0.9, 0.1, 0.1], [0.2, 0.4, 0.4]], groups={"tracer": ["fdg", "psma", "psma"]}
        )
        ranking = rank_table(scores, Recipe(mean_of_subgroups="tracer"))
        assert ranking.aggregates[:, 0] == pytest.approx([0.5, 0.3])
        assert ranking.ranks.tolist() == [1, 2]

    def test_a_signed_error_ranks_by_its_size(self) -> None:
        error = Column("mtv_error_ml", Direction.TOWARDS_ZERO)
        scores = table([[-9.0, 9.0], [1.0, 2.0]], [error])
        with pytest.raises(RankingRefused, match="opposite sign"):
            rank_table(scores, Recipe())
        assert ranks(scores.with_magnitudes()) == [2, 1]


class TestOtherSchemes:
    def test_ranks_within_cases_are_averaged(self) -> None:
        scores = table([[0.9, 0.8, 0.1], [0.8, 0.7, 0.9], [0.8, 0.9, None]])
        ranking = rank_table(scores, RANKS_FIRST)
        assert ranking.column_scores[:, 0] == pytest.approx([5 / 3, 2.0, 2.0])
        assert ranking.ranks.tolist() == [1, 2, 2]

    def test_a_case_that_applies_to_nobody_has_no_ranks(self) -> None:
        ranking = rank_table(table([[0.9, None], [0.8, None]]), RANKS_FIRST)
        assert ranking.column_scores[:, 0].tolist() == [1.0, 2.0]

    def test_the_share_of_opponents_beaten_is_ranked(self) -> None:
        better = np.linspace(0.5, 0.9, 20)
        scores = table([better, better - 0.2, better - 0.2 + 1e-3 * (-1.0) ** np.arange(20)])
        ranking = rank_table(scores, TESTS)
        assert ranking.column_scores[:, 0].tolist() == [1.0, 0.0, 0.0]
        assert ranking.ranks.tolist() == [1, 2, 2]

    def test_borda_counts_who_is_beaten_and_half_of_ties(self) -> None:
        scores = table([[[0.9, 4.0]], [[0.9, 3.0]], [[0.1, 9.0]]], [DICE, VOLUME])
        ranking = rank_table(scores, BORDA)
        assert ranking.column_scores.tolist() == [[1.5, 1.0], [1.5, 2.0], [0.0, 0.0]]
        assert ranking.ranks.tolist() == [2, 1, 3]

    def test_values_are_weighed_themselves_and_turned_where_lower_is_better(self) -> None:
        rate = Column("false_rate", LOWER, share=True)
        scores = table([[[0.9, 0.4]], [[0.8, 0.1]]], [DICE, rate])
        assert rank_table(scores, WEIGHTED).scores == pytest.approx([0.75, 0.85])
        assert ranks(scores, replace(WEIGHTED, weights={"dice": 9, "false_rate": 1})) == [1, 2]

    @pytest.mark.parametrize("recipe", EVERY_RECIPE, ids=str)
    def test_one_entry_is_first(self, recipe: Recipe) -> None:
        assert ranks(table([[0.5, 0.6]], groups={"tracer": "ab"}), recipe) == [1]


class TestCohortColumns:
    """A metric over the cohort is computed anew for what counts."""

    def summed(self, tp: list[list[float]], size: list[float]) -> CohortColumn:
        return CohortColumn(
            "aggregated", HIGHER, share=True,
            aggregate=lambda counts: (counts @ np.array(tp).T) / (counts @ np.array(size))[:, None],
        )  # fmt: skip

    def scores(self) -> ScoreTable:
        return table(
            [[0.5, 0.5], [0.4, 0.4]],
            groups={"tracer": ["fdg", "psma"]},
            cohort=(self.summed([[1.0, 90.0], [9.0, 10.0]], [10.0, 100.0]),),
        )

    def test_it_ranks_beside_others(self) -> None:
        ranking = rank_table(self.scores(), Recipe())
        assert ranking.aggregates[:, 1] == pytest.approx([91 / 110, 19 / 110])
        assert ranking.column_ranks.tolist() == [[1, 1], [2, 2]]

    def test_it_is_recomputed_in_subgroups_resamples_and_parts(self) -> None:
        ranking = rank_table(self.scores(), Recipe(per_subgroup="tracer"))
        assert ranking.column_ranks[:, 1].tolist() == [1.5, 1.5]
        outcome = Ranker(self.scores(), Recipe()).resampled(np.array([[2.0, 0.0]]))
        assert outcome.aggregates[0, :, 1] == pytest.approx([0.1, 0.9])
        first = self.scores().of_cases(np.array([True, False])).only(["b"])
        assert rank_table(first, Recipe()).aggregates[:, 1] == pytest.approx([0.9])

    @pytest.mark.parametrize("recipe", [RANKS_FIRST, TESTS], ids=str)
    def test_schemes_by_case_refuse_it(self, recipe: Recipe) -> None:
        with pytest.raises(RankingRefused, match="over the cohort"):
            rank_table(self.scores(), recipe)


class TestRefusals:
    def test_errors_are_of_the_librarys_one_family(self) -> None:
        assert issubclass(RankingRefused, EvaluationError)

    def test_every_problem_of_a_table_is_told_at_once(self) -> None:
        with pytest.raises(RankingRefused) as told:
            ScoreTable(("a", "a"), ("1",), ("p", "q"), (DICE,), np.array([[[np.inf]]]))
        for part in ("shape", "infinite", "Named twice among the entries: a", "2 for 1 cases"):
            assert part in told.value.message

    def test_every_problem_of_a_recipe_is_told_at_once(self) -> None:
        with pytest.raises(RankingRefused) as told:
            Recipe(trim=0.5, alpha=0, weights={"dice": -1}, per_subgroup="a", mean_of_subgroups="b")
        for part in ("trim is 0.5", "alpha is 0", "weight of dice", "choose one"):
            assert part in told.value.message

    @pytest.mark.parametrize(
        ("recipe", "words"),
        [
            (Recipe(weights={"hd": 1}), "'hd', which is not in the table"),
            (Recipe(weights={"dice": 1, "dice[node]": 1}), "has two weights"),
            (Recipe(tie_breakers=("dice",)), "several labels"),
            (Recipe(tie_breakers=("hd",)), "not in the table"),
            (Recipe(per_subgroup="centre"), "not grouped by 'centre'"),
            (Recipe(per_subgroup="tracer"), r"tracer psma has a value of dice\[node\]"),
            (Recipe(mean_of_subgroups="tracer"), r"tracer psma has a value of dice\[node\]"),
            (WEIGHTED, "from 0 to 1 only; fpv_ml"),
        ],
    )
    def test_a_recipe_that_does_not_fit_its_table(self, recipe: Recipe, words: str) -> None:
        columns = [Column("dice", HIGHER, "node", share=True), Column("dice", HIGHER, "tumour", share=True), VOLUME]  # fmt: skip
        values = [[[0.5, 0.5, 3.0], [None, 0.5, 3.0]]]
        with pytest.raises(RankingRefused, match=words):
            rank_table(table(values, columns, groups={"tracer": ["fdg", "psma"]}), recipe)

    @pytest.mark.parametrize("scheme", [s for s in Scheme if s != Scheme.AGGREGATE_THEN_RANK])
    def test_subgroups_belong_to_one_scheme(self, scheme: Scheme) -> None:
        with pytest.raises(RankingRefused, match="knows no subgroups"):
            Recipe(scheme=scheme, per_subgroup="tracer")

    def test_a_share_beyond_1_is_not_weighed(self) -> None:
        with pytest.raises(RankingRefused, match="from 0 to 1 only"):
            rank_table(table([[1.5]]), WEIGHTED)

    def test_ranks_have_no_trimmed_mean(self) -> None:
        with pytest.raises(RankingRefused, match="not trimmed_mean"):
            replace(RANKS_FIRST, aggregate=Aggregate.TRIMMED_MEAN)


def test_each_outside_the_pool_is_placed_as_if_it_came_alone() -> None:
    scores = table([[0.9], [0.7], [0.8], [0.75]])
    assert place_beside(scores, Recipe(), ["a", "b"]) == {"c": 2, "d": 2}
    assert ranks(scores.only(["a", "b"])) == [1, 2]


@pytest.mark.data
class TestPublishedTables:
    @pytest.mark.parametrize(
        ("scheme", "recipe"),
        [
            ("mean_then_rank", Recipe()),
            ("median_then_rank", MEDIAN),
            ("rank_then_mean", RANKS_FIRST),
            ("rank_then_median", replace(RANKS_FIRST, aggregate=Aggregate.MEDIAN)),
            ("test_then_rank_none", replace(TESTS, adjustment=Adjustment.NONE)),
            ("test_then_rank_holm", TESTS),
        ],
    )
    def test_schemes_of_an_independent_toolkit(
        self, data_folder: Path, scheme: str, recipe: Recipe
    ) -> None:
        ranking = rank_table(oracle_table(data_folder, missing=0.0), recipe)
        expected = oracle(data_folder)[scheme]
        assert ranking.column_scores[:, 0] == pytest.approx(expected["score"], rel=0, abs=1e-12)
        assert ranking.ranks.tolist() == expected["rank"]

    def test_a_missing_result_is_last_within_its_case(self, data_folder: Path) -> None:
        ranking = rank_table(oracle_table(data_folder, missing=np.nan), RANKS_FIRST)
        expected = oracle(data_folder)["rank_then_mean"]
        assert ranking.column_scores[:, 0] == pytest.approx(expected["score"], rel=0, abs=1e-12)

    def test_autopet_2022(self, data_folder: Path) -> None:
        """Dice counts half, and decides ties; the baseline had no position."""
        rows = [row for row in published(data_folder, "autopet_2022.csv") if row["#"]]
        metrics = {"Dice": HIGHER, "False Negative Volume": LOWER, "False Positive Volume": LOWER}
        cells = [[value_and_position(row[f"{one} (Position)"]) for one in metrics] for row in rows]
        ranking = rank_table(
            ScoreTable(
                entries=tuple(row["Team"] for row in rows),
                cases=("overall",),
                patients=("overall",),
                columns=tuple(Column(metric, way) for metric, way in metrics.items()),
                values=np.array([[[value for value, _ in row]] for row in cells]),
            ),
            Recipe(
                weights={"Dice": 2, "False Negative Volume": 1, "False Positive Volume": 1},
                tie_breakers=("Dice",),
            ),
        )
        assert ranking.column_ranks.tolist() == [[place for _, place in row] for row in cells]
        assert ranking.scores == pytest.approx([float(row["Mean Position"]) for row in rows])
        assert ranking.ranks.tolist() == [int(float(row["#"])) for row in rows]

    def test_autopet_2025(self, data_folder: Path) -> None:
        """Means of four subgroups, then ranks; Dice and its area under the curve count double."""
        rows = published(data_folder, "autopet_2025.csv")
        heads = [f"{way}{metric}{end} (Position) :: " for way, end in (("", " @last"), ("AUC ", ""))
                 for metric in ("Dice", "False Negative Volume", "False Positive Volume")]  # fmt: skip
        subgroups = ("LMU FDG", "LMU PSMA", "UKT FDG", "UKT PSMA")
        cells = np.array(
            [[[value_and_position(row[head + group]) for head in heads]
              for group in (*subgroups, "Overall")] for row in rows]
        )  # fmt: skip
        values, positions = cells[..., 0], cells[..., 1].astype(int)
        scores = ScoreTable(
            entries=tuple(row["Team"] for row in rows),
            cases=subgroups,
            patients=subgroups,
            columns=tuple(Column(head, HIGHER if "Dice" in head else LOWER) for head in heads),
            values=values[:, :4],
            groups={"subgroup": subgroups},
        )
        weights = {head: 2 if "Dice" in head else 1 for head in heads}
        overall = rank_table(scores, Recipe(weights=weights, mean_of_subgroups="subgroup"))
        # Both are rounded to four decimals.
        assert np.abs(overall.aggregates - values[:, 4]).max() <= 1.01e-4
        assert overall.column_ranks.tolist() == positions[:, 4].tolist()
        assert overall.scores.tolist() == [float(row["Mean Position"]) for row in rows]
        assert overall.ranks.tolist() == [int(row["#"]) for row in rows]
        for at, group in enumerate(subgroups):
            alone = rank_table(scores.of_cases(np.array(subgroups) == group), Recipe())
            assert alone.column_ranks.tolist() == positions[:, at].tolist()


# Sixteenths: their sums are exact, so that no order of adding them up makes a difference.
sixteenths = st.integers(0, 16).map(lambda number: number / 16)


@st.composite
def any_tables(draw: st.DrawFn) -> ScoreTable:
    """Some cases apply to nobody; some patients have several cases."""
    entries, cases = draw(st.integers(1, 5)), draw(st.integers(2, 7))
    values = draw(arrays.arrays(np.float64, (entries, cases, 2), elements=sixteenths))
    nobody = draw(arrays.arrays(bool, (cases, 2)))
    nobody[:2] = False  # one case of each tracer has a value
    patients = draw(st.lists(st.sampled_from("pqrst"), min_size=cases, max_size=cases))
    tracers = draw(st.lists(st.sampled_from(["fdg", "psma"]), min_size=cases, max_size=cases))
    tracers[:2] = ["fdg", "psma"]
    return table(
        np.where(nobody, np.nan, values),
        [DICE, Column("rate", LOWER, share=True)],
        patients=patients,
        groups={"tracer": tracers},
    )


recipes = st.sampled_from(EVERY_RECIPE)


@settings(max_examples=60, deadline=None)
@given(any_tables(), recipes, st.data())
def test_the_order_of_entries_and_cases_does_not_matter(
    scores: ScoreTable, recipe: Recipe, data: st.DataObject
) -> None:
    rows = data.draw(st.permutations(range(len(scores.entries))))
    order = data.draw(st.permutations(range(len(scores.cases))))
    shuffled = replace(
        scores,
        entries=tuple(scores.entries[at] for at in rows),
        cases=tuple(scores.cases[at] for at in order),
        patients=tuple(scores.patients[at] for at in order),
        groups={"tracer": tuple(scores.groups["tracer"][at] for at in order)},
        values=scores.values[np.ix_(rows, order)],
    )
    before, after = rank_table(scores, recipe), rank_table(shuffled, recipe)
    assert {name: before.rank_of(name) for name in scores.entries} == {
        name: after.rank_of(name) for name in scores.entries
    }


@settings(max_examples=60, deadline=None)
@given(any_tables(), recipes)
def test_a_copy_of_an_entry_shares_its_rank(scores: ScoreTable, recipe: Recipe) -> None:
    twice = replace(
        scores,
        entries=(*scores.entries, "copy"),
        values=np.concatenate([scores.values, scores.values[:1]]),
    )
    ranking = rank_table(twice, recipe)
    assert ranking.rank_of("copy") == ranking.rank_of("a")
    if recipe.scheme is Scheme.WEIGHTED_VALUE:  # others may swap places where ranks are averaged
        before = rank_table(scores, recipe)
        assert np.argsort(before.scores).tolist() == np.argsort(ranking.scores[:-1]).tolist()


@settings(max_examples=60, deadline=None)
@given(any_tables(), recipes)
def test_turning_a_metric_and_its_direction_changes_no_rank(
    scores: ScoreTable, recipe: Recipe
) -> None:
    turned = replace(
        scores,
        columns=(Column("dice", LOWER, share=True), Column("rate", HIGHER, share=True)),
        values=1.0 - scores.values,
    )
    assert ranks(turned, recipe) == ranks(scores, recipe)


@settings(max_examples=60, deadline=None)
@given(any_tables(), recipes, st.data())
def test_what_is_drawn_twice_counts_as_two_cases(
    scores: ScoreTable, recipe: Recipe, data: st.DataObject
) -> None:
    """Counting is the same as writing each drawn patient into the table, under a new name."""
    names = scores.patient_names
    drawn = data.draw(st.lists(st.sampled_from(range(len(names))), min_size=1, max_size=6))
    counts = np.bincount(drawn, minlength=len(names))[None].astype(float)
    cases = [
        (at, copy)
        for copy, patient in enumerate(drawn)
        for at, owner in enumerate(scores.patients)
        if owner == names[patient]
    ]
    places = [at for at, _ in cases]
    written = replace(
        scores,
        cases=tuple(f"{at}-{copy}" for at, copy in cases),
        patients=tuple(f"{scores.patients[at]}-{copy}" for at, copy in cases),
        groups={"tracer": tuple(scores.groups["tracer"][at] for at in places)},
        values=scores.values[:, places],
    )
    outcome = Ranker(scores, recipe).resampled(counts)
    try:
        expected = rank_table(written, recipe)
    except RankingRefused:  # a subgroup that no drawn case is of
        return
    assert outcome.ranks[0].tolist() == expected.ranks.tolist()
    assert outcome.aggregates[0] == pytest.approx(expected.aggregates, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(any_tables())
def test_a_plain_recipe_ranks_as_the_leaderboards_do(scores: ScoreTable) -> None:
    ranking = rank_table(scores, Recipe())
    means = {
        name: [None if np.isnan(value) else float(value) for value in row]
        for name, row in zip(scores.entries, ranking.aggregates, strict=True)
    }
    expected = aggregate_then_rank(means, [HIGHER, LOWER])
    found = zip(ranking.ranks.tolist(), ranking.scores.tolist(), strict=True)
    assert list(found) == list(expected.values())


numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda value: value == 0 or abs(value) > 1e-280
)


@settings(max_examples=100, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=8), st.sampled_from([HIGHER, LOWER]))
def test_many_are_ranked_as_one_is(values: list[float | None], direction: Direction) -> None:
    row = np.array([[np.nan if value is None else value for value in values]])
    assert rank_along(row, direction)[0].tolist() == rank_values(values, direction)
    beaten = points_along(row, direction)[0]
    places = stats.rankdata(rank_values(values, direction))
    assert beaten.tolist() == (len(values) - places).tolist()


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1 + 0.2, 1e300, -1e-280, 123456789.123456789])
def test_12_digits_are_kept(value: float) -> None:
    assert rounded(np.array([value]))[0] == pytest.approx(float(f"{value:.12g}"), rel=1e-15)


@settings(max_examples=60, deadline=None)
@given(st.lists(sixteenths, min_size=1, max_size=12), st.integers(0, 49))
def test_medians_and_trimmed_means_are_scipys(values: list[float], hundredths: int) -> None:
    trim = hundredths / 100
    middle = rank_table(table([values]), MEDIAN).aggregates[0, 0]
    assert middle == np.median(values)
    found = rank_table(table([values]), Recipe(aggregate=Aggregate.TRIMMED_MEAN, trim=trim))
    assert found.aggregates[0, 0] == pytest.approx(stats.trim_mean(values, trim))
