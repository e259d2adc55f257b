"""From scores to what a leaderboard shows: by hand, and against the parts that it is made of."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.aggregate import summarise
from evaluation.counts import Counts
from evaluation.spec import EvaluationSpec
from evaluation.standings import (
    LEAST_PATIENTS,
    UNKNOWN,
    CaseFacts,
    EntryScores,
    Scored,
    analyse,
    derived,
    groups_of,
    make_board,
    protected,
)
from evaluation.standings.board import summaries
from evaluation.standings.reading import uncertainty_of
from evaluation.uncertainty import bootstrap, draw_patients

NAN = float("nan")


def spec_of(metrics=("dice", "mtv_abs_error_ml"), labels=None, **ranking) -> EvaluationSpec:
    document = {"metrics": list(metrics), "ranking": ranking}
    return EvaluationSpec.model_validate({**document, **({"labels": labels} if labels else {})})


def entry(key, *targets, worst=None, competes=True, failed=(), counts=()) -> EntryScores:
    """targets: of each, a row of values for each case."""
    measured = np.array(targets, dtype=float)
    lowest = np.broadcast_to(np.nan if worst is None else np.array(worst, float), measured.shape)
    lost = np.zeros(measured.shape[1], dtype=bool)
    lost[list(failed)] = True
    return EntryScores(key, competes, measured, lowest.copy(), lost, counts)


def cases(number, groups=None, patients=None) -> tuple[CaseFacts, ...]:
    return tuple(
        CaseFacts(
            f"c{at}",
            patients[at] if patients else f"p{at}",
            {name: labels[at] for name, labels in (groups or {}).items()},
        )
        for at in range(number)
    )


class TestBoard:
    def test_a_value_worse_than_a_missing_result_counts_as_that_and_is_shown_as_it_is(self):
        spec = spec_of(["mtv_abs_error_ml"])
        scored = Scored(
            spec,
            cases(2),
            (
                entry("absurd", [[5000.0], [0.0]], worst=[1000.0]),
                entry("failed", [[1000.0], [1.0]], worst=[1000.0], failed=[0]),
            ),
        )
        board = make_board(scored)
        assert [one.rank for one in board.standings] == [1, 2]
        assert board.of("absurd").cells[0].mean == 2500
        assert (board.of("failed").failed, board.of("failed").cases) == (1, 2)

    def test_two_readers_are_averaged_where_both_apply(self):
        scored = Scored(
            spec_of(["dice"]),
            cases(2),
            (entry("a", [[0.4], [NAN]], [[0.6], [0.8]]),),
        )
        (one,) = make_board(scored).standings
        assert one.cells[0].mean == pytest.approx((0.5 + 0.8) / 2)
        assert one.cells[0].count == 2

    def test_a_baseline_is_placed_and_a_reader_who_skipped_a_case_did_not_fail(self):
        scored = Scored(
            spec_of(["dice"]),
            cases(2),
            (
                entry("first", [[0.8], [0.8]]),
                entry("second", [[0.4], [0.4]]),
                entry("reader", [[0.6], [NAN]], competes=False),
            ),
        )
        board = make_board(scored)
        assert [one.rank for one in board.standings] == [1, 2, 2]
        assert (board.of("reader").cases, board.of("reader").failed) == (1, 0)

    def test_what_has_no_case_is_not_ranked_and_says_what_to_do(self):
        for metrics in (["dice"], ["dice_agg"], ["dice", "dice_agg"]):
            spec = spec_of(metrics)
            columns = len(spec.shown)
            empty = np.empty((1, 0, columns))
            made = tuple(
                EntryScores(key, True, empty, empty, np.zeros(0, bool), ((),)) for key in "ab"
            )
            for hidden in (True, False):
                found = analyse(Scored(spec, (), made), seed=1, hidden=hidden)
                assert "Put a case back" in found.board.refused
                assert (found.slices, found.uncertainty) == ((), None)
                assert [(one.rank, one.cases) for one in found.board.standings] == [(None, 0)] * 2
                assert {cell.count for one in found.board.standings for cell in one.cells} == {0}

    def test_what_cannot_be_ranked_says_why_and_keeps_its_figures(self):
        scored = Scored(
            spec_of(["dice"], per_subgroup="tracer"),
            cases(2, {"tracer": ["fdg", "psma"]}),
            (entry("a", [[0.5], [NAN]]), entry("b", [[0.6], [NAN]])),
        )
        board = make_board(scored)
        assert "psma" in board.refused
        assert [one.rank for one in board.standings] == [None, None]
        assert [one.cells[0].mean for one in board.standings] == [0.5, 0.6]

    def test_the_aggregate_that_ranks_is_the_one_shown(self):
        scored = Scored(
            spec_of(["dice"], aggregate="median"),
            cases(3),
            (entry("a", [[0.1], [0.5], [0.6]]), entry("b", [[0.4], [0.4], [0.9]])),
        )
        board = make_board(scored)
        assert [one.cells[0].shown for one in board.standings] == [0.5, 0.4]
        assert [one.rank for one in board.standings] == [1, 2]

    def test_labels_make_columns_of_their_own(self):
        spec = spec_of(["dice"], {"primary": 1, "node": 2}, weights={"dice[node]": 1})
        scored = Scored(spec, cases(1), (entry("a", [[0.9, 0.1]]), entry("b", [[0.1, 0.9]])))
        assert scored.keys == ("dice[primary]", "dice[node]")
        assert [one.rank for one in make_board(scored).standings] == [2, 1]

    def test_patients_are_counted_beside_cases(self):
        scored = Scored(
            spec_of(["dice"]),
            cases(4, patients=["x", "x", "y", "z"]),
            (entry("a", [[0.5], [0.6], [NAN], [0.1]]),),
        )
        (one,) = make_board(scored).standings
        assert (one.cells[0].count, one.cells[0].patients) == (3, 2)

    @given(
        st.lists(
            st.lists(st.one_of(st.none(), st.floats(-50, 50)), min_size=1, max_size=9),
            min_size=1,
            max_size=3,
        ).filter(lambda rows: len({len(row) for row in rows}) == 1)
    )
    def test_summaries_are_those_of_one_list_at_a_time(self, rows):
        values = np.array([[NAN if one is None else one for one in row] for row in rows])
        found = summaries(values[:, :, None], np.arange(values.shape[1]))
        for row, (one,) in zip(rows, found, strict=True):
            expected = summarise(row)
            assert one.count == expected.count == one.patients
            for name in ("mean", "deviation", "median", "lower_quartile", "upper_quartile"):
                assert getattr(one, name) == pytest.approx(getattr(expected, name), abs=1e-9), name


class TestWhoReadNotEveryCase:
    """a is ahead of b in the first cases, and b in the last; a reader read the first only."""

    A = (0.9, 0.8, 0.7, 0.2, 0.1, 0.1)
    B = (0.7, 0.6, 0.5, 0.9, 0.9, 0.9)

    def scored(self, *reader, facts=None, **ranking) -> Scored:
        made = [entry(key, [[one] for one in of]) for key, of in (("a", self.A), ("b", self.B))]
        made.append(entry("reader", [[one] for one in reader], competes=False))
        groups = {"tracer": ["fdg"] * 3 + ["psma"] * 3}
        return Scored(spec_of(["dice"], **ranking), facts or cases(6, groups), tuple(made))

    def placed(self, *reader, **ranking):
        board = make_board(self.scored(*reader, **ranking))
        assert board.refused == ""
        assert board.of("b").rank == 1, "nobody's rank changes"
        return board.of("reader")

    READ = (0.8, 0.7, 0.6, NAN, NAN, NAN)

    def test_ranks_within_cases_are_of_the_cases_that_were_read(self):
        """There a has rank 1 thrice, the reader 2, b 3; what was not read would be last thrice."""
        found = self.placed(*self.READ, scheme="rank_then_aggregate")
        assert (found.rank, found.cases, found.failed) == (2, 3, 0)
        whole = make_board(self.scored(*self.READ[:3], 0, 0, 0, scheme="rank_then_aggregate"))
        assert whole.of("reader").rank == 3

    def test_ranks_within_subgroups_are_of_those_that_were_read(self):
        found = self.placed(*self.READ, per_subgroup="tracer")
        assert (found.rank, found.score) == (2, 2)

    BETWEEN = (0.78, 0.78, 0.78, NAN, NAN, NAN)

    @pytest.mark.parametrize(
        "ranking",
        [
            {}, {"mean_of_subgroups": "tracer"}, {"scheme": "borda"}, {"scheme": "weighted_value"},
        ],
        ids=str,
    )  # fmt: skip
    def test_means_points_and_values_are_of_the_same_cases(self, ranking):
        """By all cases b has 0.75 and a 0.47, and 0.78 were first; of those that were read a has
        0.8 and b 0.6."""
        assert self.placed(*self.BETWEEN, **ranking).rank == 2

    def test_tests_are_of_the_patients_that_were_read(self):
        """Of the six that were read a is ahead of b in each, of all twelve neither beats the other;
        the reader beats nobody."""
        ahead = np.array([0.80, 0.81, 0.82, 0.83, 0.84, 0.85])
        behind = np.array([0.50, 0.50, 0.50, 0.50, 0.50, 0.50])
        rows = {
            "a": np.concatenate([ahead, behind]),
            "b": np.concatenate([behind, ahead]),
            "reader": np.array([0.9, 0.4] * 3 + [NAN] * 6),
        }
        made = tuple(entry(key, of[:, None], competes=key != "reader") for key, of in rows.items())
        spec = spec_of(["dice"], scheme="test_then_rank", adjustment="none")
        board = make_board(Scored(spec, cases(12), made))
        assert [(one.rank, one.score) for one in board.standings] == [(1, 1), (1, 1), (2, 2)]

    def test_who_read_nothing_has_no_rank(self):
        nothing = (NAN,) * 6
        for ranking in (
            {}, {"scheme": "rank_then_aggregate"}, {"scheme": "test_then_rank"},
            {"scheme": "borda"}, {"scheme": "weighted_value"}, {"per_subgroup": "tracer"},
            {"mean_of_subgroups": "tracer"}, {"aggregate": "median"},
        ):  # fmt: skip
            board = make_board(self.scored(*nothing, **ranking))
            reader = board.of("reader")
            assert (reader.rank, reader.score, reader.cases) == (None, None, 0), ranking
            assert board.refused == ""
            assert {board.of(key).rank for key in "ab"} <= {1, 2}

    def test_who_read_only_what_cannot_be_ranked_alone_has_no_rank(self):
        """Of PSMA the reader has specificity only, so that nothing of it tells of Dice."""
        values = {
            "a": [[0.9, NAN], [0.8, NAN], [0.7, 1]],
            "b": [[0.8, NAN], [0.7, NAN], [0.6, 1]],
            "reader": [[0.9, NAN], [NAN, NAN], [NAN, 1]],
        }
        made = tuple(
            entry(key, of, competes=key != "reader", worst=[0, 0] if key != "reader" else None)
            for key, of in values.items()
        )
        facts = cases(3, {"tracer": ["fdg", "fdg", "psma"]})
        document = {
            "metrics": ["dice", "case_specificity"],
            "ranking": {"metrics": ["dice"], "per_subgroup": "tracer"},
        }
        spec = EvaluationSpec.model_validate(document)
        board = make_board(Scored(spec, facts, made))
        assert board.refused == ""
        assert board.of("a").rank == 1
        assert board.of("reader").rank is None
        assert board.of("reader").cases == 2

    def test_a_case_that_was_read_and_does_not_apply_is_no_case_left_out(self):
        """The reader read all three; of the second no Dice applies to them, their volume does, and
        is worse than that of a."""
        made = (
            entry("a", [[0.5, 1.0], [0.9, 1.0], [0.5, 1.0]]),
            entry("reader", [[0.6, 1.0], [NAN, 9.0], [0.6, 1.0]], competes=False),
        )
        scored = Scored(spec_of(), cases(3), made)
        reader = make_board(scored).of("reader")
        assert reader.cases == 3
        assert (reader.rank, reader.score) == (1, 1.5), "first by Dice, second by volume"

    def test_a_case_of_which_nothing_applies_was_read_all_the_same(self):
        made = EntryScores(
            "reader", False, np.full((1, 2, 1), NAN), np.full((1, 2, 1), NAN),
            np.zeros(2, bool), (), np.array([True, False]),
        )  # fmt: skip
        scored = Scored(spec_of(["dice"]), cases(2), (entry("a", [[0.5], [0.5]]), made))
        reader = make_board(scored).of("reader")
        assert (reader.cases, reader.rank) == (1, None)

    def test_a_metric_over_the_cohort_is_of_the_cases_that_were_read(self):
        """2·common/200: a has 0.9 in the first case, the reader 0.8, b 0.1; b leads by all."""
        empty = np.empty((1, 3, 0))

        def of(key, *commons):
            counts = tuple(
                None if common is None else {"lesion": Counts(0.1, 100, 100, common)}
                for common in commons
            )
            return EntryScores(key, key != "reader", empty, empty, np.zeros(3, bool), (counts,))

        made = (of("a", 90, 1, 1), of("b", 10, 99, 99), of("reader", 80, None, None))
        board = make_board(Scored(spec_of(["dice_agg"]), cases(3), made))
        assert [(one.rank, one.cases) for one in board.standings] == [(2, 3), (1, 3), (2, 1)]

    def test_a_slice_that_a_reader_did_not_read_has_no_rank_of_them(self):
        slices = analyse(self.scored(*self.READ), seed=1, hidden=False).slices
        ranks = {one.label: one.board.of("reader").rank for one in slices}
        assert ranks == {"fdg": 2, "psma": None}


class TestOverTheCohort:
    def counts(self, *commons):
        return tuple(
            {"lesion": Counts(0.1, 100, 100, common)} if common is not None else None
            for common in commons
        )

    def test_the_value_of_all_cases_ranks_and_has_an_interval_of_resamples(self):
        spec = spec_of(["dice_agg"])
        empty = np.empty((1, 3, 0))
        scored = Scored(
            spec,
            cases(3),
            tuple(
                EntryScores(key, True, empty, empty, np.zeros(3, bool), (self.counts(*common),))
                for key, common in (("a", (90, 50, 10)), ("b", (80, 80, 80)))
            ),
        )
        counts = draw_patients(scored.ranked, 1, number=200)
        board = make_board(scored, counts=counts, resampled=frozenset({"a", "b"}))
        first, second = board.of("a").cells[0], board.of("b").cells[0]
        assert first.mean == pytest.approx(0.5)
        assert second.mean == pytest.approx(0.8)
        assert [one.rank for one in board.standings] == [2, 1]
        assert first.low < 0.5 < first.high
        assert second.low == second.high == pytest.approx(0.8)
        drawn = bootstrap(scored.ranked, spec.recipe, counts).aggregates[:, 0, 0]
        by_hand = counts @ np.array([90, 50, 10]) / (100 * counts.sum(axis=1))
        assert drawn == pytest.approx(by_hand)

    def test_cases_that_a_reader_skipped_take_no_part(self):
        empty = np.empty((1, 3, 0))
        reader = EntryScores(
            "r", False, empty, empty, np.zeros(3, bool), (self.counts(90, None, 70),)
        )
        scored = Scored(spec_of(["dice_agg"]), cases(3), (reader,))
        (one,) = make_board(scored).standings
        assert one.cells[0].mean == pytest.approx(0.8)


class TestGroups:
    def test_lesions_make_groups(self):
        found = derived([0, 1, 3, 9, None], [0.0, 2.0, 10.0, 90.0, None])
        assert [one["lesion_free"] for one in found] == [
            "without lesions", "with lesions", "with lesions", "with lesions", UNKNOWN,
        ]  # fmt: skip
        assert [one["lesion_count"] for one in found] == [
            "0 lesions", "1 lesion", "2–5 lesions", "6 lesions or more", UNKNOWN,
        ]  # fmt: skip
        volumes = [one["lesion_volume"] for one in found]
        assert volumes[0] == "0 ml"
        assert volumes[1].startswith("up to")
        assert volumes[3].startswith("above")
        assert len(set(volumes)) == 5

    def test_one_label_alone_is_no_group(self):
        assert groups_of(cases(3, {"tracer": ["fdg"] * 3}), ["tracer", "unknown"]) == ()

    def test_what_is_not_stated_is_a_group_of_its_own(self):
        found = groups_of(cases(3, {"tracer": ["fdg", "", "fdg"]}), ["tracer"])
        assert [(one.label, one.cases) for one in found] == [("fdg", (0, 2)), (UNKNOWN, (1,))]

    def groups(self, **groupings):
        number = len(next(iter(groupings.values())))
        facts = cases(number, groupings)
        everyone = frozenset(case.patient for case in facts)
        found = protected(groups_of(facts, groupings), everyone)
        return {(one.grouping, one.label) for one in found if not one.withheld}

    def test_a_small_group_is_withheld_and_so_is_what_would_tell_it(self):
        assert self.groups(tracer=["a"] * 20 + ["b"] * 20 + ["c"] * 3) == {("tracer", "b")}, (
            "all cases without a and b would be c"
        )
        assert self.groups(tracer=["a"] * 20 + ["b"] * 12 + ["c"] * 11 + ["d"] * 3) == {
            ("tracer", "a"),
            ("tracer", "b"),
        }

    def test_a_group_that_differs_by_few_from_another_is_withheld(self):
        tracer = ["a"] * 30 + ["b"] * 30
        scanner = ["x"] * 28 + ["y"] * 32
        shown = self.groups(tracer=tracer, scanner=scanner)
        assert ("scanner", "x") not in shown or ("tracer", "a") not in shown
        assert ("scanner", "y") not in shown or ("tracer", "b") not in shown

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(0, 40)),
            min_size=1,
            max_size=90,
        )
    )
    def test_no_shown_group_nor_difference_of_two_is_small(self, rows):
        facts = cases(
            len(rows),
            {"one": [row[0] for row in rows], "two": [row[1] for row in rows]},
            [f"p{row[2]}" for row in rows],
        )
        everyone = frozenset(case.patient for case in facts)
        shown = [
            one for one in protected(groups_of(facts, ["one", "two"]), everyone) if not one.withheld
        ]
        for one in shown:
            assert len(one.patients) >= LEAST_PATIENTS
            for other in [everyone, *(two.patients for two in shown)]:
                small, large = sorted((one.patients, other), key=len)
                assert not small < large or len(large - small) >= LEAST_PATIENTS
        for name in ("one", "two"):
            own = [one.patients for one in shown if one.grouping == name]
            rest = everyone.difference(*own) if own else frozenset()
            assert not rest or len(rest) >= LEAST_PATIENTS


class TestHiddenCells:
    def test_a_figure_that_applies_to_few_of_a_group_is_withheld_there(self):
        """FDG: 30 patients of whom 3 are free of lesions; PSMA: 30 of whom 15 are."""
        tracer = ["fdg"] * 30 + ["psma"] * 30
        free = [at < 3 or 30 <= at < 45 for at in range(60)]
        values = [[NAN if none else 0.5, 1.0 if none else NAN] for none in free]
        scored = Scored(
            spec_of(["dice", "case_specificity"]),
            cases(60, {"tracer": tracer}),
            (entry("a", values), entry("b", values)),
        )
        slices = analyse(scored, seed=1, hidden=True).slices
        assert {one.label: one.withheld for one in slices} == {"fdg": False, "psma": False}
        assert {one.label: one.withheld_columns for one in slices} == {
            "fdg": ("case_specificity",),
            "psma": ("case_specificity",),
        }, "18 in all less 15 of PSMA would tell the 3 of FDG"
        assert not any(
            one.withheld or one.withheld_columns
            for one in analyse(scored, seed=1, hidden=False).slices
        )


class TestAnalysis:
    def scored(self, spec=None, number=12, entries=4):
        random = np.random.default_rng(4)
        spec = spec or spec_of()
        made = []
        for at in range(entries):
            dice = np.clip(random.normal(0.8 - 0.1 * at, 0.05, number), 0, 1)
            made.append(
                entry(f"e{at}", np.stack([dice, 50 * (1 - dice)], axis=1), competes=at != 3)
            )
        groups = {
            "centre": [f"centre {at % 3}" for at in range(number)],
            "tracer": ["fdg" if at % 2 else "psma" for at in range(number)],
        }
        return Scored(spec, cases(number, groups), tuple(made))

    def test_everything_is_told_of_the_entries_that_compete(self):
        found = analyse(self.scored(), seed=1, hidden=False)
        sure = found.uncertainty
        assert sure.entries == ("e0", "e1", "e2")
        assert sure.refused == {}
        assert sure.ranks == (1, 2, 3)
        assert [one.name for one in sure.centres] == ["centre 0", "centre 1", "centre 2"]
        assert len(sure.schemes) == 5
        assert sure.resampled.patients == 12
        assert all(sum(row) == pytest.approx(1) for row in sure.resampled.shares)
        assert [sum(row) for row in sure.tested.case_ranks] == [12, 12, 12]
        assert {(one.grouping, one.label) for one in found.slices} == {
            ("centre", "centre 0"), ("centre", "centre 1"), ("centre", "centre 2"),
            ("tracer", "fdg"), ("tracer", "psma"),
        }  # fmt: skip
        assert found.board.of("e3").cells[0].low is not None, "a baseline has intervals too"

    def test_the_same_seed_says_the_same_and_the_order_of_entries_nothing(self):
        scored = self.scored()
        turned = Scored(scored.spec, scored.cases, tuple(reversed(scored.entries)))
        one, two = (analyse(each, seed=5, hidden=False) for each in (scored, turned))
        assert one.uncertainty == two.uncertainty
        assert {each.key: each for each in one.board.standings} == {
            each.key: each for each in two.board.standings
        }
        other = analyse(scored, seed=6, hidden=False)
        low, other_low = (each.board.of("e0").cells[0].low for each in (one, other))
        assert low != other_low
        assert low == pytest.approx(other_low, abs=0.02)

    def test_only_the_first_are_resampled_and_tested(self):
        found = analyse(self.scored(spec_of(most_resampled=2)), seed=1, hidden=False)
        assert found.uncertainty.entries == ("e0", "e1")
        assert found.uncertainty.pool == 3
        assert found.board.of("e2").cells[0].low is None

    def close(self, **ranking) -> Scored:
        """a is far ahead; of b and c, that one is ahead in whom more patients were drawn."""
        b = np.array([0.5, 0.6] * 8)
        values = {"a": b + 0.3, "b": b, "c": b[::-1] - 0.001}
        made = tuple(entry(key, one[:, None]) for key, one in values.items())
        return Scored(spec_of(["dice"], most_resampled=2, **ranking), cases(16), made)

    @pytest.mark.parametrize(
        "scheme", ["aggregate_then_rank", "rank_then_aggregate", "borda", "weighted_value"]
    )
    def test_the_first_are_ranked_among_all_in_each_resample(self, scheme):
        scored = self.close(scheme=scheme)
        sure = analyse(scored, seed=1, hidden=False).uncertainty
        assert (sure.entries, sure.pool, sure.among) == (("a", "b"), 3, 3)
        assert sure.resampled.ranges == ((1, 1), (2, 3)), "c, which is not told of, may be ahead"
        first, second = sure.resampled.shares
        assert first == (1, 0, 0)
        assert second[0] == 0
        assert min(second[1:]) > 0.1
        everyone = Scored(
            spec_of(["dice"], most_resampled=3, scheme=scheme), scored.cases, scored.entries
        )
        whole = analyse(everyone, seed=1, hidden=False).uncertainty
        assert whole.resampled.ranges[:2] == sure.resampled.ranges
        assert whole.resampled.shares[:2] == sure.resampled.shares
        assert whole.ranks_resampled[:2] == sure.ranks_resampled == (1, 2)

    def test_where_pairs_are_tested_the_first_are_ranked_among_themselves_and_it_is_told(self):
        sure = analyse(self.close(scheme="test_then_rank"), seed=1, hidden=False).uncertainty
        assert (sure.pool, sure.among, sure.resampled.among) == (3, 2, 2)
        assert {len(row) for row in sure.resampled.shares} == {2}

    def test_a_rank_set_leaves_open_where_they_stand_who_were_not_tested(self):
        sure = analyse(self.close(), seed=1, hidden=False).uncertainty
        assert sure.tested.better == ((False, True), (False, False))
        assert sure.tested.rank_sets == ((1, 2), (2, 3)), "of three, though two were tested"

    def test_what_was_kept_before_it_was_told_is_of_the_entries_alone(self):
        document = asdict(analyse(self.close(), seed=1, hidden=False).uncertainty)
        del document["resampled"]["among"], document["resampled"]["ranks"]
        old = uncertainty_of(document)
        assert (old.among, old.ranks_resampled) == (2, (1, 2))

    def test_one_entry_has_nothing_to_be_compared_with(self):
        scored = self.scored(entries=1)
        found = analyse(scored, seed=1, hidden=False)
        assert found.uncertainty is None
        assert found.board.of("e0").rank == 1

    def test_a_reader_who_turns_the_order_is_seen(self):
        scored = self.scored()
        turned = [
            entry(key, one.measured[0])
            for key, one in zip(("e2", "e1", "e0"), scored.entries, strict=False)
        ]
        against = {"strict": scored, "other": Scored(scored.spec, scored.cases, tuple(turned))}
        found = analyse(scored, seed=1, hidden=False, readers=against).uncertainty.readers
        assert [one.name for one in found] == ["strict", "other"]
        assert found[0].tau == 1
        assert found[0].ranks == (1, 2, 3)
        assert (found[1].ranks, found[1].tau) == ((3, 2, 1), -1)

    def test_a_reader_against_whom_an_entry_has_no_score_is_left_out(self):
        scored = self.scored()
        lacking = Scored(scored.spec, scored.cases, scored.entries[1:])
        found = analyse(
            scored, seed=1, hidden=False, readers={"all": scored, "some": lacking}
        ).uncertainty
        assert [one.name for one in found.readers] == ["all"]

    def test_a_stratum_that_splits_a_patient_is_told_and_ranks_stay(self):
        scored = self.scored(spec_of(stratum="tracer"))
        facts = tuple(
            CaseFacts(case.name, "same", case.groups, case.metadata) for case in scored.cases
        )
        found = analyse(Scored(scored.spec, facts, scored.entries), seed=1, hidden=False)
        assert "several tracer" in found.uncertainty.refused["resamples"]
        assert found.uncertainty.resampled is None
        assert found.board.of("e0").rank == 1
        assert found.board.of("e0").cells[0].low is None

    def test_only_metrics_over_the_cohort_leave_nothing_to_test(self):
        empty = np.empty((1, 3, 0))
        counts = tuple({"lesion": Counts(0.1, 100, 100, 50)} for _ in range(3))
        made = tuple(
            EntryScores(key, True, empty, empty, np.zeros(3, bool), (counts,)) for key in "ab"
        )
        found = analyse(Scored(spec_of(["dice_agg"]), cases(3), made), seed=1, hidden=False)
        assert found.uncertainty.tested is None
        assert "over the cohort" in found.uncertainty.refused["tests"]
