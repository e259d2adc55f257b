"""A rehearsal tells good from bad, is the same for a seed, and says what its numbers stand on."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from challenges.rehearsal import PARTICIPANTS, RehearsalCase, RehearsalRefused, Report, rehearse
from challenges.rehearsal.noise import calibrated, drawings, lesions, redrawn
from challenges.rehearsal.participants import LEVELS, Scene, drawn_by
from challenges.rehearsal.power import null_differences, power, smallest_difference, wilcoxon_p
from challenges.rehearsal.ranks import patient_means, table_of
from challenges.rehearsal.rehearsing import kendall_tau, report_on
from challenges.rehearsal.scores import Scores, score_all, with_failures
from evaluation.geometry import Geometry
from evaluation.ranking import aggregate_then_rank
from evaluation.ranking.words import recipe_in_words
from evaluation.spec import EvaluationSpec, RankingSpec
from evaluation.volumes import Volume, write_mha

GRID = Geometry((40, 36, 44), (4.0, 4.0, 4.0))
SPEC = EvaluationSpec(metrics=["dice", "assd", "mtv_abs_error_ml"])
Z, Y, X = np.indices(GRID.shape)


def body_with(*balls: tuple[int, int, int, float]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """SUV 1 in a body, SUV 6 in lesions (z, y, x, radius in voxels); and the lesions."""
    suv = np.where((Y - 18) ** 2 + (X - 20) ** 2 < 15**2, 1.0, 0.0).astype(np.float32)
    drawn = np.zeros(GRID.shape, bool)
    for z, y, x, radius in balls:
        drawn |= (Z - z) ** 2 + (Y - y) ** 2 + (X - x) ** 2 <= radius**2
    suv[drawn] = 6.0
    return suv, drawn


def stored(folder: Path, number: int, readers: int = 1, free: bool = False) -> RehearsalCase:
    rng = np.random.default_rng(number)
    balls = [
        (int(rng.integers(10, 34)), int(rng.integers(12, 24)), 12, 2 + number % 4),
        (22, 18, 26, 3),
    ]
    suv, drawn = body_with(*balls[: 1 + number % 2])
    place = folder / f"case-{number:02}"
    place.mkdir(parents=True)
    (place / "pet.mha").write_bytes(write_mha(Volume(suv, GRID)))
    masks = []
    for reader in range(readers):
        mask = np.roll(drawn, reader, 0).astype(np.uint8) * (not free)
        masks.append(place / f"mask-{reader}.mha")
        masks[-1].write_bytes(write_mha(Volume(mask, GRID)))
    return RehearsalCase(
        place.name, f"patient-{number}", place / "pet.mha", tuple(masks),
        {str(n): mask for n, mask in enumerate(masks)}, {},
    )  # fmt: skip


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[RehearsalCase]:
    return [stored(tmp_path_factory.mktemp("cases"), number) for number in range(12)]


@pytest.fixture(scope="module")
def scores(cases: list[RehearsalCase]) -> Scores:
    return score_all(cases, SPEC, 1, 1, lambda done, total: None)


@pytest.fixture(scope="module")
def report(scores: Scores) -> Report:
    return report_on(scores, SPEC, 1, 200)


class TestReaders:
    @pytest.mark.parametrize(("dice", "miss"), [(0.93, 0.1), (0.84, 0.2), (0.70, 0.4)])
    def test_agree_as_their_level_says(self, dice: float, miss: float) -> None:
        found = [
            lesions(body_with((20, 18, 20, 3 + 2 * (n % 3)), (36, 18, 20, 4))[1], GRID)
            for n in range(6)
        ]
        assert calibrated(found, dice, miss, [1]).dice == pytest.approx(dice, abs=0.02)

    def test_without_straying_draw_the_mask_itself(self) -> None:
        _, drawn = body_with((20, 18, 14, 4), (20, 18, 28, 2))
        found = lesions(drawn, GRID)
        chance = drawings(found, np.random.default_rng(0))
        np.testing.assert_array_equal(redrawn(found, chance, 0.0, 0.0), np.flatnonzero(drawn))

    def test_stray_farther_with_sigma(self) -> None:
        _, drawn = body_with((20, 18, 20, 5))
        found = lesions(drawn, GRID)
        chance = drawings(found, np.random.default_rng(0))
        apart = [
            np.setxor1d(redrawn(found, chance, sigma, 0.0), np.flatnonzero(drawn)).size
            for sigma in (0.5, 2.0, 4.0, 8.0)
        ]
        assert apart == sorted(apart)
        assert len(set(apart)) == 4

    def test_miss_small_lesions_and_never_the_largest(self) -> None:
        _, drawn = body_with((20, 18, 14, 5), (20, 18, 30, 0))
        found = lesions(drawn, GRID)
        rng = np.random.default_rng(0)
        small = np.ravel_multi_index((20, 18, 30), GRID.shape)
        kept = [redrawn(found, drawings(found, rng), 0.0, 1.0) for _ in range(200)]
        missed = np.mean([small not in one for one in kept])
        assert missed == pytest.approx(math.exp(-0.064), abs=0.06)
        assert all(one.size >= drawn.sum() - 1 for one in kept)

    def test_of_a_mask_without_lesions_draw_none(self) -> None:
        found = lesions(np.zeros(GRID.shape, bool), GRID)
        assert redrawn(found, drawings(found, np.random.default_rng(0)), 3.0, 0.0).size == 0


class TestParticipants:
    @pytest.fixture
    def scene(self) -> Scene:
        suv, drawn = body_with((20, 18, 12, 3), (34, 18, 28, 2))
        suv[20, 18, 12] = 20.0
        return Scene(suv, drawn.astype(np.uint8) * 3, GRID, {"lesion": 3})

    def test_thresholds_keep_what_is_hot_enough(self, scene: Scene) -> None:
        drawn = drawn_by(scene)
        np.testing.assert_array_equal(drawn["suv_4"]() == 3, scene.suv >= 4)
        # 41 % of 20 is more than 6: of the first lesion only the hottest voxel is left.
        share = drawn["max_41"]() == 3
        assert share[:28].sum() == 1
        np.testing.assert_array_equal(share[28:], scene.truth[28:] == 3)

    def test_shifts_and_mirrors_are_the_reference_elsewhere(self, scene: Scene) -> None:
        drawn = drawn_by(scene)
        np.testing.assert_array_equal(drawn["shifted_3"](), np.roll(scene.truth, 3, 2))
        np.testing.assert_array_equal(drawn["mirrored"](), scene.truth[:, :, ::-1])
        turned = replace(scene, geometry=replace(GRID, direction=(0, -1, 0, 1, 0, 0, 0, 0, 1)))
        np.testing.assert_array_equal(drawn_by(turned)["shifted_1"](), np.roll(scene.truth, -1, 1))
        np.testing.assert_array_equal(drawn_by(turned)["mirrored"](), scene.truth[:, ::-1])

    def test_what_is_shifted_out_of_the_image_does_not_come_back(self, scene: Scene) -> None:
        full = replace(scene, truth=np.full(GRID.shape, 3, np.uint8))
        shifted = drawn_by(full)["shifted_3"]()
        assert not shifted[:, :, :3].any()
        assert shifted[:, :, 3:].all()

    def test_the_body_holds_the_body_and_empty_nothing(self, scene: Scene) -> None:
        drawn = drawn_by(scene)
        inside = scene.suv > 0.5
        assert (drawn["body"]()[inside] == 3).mean() > 0.95
        assert not drawn["empty"]().any()

    def test_every_participant_draws_or_is_made_of_one_that_does(self, scene: Scene) -> None:
        assert {*drawn_by(scene), *LEVELS, "failing"} == {one.id for one in PARTICIPANTS}


class TestPower:
    @pytest.mark.parametrize("kind", ["plain", "ties", "zeros"])
    def test_p_is_scipys(self, kind: str) -> None:
        rng = np.random.default_rng(3)
        rows = rng.normal(0.3, 1.0, (50, 20))
        if kind != "plain":
            rows = np.round(rows)
        if kind == "ties":
            rows[rows == 0] = 1
        expected = [
            stats.wilcoxon(row, zero_method="wilcox", correction=True, method="approx").pvalue
            for row in rows
        ]
        np.testing.assert_allclose(wilcoxon_p(rows), expected, rtol=1e-12)

    def test_no_difference_at_all_is_never_significant(self) -> None:
        assert wilcoxon_p(np.zeros((3, 9))).tolist() == [1.0, 1.0, 1.0]

    def test_of_normal_differences_is_what_scipy_simulates(self) -> None:
        """Differences of SD 1 in 40 patients: the t-test's 0.45 over the root of 0.955, ARE."""
        null = np.random.default_rng(0).normal(0.0, 1.0, (4000, 40))
        smallest = smallest_difference(null)
        assert smallest is not None
        t_test = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) / math.sqrt(40)
        assert smallest == pytest.approx(t_test / math.sqrt(0.955), rel=0.06)
        other = np.random.default_rng(1).normal(smallest, 1.0, (600, 40))
        shown = np.mean(
            [stats.wilcoxon(row, correction=True, method="approx").pvalue <= 0.05 for row in other]
        )
        assert shown == pytest.approx(0.8, abs=0.05)

    def test_more_patients_show_smaller_differences(self) -> None:
        rng = np.random.default_rng(0)
        found = [smallest_difference(rng.normal(0.0, 1.0, (500, n))) for n in (10, 40, 160)]
        assert found == sorted(found, reverse=True)  # type: ignore[type-var]

    def test_few_patients_show_nothing(self) -> None:
        assert smallest_difference(np.random.default_rng(0).normal(0.0, 1.0, (200, 4))) is None

    def test_participants_who_do_not_differ_show_zero(self) -> None:
        assert smallest_difference(np.zeros((50, 20))) == 0.0

    def test_chance_alone_is_significant_in_a_twentieth(self) -> None:
        similar = np.random.default_rng(0).normal(0.8, 0.1, (5, 60))
        null = null_differences(similar, 2000, np.random.default_rng(1))
        assert power(null, 0.0) == pytest.approx(0.05, abs=0.02)
        assert (null != 0).all()


