"""A leaderboard as data: frozen rows and cells, with their way into JSON and back."""

from dataclasses import dataclass
from typing import Any

from evaluation.aggregate import Summary


@dataclass(frozen=True)
class Column:
    """One metric and label. short: the title for a table's head. ranked: whether it counts towards
    the rank. cohort: whether it is of all cases together; interval: what its interval is.
    aggregate: what of the cases is shown: mean, median or trimmed_mean. share: from 0 to 1."""

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
    aggregate: str = "mean"
    share: bool = False


@dataclass(frozen=True)
class Row:
    """One entry. cells are in the order of the columns, None for what is withheld; competes is
    false for what is placed only.

    owner: who submitted it. team: for which it stands, with the usernames of its members at that
    time; empty for a person alone. of_organisers: of the side that organises, so without a rank.
    algorithm_id: of its page. kind: "predictions" for masks that were made elsewhere, so that
    nothing was run; "reader" for a person's masks, scored against the other readers'.
    seconds_per_case: mean wall time of the cases that have one; peak_memory_bytes: the largest of
    any case. sandboxed is false for plain processes.
    rank: None where nothing could be ranked. mean_rank: what the rank is of. low, high: first and
    last rank of the middle 95 % of resamples; set_low, set_high: of the simultaneous rank set; all
    None, and the tier, for what does not compete, and beyond the entries that are tested.
    """

    submission: str
    algorithm: str
    version: int
    owner: str
    is_baseline: bool
    competes: bool
    sandboxed: bool
    rank: int | None
    mean_rank: float | None
    cases: int
    failed: int
    seconds_per_case: float | None
    cells: tuple[Summary | None, ...]
    team: str = ""
    members: tuple[str, ...] = ()
    of_organisers: bool = False
    kind: str = "container"
    algorithm_id: str = ""
    peak_memory_bytes: int | None = None
    low: int | None = None
    high: int | None = None
    set_low: int | None = None
    set_high: int | None = None
    tier: int | None = None

    @property
    def rank_shown(self) -> int | None:
        """None where the place would be taken for a rank."""
        return None if self.of_organisers else self.rank


@dataclass(frozen=True)
class Table:
    """Rows in the order of rank. cases, patients: on which it stands; None where a snapshot is from
    before that was kept. refused: why there are no ranks; empty where there are. withheld: keys of
    columns that the public of a hidden phase does not see here. tested: key of the column by whose
    tests there are rank sets and tiers; empty where there are none. among: how many entries were
    ranked in each resample; None where none were, and of snapshots from before it was kept."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    cases: int | None = None
    patients: int | None = None
    refused: str = ""
    withheld: tuple[str, ...] = ()
    tested: str = ""
    among: int | None = None

    def by_rank(self) -> tuple[Row, ...]:
        """Of two at one place, the one that is placed only comes first: it beat the other. Who has
        no rank comes last."""

        def place(row: Row) -> tuple[bool, int, float, bool, str]:
            unranked = row.rank is None
            return unranked, row.rank or 0, row.mean_rank or 0, row.competes, row.algorithm

        return tuple(sorted(self.rows, key=place))

    def title_of(self, key: str) -> str:
        """Of a column; the key itself where there is none."""
        return next((column.title for column in self.columns if column.key == key), key)

    def to_json(self) -> dict[str, Any]:
        # ``asdict`` copies each value, and takes a third of the time of a large snapshot.
        return {
            **vars(self),
            "withheld": list(self.withheld),
            "columns": [dict(vars(column)) for column in self.columns],
            "rows": [
                {
                    **vars(row),
                    "members": list(row.members),
                    "cells": [None if cell is None else dict(vars(cell)) for cell in row.cells],
                }
                for row in self.rows
            ],
        }

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
            document.get("cases"),
            document.get("patients"),
            document.get("refused", ""),
            tuple(document.get("withheld", ())),
            document.get("tested", ""),
            document.get("among"),
        )
