"""Rankings of 1 000 resamples of a leaderboard, against loops over what is in it, in one run.

    .venv/bin/python -m benchmarks.ranking [--entries 50] [--cases 200] [--columns 4]
        [--resamples 1000] [--loops 20]

The loops draw the same patients, and do one thing at a time: a resample, a column, an entry, a
test (of scipy). They run on the first ``--loops`` resamples (one, where pairs are tested), and
their time is multiplied; on those they have to find the same ranks. Times are of the CPU, of all
threads of this process; of three runs, the middle one.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import stats

from evaluation.metrics import Direction
from evaluation.ranking import Adjustment, Aggregate, Column, Recipe, Scheme, ScoreTable
from evaluation.ranking.places import aggregate_then_rank
from evaluation.uncertainty import bootstrap, draw_patients

RUNS = 3
HIGHER, LOWER = Direction.HIGHER, Direction.LOWER
ALPHA = 0.05
Loop = Callable[[ScoreTable, NDArray[np.int64]], list[int]]


@dataclass(frozen=True)
class Contest:
    """What is timed: a recipe, and the loop that does the same."""

    name: str
    recipe: Recipe
    loop: Loop
    tests: bool = False


def simulated(entries: int, cases: int, columns: int, patients: int) -> ScoreTable:
    """Entries of similar quality; every fifth case is lesion-free, and has no Dice."""
    random = np.random.default_rng(20)
    quality = random.normal(0.0, 0.3, size=(entries, 1, 1))
    hardness = random.normal(0.0, 1.0, size=(1, cases, 1))
    values = 1 / (1 + np.exp(-random.normal(quality + hardness, 0.5, (entries, cases, columns))))
    values[:, ::5, 0] = np.nan
    return ScoreTable(
        entries=tuple(f"entry-{number}" for number in range(entries)),
        cases=tuple(f"case-{number}" for number in range(cases)),
        patients=tuple(f"patient-{number % patients}" for number in range(cases)),
        columns=tuple(
            Column(f"metric_{number}", LOWER if number % 2 else HIGHER, share=True)
            for number in range(columns)
        ),
        values=values,
    )


def cases_of(table: ScoreTable, counts: NDArray[np.float64]) -> NDArray[np.int64]:
    """The drawn cases, as often as their patient was drawn."""
    return np.repeat(np.arange(len(table.cases)), counts[table.patient_of_case].astype(int))


def value_of(values: list[float], aggregate: Callable[[list[float]], float]) -> float | None:
    there = [value for value in values if not np.isnan(value)]
    return aggregate(there) if there else None


def loop_of(aggregate: Callable[[list[float]], float]) -> Loop:
    def aggregated(table: ScoreTable, drawn: NDArray[np.int64]) -> list[int]:
        found = {
            entry: [
                value_of(table.values[row, drawn, at].tolist(), aggregate)
                for at in range(len(table.columns))
            ]
            for row, entry in enumerate(table.entries)
        }
        directions = [column.direction for column in table.columns]
        return [rank for rank, _ in aggregate_then_rank(found, directions).values()]

    return aggregated


def ranked_within_cases(table: ScoreTable, drawn: NDArray[np.int64]) -> list[int]:
    means: list[list[float]] = []
    for at, column in enumerate(table.columns):
        sign = 1.0 if column.direction is HIGHER else -1.0
        of_cases = []
        for case in drawn:
            values = sign * table.values[:, case, at]
            if not np.isnan(values).any():
                of_cases.append(stats.rankdata(-values, method="min").tolist())
        means.append([statistics.fmean(ranks) for ranks in zip(*of_cases, strict=True)])
    return ranks_of(table, means, LOWER)


def tested(table: ScoreTable, drawn: NDArray[np.int64]) -> list[int]:
    """One patient per case: the differences of cases are those of patients."""
    shares: list[list[float]] = []
    for at, column in enumerate(table.columns):
        sign = 1.0 if column.direction is HIGHER else -1.0
        values = sign * table.values[:, drawn, at]
        shares.append([float(beaten(values, row)) for row in range(len(table.entries))])
    return ranks_of(table, shares, HIGHER)


def beaten(values: NDArray[np.float64], row: int) -> int:
    number = 0
    for other in range(len(values)):
        differences = values[row] - values[other]
        differences = differences[~np.isnan(differences) & (differences != 0)]
        if other == row or not differences.size:
            continue
        test = stats.wilcoxon(differences, correction=True, alternative="greater", method="approx")
        number += bool(test.pvalue <= ALPHA)
    return number


def ranks_of(table: ScoreTable, scores: list[list[float]], direction: Direction) -> list[int]:
    """scores: [columns][entries]."""
    rows = {entry: [column[at] for column in scores] for at, entry in enumerate(table.entries)}
    found = aggregate_then_rank(rows, [direction] * len(scores))
    return [rank for rank, _ in found.values()]


CONTESTS = (
    Contest("mean-then-rank", Recipe(), loop_of(statistics.fmean)),
    Contest(
        "median-then-rank", Recipe(aggregate=Aggregate.MEDIAN), loop_of(statistics.median)
    ),
    Contest(
        "rank-then-mean", Recipe(scheme=Scheme.RANK_THEN_AGGREGATE), ranked_within_cases
    ),
    Contest(
        "test-then-rank",
        Recipe(scheme=Scheme.TEST_THEN_RANK, adjustment=Adjustment.NONE),
        tested,
        tests=True,
    ),
)  # fmt: skip


def cpu_seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def row_of(contest: Contest, table: ScoreTable, counts: NDArray[np.float64], loops: int) -> str:
    """A row of the table of the docs. Raises AssertionError where the loops rank otherwise."""
    runs = 1 if contest.tests else RUNS
    ours = statistics.median(
        cpu_seconds(lambda: bootstrap(table, contest.recipe, counts)) for _ in range(runs)
    )
    tried = min(1 if contest.tests else loops, len(counts))
    found: list[list[int]] = []
    loop = cpu_seconds(
        lambda: found.extend(contest.loop(table, cases_of(table, row)) for row in counts[:tried])
    )
    ranks = bootstrap(table, contest.recipe, counts[:tried]).ranks.tolist()
    if found != ranks:
        raise AssertionError(f"{contest.name}: the loops find other ranks")
    whole = loop * len(counts) / tried
    return f"| {contest.name} | {ours:.2f} | {whole:.0f} | {whole / ours:.0f} | {tried} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        ("entries", 50), ("cases", 200), ("columns", 4), ("resamples", 1000), ("loops", 20),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    table = simulated(asked.entries, asked.cases, asked.columns, asked.cases)
    counts = draw_patients(table, 1, number=asked.resamples)
    print(
        f"{asked.entries} entries × {asked.cases} cases × {asked.columns} columns,"
        f" {asked.resamples} resamples; Python {platform.python_version()}, NumPy"
        f" {np.__version__}, SciPy {scipy.__version__}\n"
    )
    print("| | Uptake, CPU s | loops, CPU s | ratio | resamples looped over |")
    print("| --- | --- | --- | --- | --- |")
    for contest in CONTESTS:
        print(row_of(contest, table, counts, asked.loops), flush=True)


if __name__ == "__main__":
    main()
