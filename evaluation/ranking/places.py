"""Ranks of aggregates; ties take the smallest rank (1, 1, 3)."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from evaluation.metrics import Direction

Entry = TypeVar("Entry", bound=Hashable)

SIGNIFICANT_DIGITS = 12
"""Aggregates are rounded to this before ranking, so that rounding noise makes no order."""


def _rounded(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def rank_values(values: Sequence[float | None], direction: Direction) -> list[int]:
    """Rank of each value, 1 the best. None (no applicable case) ranks after every number."""
    sign = -1.0 if direction is Direction.HIGHER else 1.0
    keys = [(value is None, 0.0 if value is None else sign * _rounded(value)) for value in values]
    return [1 + sum(other < key for other in keys) for key in keys]


def aggregate_then_rank(
    table: Mapping[Entry, Sequence[float | None]], directions: Sequence[Direction]
) -> dict[Entry, tuple[int, float]]:
    """Rank entries on each column, average the ranks equally, rank the averages.

    table: for each entry one aggregate per column. Returns entry → (rank, mean rank).
    """
    entries = list(table)
    columns = [
        rank_values([table[entry][column] for entry in entries], direction)
        for column, direction in enumerate(directions)
    ]
    means = [sum(column[row] for column in columns) / len(columns) for row in range(len(entries))]
    ranks = rank_values(means, Direction.LOWER)
    return {entry: (rank, mean) for entry, rank, mean in zip(entries, ranks, means, strict=True)}
