"""A leaderboard as data: frozen rows and cells, with their way into JSON and back."""

from dataclasses import asdict, dataclass
from typing import Any

from evaluation.aggregate import Summary


@dataclass(frozen=True)
class Column:
    """One metric and label. short: the title for a table's head. ranked: whether it counts towards
    the rank. cohort: whether it is of all cases together; interval: what its interval is."""

    key: str
    metric: str
    label: str
    title: str
    short: str
    unit: str
    direction: str
    decimals: int
    ranked: bool
    cohort: bool = False
    interval: str = ""


@dataclass(frozen=True)
class Row:
    """One entry. cells are in the order of the columns; competes is false for what is placed only.

    owner: who submitted it. team: for which it stands, with the usernames of its members at that
    time; empty for a person alone. of_organisers: of the side that organises, so without a rank.
    algorithm_id: of its page. kind: "predictions" for masks that were made elsewhere, so that
    nothing was run. seconds_per_case: mean wall time of the cases that have one. sandboxed is false
    for plain processes.
    """

    submission: str
    algorithm: str
    version: int
    owner: str
    is_baseline: bool
    competes: bool
    sandboxed: bool
    rank: int
    mean_rank: float
    cases: int
    failed: int
    seconds_per_case: float | None
    cells: tuple[Summary, ...]
    team: str = ""
    members: tuple[str, ...] = ()
    of_organisers: bool = False
    kind: str = "container"
    algorithm_id: str = ""

    @property
    def rank_shown(self) -> int | None:
        """None where the place would be taken for a rank."""
        return None if self.of_organisers else self.rank


@dataclass(frozen=True)
class Table:
    """metrics by mean over cases, ranks averaged; rows in the order of rank."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Table":
        return cls(
            # A snapshot is never rewritten; those from before there were short titles have none,
            # nor have those from before there were teams these.
            tuple(Column(**{"short": column["title"], **column}) for column in document["columns"]),
            tuple(
                Row(
                    **{
                        **row,
                        "cells": tuple(Summary(**cell) for cell in row["cells"]),
                        "members": tuple(row.get("members", ())),
                    }
                )
                for row in document["rows"]
            ),
        )
