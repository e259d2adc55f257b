"""Small tables of scores, and those that were published."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.metrics import Direction
from evaluation.ranking import CohortColumn, Column, ScoreTable

HIGHER, LOWER = Direction.HIGHER, Direction.LOWER
DICE = Column("dice", HIGHER, share=True)
VOLUME = Column("fpv_ml", LOWER)


def table(
    values: Any,
    columns: Sequence[Column] = (DICE,),
    *,
    patients: Sequence[str] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
    cohort: tuple[CohortColumn, ...] = (),
) -> ScoreTable:
    """values: [entries][cases] of one column, or [entries][cases][columns]; None: not applicable."""
    array = np.array(values, dtype=np.float64)
    if array.ndim == 2:
        array = array[:, :, None]
    cases = tuple(f"case-{number}" for number in range(array.shape[1]))
    return ScoreTable(
        entries=tuple("abcdefghijklmnopqrstuvwxyz"[: len(array)]),
        cases=cases,
        patients=tuple(patients) or cases,
        columns=tuple(columns),
        values=array,
        groups={name: tuple(labels) for name, labels in (groups or {}).items()},
        cohort=cohort,
    )


def oracle(data_folder: Path) -> dict[str, Any]:
    text = (data_folder / "leaderboards" / "ranking_oracle.json").read_text()
    document: dict[str, Any] = json.loads(text)["T1"]
    return document


def oracle_table(data_folder: Path, missing: float) -> ScoreTable:
    """missing: what a missing result counts as."""
    values = np.array(oracle(data_folder)["values"], dtype=np.float64).T
    return table(np.where(np.isnan(values), missing, values))


def published(data_folder: Path, name: str) -> list[dict[str, str]]:
    with (data_folder / "leaderboards" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def value_and_position(cell: str) -> tuple[float, int]:
    """Of ``0.6226 (1)``."""
    value, position = cell.split()
    return float(value), int(position.strip("()"))