class TestRanks:
    def test_of_all_cases_are_the_leaderboards(self, scores: Scores, report: Report) -> None:
        values = dict(zip(scores.participants, scores.values, strict=True))
        by_hand = {name: list(np.nanmean(own, axis=1)) for name, own in values.items()}
        directions = [column.metric.direction for column in scores.columns]
        expected = aggregate_then_rank(by_hand, directions)
        assert {row.id: row.rank for row in report.rows} == {
            name: rank for name, (rank, _) in expected.items()
        }

    def test_a_table_holds_what_was_scored(self, scores: Scores) -> None:
        values = dict(zip(scores.participants, scores.values, strict=True))
        table = table_of(scores, SPEC, values, scores.counts)
        np.testing.assert_array_equal(table.values, scores.values.transpose(0, 2, 1))
        assert table.patients == scores.patients

    def test_a_patient_counts_by_the_mean_of_what_applies(self) -> None:
        values = np.array([[1.0, 3.0, np.nan, 5.0], [2.0, 4.0, np.nan, 6.0]])
        found = patient_means(values, ["p", "p", "q", "r"])
        np.testing.assert_array_equal(found, [[2.0, 5.0], [3.0, 6.0]])

    def test_failures_count_as_the_worst(self) -> None:
        values, worst = np.array([[0.9, 0.8, 0.7]]), np.zeros((1, 3))
        assert with_failures(values, worst, [1]).tolist() == [[0.9, 0.0, 0.7]]
        assert values.tolist() == [[0.9, 0.8, 0.7]]

    @pytest.mark.parametrize(
        ("one", "other"),
        [([1, 2, 3, 4], [1, 2, 3, 4]), ([1, 2, 3, 4], [4, 3, 1, 2]), ([1, 1, 2, 3], [2, 1, 1, 3])],
    )
    def test_tau_is_scipys(self, one: list[float], other: list[float]) -> None:
        assert kendall_tau(one, other) == pytest.approx(stats.kendalltau(one, other).statistic)

    def test_a_constant_ranking_has_no_tau(self) -> None:
        assert kendall_tau([1, 2, 3], [1, 1, 1]) is None


