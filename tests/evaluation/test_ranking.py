"""Ranks: ties, rounding, those outside the pool, published tables, and that failing never pays."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from evaluation.aggregate import clip_to_worst, summarise
from evaluation.metrics import Direction
from evaluation.ranking import aggregate_then_rank, rank_values
from evaluation.scoring import CaseScore
from evaluation.spec import EvaluationSpec
from tests.evaluation.grids import Labels, grid, score

HIGHER, LOWER = Direction.HIGHER, Direction.LOWER


def test_ties_take_the_smallest_rank() -> None:
    assert rank_values([0.9, 0.9, 0.8], HIGHER) == [1, 1, 3]


def test_the_direction_is_the_metrics() -> None:
    assert rank_values([1.0, 3.0, 2.0], HIGHER) == [3, 1, 2]
    assert rank_values([1.0, 3.0, 2.0], LOWER) == [1, 3, 2]


def test_noise_beyond_12_digits_makes_no_order() -> None:
    assert rank_values([0.1 + 0.2, 0.3], LOWER) == [1, 1]
    assert rank_values([1.0, 1.0 + 1e-13], HIGHER) == [1, 1]
    assert rank_values([1e9, 1e9 + 1e-4], HIGHER) == [1, 1]
    assert rank_values([1.0, 1.0 + 1e-10], HIGHER) == [2, 1]


@pytest.mark.parametrize("direction", [HIGHER, LOWER])
def test_no_applicable_case_ranks_last_and_ties_with_its_like(direction: Direction) -> None:
    assert rank_values([None, -1e300, 1e300, None], direction)[0] == 3
    assert rank_values([None, -1e300, 1e300, None], direction)[3] == 3


def test_ranks_are_averaged_and_the_averages_ranked() -> None:
    table = {"a": [0.9, 5.0], "b": [0.8, 1.0], "c": [0.7, 9.0]}
    assert aggregate_then_rank(table, [HIGHER, LOWER]) == {
        "a": (1, 1.5), "b": (1, 1.5), "c": (3, 3.0),
    }  # fmt: skip


def test_nobody_has_no_rank_and_one_entry_is_first() -> None:
    assert aggregate_then_rank({}, [HIGHER]) == {}
    assert aggregate_then_rank({"a": [0.1]}, [HIGHER]) == {"a": (1, 1.0)}


numbers = st.none() | st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8), st.data())
def test_ranks_do_not_depend_on_the_order_of_entries(
    rows: list[tuple[float | None, float | None]], data: st.DataObject
) -> None:
    table = dict(enumerate(rows))
    shuffled = {entry: table[entry] for entry in data.draw(st.permutations(list(table)))}
    directions = [HIGHER, LOWER]
    assert aggregate_then_rank(shuffled, directions) == aggregate_then_rank(table, directions)
    ranks = sorted(rank for rank, _ in aggregate_then_rank(table, directions).values())
    assert ranks[0] == 1
    assert all(rank <= place for place, rank in enumerate(ranks, start=1))


def standing(table: dict[str, list[CaseScore]], spec: EvaluationSpec) -> dict[str, int]:
    """Ranks by the whole way from case scores: clipped, averaged, ranked."""
    columns = [(metric, label) for metric in spec.ranked for label in spec.labels]
    means = {
        entry: [
            summarise(
                clip_to_worst(metric, cell.value, cell.worst)
                for cell in (case.metrics[metric.id][label] for case in cases)
            ).mean
            for metric, label in columns
        ]
        for entry, cases in table.items()
    }
    ranked = aggregate_then_rank(means, [metric.direction for metric, _ in columns])
    return {entry: rank for entry, (rank, _) in ranked.items()}


RANKED = EvaluationSpec(
    metrics=["dice", "hd", "hd95", "assd", "mtv_abs_error_ml", "correct_negative"],
    failure_volume_ml=0.002,  # of two voxels: so that many answers are worse than a failure
)
SHAPE = (2, 2, 3)
# Nothing and everything often: where tables of empty masks go wrong.
masks = st.sampled_from([np.zeros(SHAPE, np.uint8), np.ones(SHAPE, np.uint8)]) | arrays.arrays(
    np.uint8, SHAPE, elements=st.integers(0, 1)
)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(masks, masks, masks, masks), min_size=1, max_size=4),
    st.data(),
)
def test_replacing_any_result_by_a_failure_never_improves_a_rank(
    cases: list[tuple[Labels, Labels, Labels, Labels]], data: st.DataObject
) -> None:
    """Lesion-free cases and answers worse than none among them."""
    geometry = grid(SHAPE)
    table = {
        f"entry {number}": [score(case[0], case[number], geometry, RANKED) for case in cases]
        for number in (1, 2, 3)
    }
    before = standing(table, RANKED)
    failing = data.draw(st.integers(0, len(cases) - 1))
    failed = list(table["entry 1"])
    failed[failing] = score(cases[failing][0], None, geometry, RANKED)
    after = standing({**table, "entry 1": failed}, RANKED)
    assert after["entry 1"] >= before["entry 1"]


def test_failing_on_a_lesion_free_case_costs_as_much_as_drawing_there() -> None:
    """Were it null for the failure alone, failing where nothing is to be found would pay."""
    empty, full = np.zeros(SHAPE, np.uint8), np.ones(SHAPE, np.uint8)
    spec = EvaluationSpec(metrics=["correct_negative"])
    answers = {"drew in one": (full, empty), "failed in one": (None, empty)}
    table = {
        name: [score(empty, answer, spec=spec) for answer in given]
        for name, given in answers.items()
    }
    assert standing(table, spec) == {"drew in one": 1, "failed in one": 1}


def test_an_entry_that_always_fails_is_last() -> None:
    reference = np.ones(SHAPE, np.uint8)
    poor = np.zeros(SHAPE, np.uint8)
    poor[0, 0, 0] = 1
    answers = {"good": reference, "poor": poor, "failing": None}
    spec = EvaluationSpec()
    table = {name: [score(reference, mask, spec=spec)] for name, mask in answers.items()}
    assert standing(table, spec) == {"good": 1, "poor": 2, "failing": 3}


@pytest.mark.data
class TestPublishedTables:
    def test_mean_then_rank_of_an_independent_toolkit(self, data_folder: Path) -> None:
        text = (data_folder / "leaderboards" / "ranking_oracle.json").read_text()
        oracle = json.loads(text)["T1"]
        cases = [[0.0 if cell is None else cell for cell in case] for case in oracle["values"]]
        means = [summarise(column).mean for column in zip(*cases, strict=True)]
        assert means == pytest.approx(oracle["mean_then_rank"]["score"])
        assert rank_values(means, HIGHER) == oracle["mean_then_rank"]["rank"]

    def test_mean_then_rank_of_its_resamples(self, data_folder: Path) -> None:
        text = (data_folder / "leaderboards" / "ranking_oracle.json").read_text()
        oracle = json.loads(text)["T1"]
        cases = np.array([[0.0 if cell is None else cell for cell in c] for c in oracle["values"]])
        for drawn, expected in zip(
            oracle["boot_index"], oracle["boot_rank_mean_then_rank"], strict=True
        ):
            resample = cases[np.array(drawn) - 1]
            means = [summarise(column).mean for column in resample.T.tolist()]
            assert rank_values(means, HIGHER) == expected

    def test_autopet_2022(self, data_folder: Path) -> None:
        """Dice counts half, the two volumes a quarter each; the baseline had no position."""
        rows = [row for row in rows_of(data_folder, "autopet_2022.csv") if row["#"]]
        columns = ["Dice (Position)"] * 2 + [
            "False Negative Volume (Position)", "False Positive Volume (Position)",
        ]  # fmt: skip
        check_published(rows, columns, [HIGHER, HIGHER, LOWER, LOWER])

    def test_autopet_2025(self, data_folder: Path) -> None:
        """Overall columns; Dice and its area under the curve count double. Baselines compete."""
        rows = rows_of(data_folder, "autopet_2025.csv")
        end = " (Position) :: Overall"
        volumes = [f"{kind} Volume" for kind in ("False Negative", "False Positive")]
        columns = ["Dice @last" + end] * 2 + [f"{volume} @last{end}" for volume in volumes]
        columns += ["AUC Dice" + end] * 2 + [f"AUC {volume}{end}" for volume in volumes]
        check_published(rows, columns, [HIGHER, HIGHER, LOWER, LOWER] * 2)


def rows_of(data_folder: Path, name: str) -> list[dict[str, str]]:
    with (data_folder / "leaderboards" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def check_published(
    rows: list[dict[str, str]], columns: list[str], directions: list[Direction]
) -> None:
    """Each metric's position, each mean position, and the place, where no tie-breaker made it."""
    table = {row["Team"]: [float(row[column].split()[0]) for column in columns] for row in rows}
    for place, (column, direction) in enumerate(zip(columns, directions, strict=True)):
        published = [int(row[column].split("(")[1].rstrip(")")) for row in rows]
        assert rank_values([table[row["Team"]][place] for row in rows], direction) == published
    ranks = aggregate_then_rank(table, directions)
    for row in rows:
        rank, mean = ranks[row["Team"]]
        assert mean == pytest.approx(float(row["Mean Position"]))
        tied = [other for other in rows if other["Mean Position"] == row["Mean Position"]]
        assert rank == min(int(float(other["#"])) for other in tied)