def by(scores: Scores, **ranking: Any) -> Report:
    spec = EvaluationSpec.model_validate({"metrics": SPEC.metrics, "ranking": ranking})
    return report_on(scores, spec, 1, 100)


class TestTheDeclaredRecipe:
    def test_is_told_in_words(self, report: Report) -> None:
        assert report.recipe == recipe_in_words(SPEC)

    @pytest.mark.parametrize(
        "ranking",
        [
            {"scheme": "rank_then_aggregate"},
            {"scheme": "borda"},
            {"scheme": "test_then_rank", "adjustment": "none", "metrics": ["dice"]},
        ],
    )
    def test_every_scheme_ranks_the_simulated(self, scores: Scores, ranking: Any) -> None:
        found = by(scores, **ranking)
        rank = {row.id: row.rank for row in found.rows}
        assert rank["perfect"] == 1
        assert rank["reader_near"] < rank["reader_far"] < rank["body"]

    def test_weights_name_what_ranks(self, scores: Scores) -> None:
        found = by(scores, weights={"dice": 3, "assd": 1})
        assert [head.key for head in found.metrics if head.ranked] == [
            "dice[lesion]", "assd[lesion]",
        ]  # fmt: skip
        assert [one.key for one in found.detectable] == ["dice[lesion]", "assd[lesion]"]

    def test_the_declared_aggregate_is_what_is_shown(self, scores: Scores) -> None:
        found = by(scores, aggregate="median")
        row = next(row for row in found.rows if row.id == "reader_far")
        own = scores.values[scores.participants.index("reader_far")]
        np.testing.assert_allclose(np.array(row.aggregates, float), np.nanmedian(own, axis=1))

    def test_ranks_are_made_within_the_groups_of_the_cases(self, scores: Scores) -> None:
        halved = replace(
            scores,
            cases=tuple(
                replace(case, groups={"half": str(at % 2)}) for at, case in enumerate(scores.cases)
            ),
        )
        found = by(halved, per_subgroup="half", stratum="half")
        assert "Within each group of cases by half" in found.recipe[0]
        assert {row.id: row.rank for row in found.rows}["perfect"] == 1

    def test_one_that_cannot_be_made_is_refused_in_words(self, scores: Scores) -> None:
        with pytest.raises(RehearsalRefused, match="not grouped by 'tracer'"):
            by(scores, per_subgroup="tracer")

    def test_a_report_from_before_it_was_told_is_still_read(self, report: Report) -> None:
        document = {k: v for k, v in report.to_json().items() if k != "recipe"}
        document["rows"] = [
            {**row, "mean_rank": 1.0, "metric_ranks": [1]} for row in document["rows"]
        ]
        assert Report.from_json(document) == replace(report, recipe=())


class TestReport:
    def test_the_copy_wins_and_readers_stand_in_their_order(self, report: Report) -> None:
        rank = {row.id: row.rank for row in report.rows}
        assert rank["perfect"] == 1
        assert rank["reader_near"] < rank["reader_middle"] < rank["reader_far"] < rank["body"]
        assert report.warnings == ()

    def test_dice_separates_and_volume_does_not_see_a_mirror(self, report: Report) -> None:
        by_key = {one.key: one for one in report.separation}
        dice, volume = by_key["dice[lesion]"], by_key["mtv_abs_error_ml[lesion]"]
        assert dice.in_order
        assert dice.not_below == ()
        assert dice.tau is not None
        assert dice.tau > 0.9
        assert "mirrored" in volume.not_below

    def test_failing_costs_what_the_worst_values_say(self, scores: Scores, report: Report) -> None:
        (cost,) = [one for one in report.failure_costs if one.participant == "reader_near"]
        assert cost.rank_change >= 0
        change = cost.metric_changes["dice[lesion]"]
        mean = np.nanmean(scores.values[scores.participants.index("reader_near")][0])
        assert change == pytest.approx(-mean / 12, rel=0.02)
        assert report.failed == 1

    def test_comes_back_from_json_as_it_was(self, report: Report) -> None:
        text = json.dumps(report.to_json(), allow_nan=False)
        assert Report.from_json(json.loads(text)) == report

    def test_every_sentence_says_on_how_many_it_stands(self, report: Report) -> None:
        for sentence in report.sentences():
            assert "12 patients" in sentence
            assert "seed 1" in sentence
            assert "None" not in sentence
            assert "nan" not in sentence

    def test_ranges_hold_the_rank_of_most_resamples(self, report: Report) -> None:
        for row in report.rows:
            if row.id == "perfect":
                assert (row.rank_low, row.rank_high) == (None, None)
            else:
                assert row.rank_low is not None
                assert row.rank_high is not None
                assert 1 <= row.rank_low <= row.rank_high <= len(report.rows) - 1
        assert report.similar is not None
        assert 1 <= report.similar.rank_range_width <= report.similar.participants

    def test_the_same_seed_gives_the_same_whatever_the_order_and_processes(
        self, cases: list[RehearsalCase], report: Report
    ) -> None:
        told: list[tuple[int, int]] = []
        again = rehearse(
            cases[::-1],
            SPEC,
            seed=1,
            repeats=200,
            processes=2,
            progress=lambda *now: told.append(now),
        )
        assert again == report
        assert told == [(done, 12) for done in range(1, 13)]

    def test_another_seed_draws_others(self, cases: list[RehearsalCase]) -> None:
        one, two = (rehearse(cases[:3], SPEC, seed=seed, repeats=20) for seed in (1, 2))
        assert one.rows != two.rows


def small(tmp_path: Path, spec: EvaluationSpec, **options: Any) -> Report:
    cases = [stored(tmp_path, number, **options) for number in range(4)]
    return rehearse(cases, spec, seed=5, repeats=20)


class TestKinds:
    def test_two_references_are_averaged_and_real_readers_compared(self, tmp_path: Path) -> None:
        report = small(tmp_path, SPEC, readers=2)
        assert report.reader_dice is not None
        assert 0.5 < report.reader_dice < 1
        copy = next(row for row in report.rows if row.id == "perfect")
        dice = copy.aggregates[0]
        assert dice == pytest.approx((1 + report.reader_dice) / 2)

    def test_lesion_free_cases_take_part(self, tmp_path: Path) -> None:
        cases = [stored(tmp_path, n, free=n == 1) for n in range(8)]
        report = rehearse(cases, SPEC, seed=5, repeats=20)
        assert {one.key: one.patients for one in report.detectable} == {
            "dice[lesion]": 7, "assd[lesion]": 7, "mtv_abs_error_ml[lesion]": 8,
        }  # fmt: skip

    def test_without_any_lesion_nothing_is_rehearsed(self, tmp_path: Path) -> None:
        with pytest.raises(RehearsalRefused, match="None of the 4 cases has a lesion"):
            small(tmp_path, SPEC, free=True)
        with pytest.raises(RehearsalRefused, match="There is no case"):
            rehearse([], SPEC, seed=1)

    def test_metrics_over_the_cohort_and_of_suv_rank_too(self, tmp_path: Path) -> None:
        spec = EvaluationSpec(metrics=["dice", "dice_agg", "suv_max_error"])
        report = small(tmp_path, spec)
        assert [head.key for head in report.metrics if head.ranked] == [
            "dice[lesion]", "dice_agg[lesion]",
        ]  # fmt: skip
        copy = next(row for row in report.rows if row.id == "perfect")
        assert (copy.rank, copy.aggregates) == (1, (1.0, 0.0, 1.0))

    def test_a_rank_by_the_cohort_alone_has_no_contest_of_equals(self, tmp_path: Path) -> None:
        spec = EvaluationSpec(
            metrics=["dice", "dice_agg"], ranking=RankingSpec(metrics=["dice_agg"])
        )
        report = small(tmp_path, spec)
        assert report.similar is None
        assert report.detectable == ()

    def test_a_ranking_that_empty_masks_win_is_warned_of(self, tmp_path: Path) -> None:
        cases = [stored(tmp_path, n, free=n > 0) for n in range(4)]
        spec = EvaluationSpec(
            metrics=["case_specificity"], ranking=RankingSpec(metrics=["case_specificity"])
        )
        report = rehearse(cases, spec, seed=1, repeats=20)
        assert any(text.startswith("Empty masks have rank 1") for text in report.warnings)
        assert any("cannot tell simulated readers" in text for text in report.warnings)
