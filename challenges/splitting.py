"""Cases into splits (training, test, …): by patient, evenly over chosen columns, by a seed."""

import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from challenges.ingest.quality import minutes as number

MOST_VALUES = 6
"""A column of numbers with more distinct values is taken in thirds."""
ROUNDS = 200
_WEIGHTS = {"case": 1e6, "column": 10.0, "combination": 1.0}
"""Sizes first, then each column by itself, then combinations of columns."""
_NO_GAIN = 1e-4
"""Rounding of sums of squares at these weights."""
Feature = tuple[str, Hashable]


class SplitRefused(Exception):
    """Shares or columns that no split can be made of; the text says what to change."""


@dataclass(frozen=True)
class CaseRow:
    """name, patient: whose case it is (a patient may have several); metadata: of cases.csv."""

    name: str
    patient: str
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class SplitSummary:
    """Of one split. share: that was asked for. counts[column][value]: cases."""

    name: str
    share: float
    cases: int
    patients: int
    counts: dict[str, dict[str, int]]


@dataclass(frozen=True)
class Imbalance:
    """Where a split differs most from the whole: shares of its cases, and of all, with a value."""

    split: str
    column: str
    value: str
    in_split: float
    in_all: float

    @property
    def difference(self) -> float:
        return abs(self.in_split - self.in_all)

    def sentence(self) -> str:
        return (
            f"The largest imbalance: {self.column} is {self.value} in {self.in_split:.0%} of the "
            f"cases of {self.split}, and in {self.in_all:.0%} of all."
        )


@dataclass(frozen=True)
class Summary:
    """largest: None where no column was chosen."""

    splits: tuple[SplitSummary, ...]
    largest: Imbalance | None


def split_cases(
    rows: Sequence[CaseRow],
    shares: Mapping[str, float],
    stratify_by: Sequence[str],
    seed: int,
) -> dict[str, str]:
    """The split of each case, by name: the same for a seed whatever the order of the rows.

    shares: of the cases, by split, above 0 and together 1. stratify_by: columns whose values are
    spread as evenly as whole patients allow, sizes first; numbers of more than MOST_VALUES values
    are taken in thirds, and an empty cell is a value. All cases of a patient go together. Where
    every patient has one case, each split has its share of the cases to less than one case.

    Patients are placed one by one, the rarest combination first, where they are most wanted; then
    moved and exchanged for as long as that evens out (after the idea of iterative stratification,
    Sechidis et al., ECML PKDD 2011). Raises SplitRefused.
    """
    _check(rows, shares, stratify_by)
    features = _features(rows, stratify_by)
    patients: dict[str, list[str]] = defaultdict(list)
    for row in sorted(rows, key=lambda one: one.name):
        patients[row.patient].append(row.name)
    weights = {
        patient: Counter(one for name in names for one in features[name])
        for patient, names in patients.items()
    }
    table = _Table(weights, shares)
    numbers = {patient: at for at, patient in enumerate(table.patients)}
    for patient in _order(weights, seed):
        table.put(numbers[patient], table.most_wanting(numbers[patient]))
    table.even_out()
    splits = [table.splits[at] for at in table.place]
    found = {name: splits[numbers[patient]] for patient in patients for name in patients[patient]}
    empty = [split for split in table.splits if split not in splits]
    if empty:
        raise SplitRefused(
            f"{', '.join(empty)} would get no case of {len(rows)} ({len(patients)} patients); give "
            "a larger share, or more cases."
        )
    return found


def summarise_splits(
    rows: Sequence[CaseRow],
    splits: Mapping[str, str],
    shares: Mapping[str, float],
    columns: Sequence[str],
) -> Summary:
    """What each split holds; columns are counted as ``split_cases`` takes them."""
    labels = {column: _levels(rows, column) for column in columns}
    parts = []
    for split in shares:
        mine = [row for row in rows if splits[row.name] == split]
        parts.append(
            SplitSummary(
                name=split,
                share=shares[split],
                cases=len(mine),
                patients=len({row.patient for row in mine}),
                counts={
                    column: {
                        value: sum(level[row.name] == value for row in mine)
                        for value in sorted(set(level.values()))
                    }
                    for column, level in labels.items()
                },
            )
        )
    return Summary(tuple(parts), _largest(parts, len(rows)))


def _largest(parts: Iterable[SplitSummary], total: int) -> Imbalance | None:
    parts = list(parts)
    whole: Counter[tuple[str, str]] = Counter()
    for part in parts:
        for column, counts in part.counts.items():
            whole.update({(column, value): count for value, count in counts.items()})
    found = [
        Imbalance(part.name, column, value, count / part.cases, whole[column, value] / total)
        for part in parts
        if part.cases
        for column, counts in part.counts.items()
        for value, count in counts.items()
    ]
    return max(found, key=lambda one: one.difference, default=None)


def _check(rows: Sequence[CaseRow], shares: Mapping[str, float], columns: Sequence[str]) -> None:
    problems = []
    wrong = [name for name, share in shares.items() if not 0 < share <= 1]
    if wrong:
        problems.append(f"the share of {', '.join(wrong)} is expected above 0 and at most 1")
    elif not shares or abs(sum(shares.values()) - 1) > 1e-6:
        problems.append(f"the shares add up to {sum(shares.values()):g}; 1 is expected")
    twice = [name for name, count in Counter(row.name for row in rows).items() if count > 1]
    if twice:
        problems.append(f"{', '.join(sorted(twice))} stands there twice")
    if not rows:
        problems.append("there is no case to split")
    known = {column for row in rows for column in row.metadata}
    for column in columns if rows else ():
        if column not in known:
            problems.append(
                f"no case has a column “{column}”; {', '.join(sorted(known))} are there"
            )
    if problems:
        raise SplitRefused("; ".join(problems) + ".")


def _levels(rows: Sequence[CaseRow], column: str) -> dict[str, str]:
    """The value of each case, by name; numbers of many values as the third that they lie in."""
    values = {row.name: row.metadata.get(column, "").strip() for row in rows}
    told = {name: value for name, value in values.items() if value}
    numbers = {name: number(value) for name, value in told.items()}
    measured = sorted(value for value in numbers.values() if value is not None)
    if len(set(told.values())) <= MOST_VALUES or len(measured) < len(told):
        return {name: value or "not given" for name, value in values.items()}
    low, high = measured[len(measured) // 3], measured[2 * len(measured) // 3]
    words = (f"below {low:g}", f"{low:g} to below {high:g}", f"{high:g} and more")

    def third(value: float | None) -> str:
        if value is None:
            return "not given"
        return words[(value >= low) + (value >= high)]

    return {name: third(numbers.get(name)) for name in values}


def _features(rows: Sequence[CaseRow], columns: Sequence[str]) -> dict[str, list[Feature]]:
    """Of each case what is counted: that it is one, each value, and the combination of values."""
    levels = {column: _levels(rows, column) for column in columns}
    features: dict[str, list[Feature]] = {}
    for row in rows:
        own = [(column, levels[column][row.name]) for column in columns]
        features[row.name] = [("case", ""), *(("column", one) for one in own)]
        if len(own) > 1:
            features[row.name].append(("combination", tuple(own)))
    return features


def _order(weights: Mapping[str, Counter[Feature]], seed: int) -> list[str]:
    """Patients with many cases and rare values first; the seed decides among equals."""
    total: Counter[Feature] = Counter()
    for weight in weights.values():
        total.update(weight)
    order = sorted(weights)
    random.Random(seed).shuffle(order)  # noqa: S311  (no secret)
    return sorted(
        order,
        key=lambda patient: (
            -weights[patient]["case", ""],
            min(total[feature] for feature in weights[patient]),
        ),
    )


class _Table:
    """What each split holds of each feature, beside what it is wanted to hold.

    Evenness is the weighted sum of squares of ``excess`` ``[splits, features]``; patients and
    splits are numbered in the order of their names.
    """

    def __init__(
        self, weights: Mapping[str, Counter[Feature]], shares: Mapping[str, float]
    ) -> None:
        features = sorted({one for weight in weights.values() for one in weight}, key=repr)
        self.patients = sorted(weights)
        self.splits = sorted(shares)
        self.counts = np.array(
            [[weights[patient][one] for one in features] for patient in self.patients], np.float64
        )
        self.weight = np.array([_WEIGHTS[one[0]] for one in features])
        wanted = np.array([shares[split] for split in self.splits])
        self.excess = -np.outer(wanted, self.counts.sum(axis=0))
        self.place = np.full(len(self.patients), -1)

    def put(self, patient: int, split: int) -> None:
        if self.place[patient] >= 0:
            self.excess[self.place[patient]] -= self.counts[patient]
        self.excess[split] += self.counts[patient]
        self.place[patient] = split

    def most_wanting(self, patient: int) -> int:
        """The split that this patient evens out best; the first of equal ones."""
        return int(np.argmin(self.excess @ (self.weight * self.counts[patient])))

    def gains_of_moves(self, patient: int) -> NDArray[np.float64]:
        """For each split by how much a move there would even out."""
        own = self.counts[patient]
        here = self.excess[self.place[patient]]
        gains: NDArray[np.float64] = 2 * (here - self.excess - own) @ (self.weight * own)
        gains[self.place[patient]] = 0.0
        return gains

    def gains_of_exchanges(self, patient: int) -> NDArray[np.float64]:
        """For each patient by how much an exchange with this one would even out."""
        own = self.counts[patient]
        change = self.counts - own
        apart = self.excess[self.place[patient]] - self.excess[self.place]
        gains: NDArray[np.float64] = -2 * (change * (apart + change)) @ self.weight
        gains[self.place == self.place[patient]] = 0.0
        return gains

    def even_out(self) -> None:
        """Move one patient, or exchange two, for as long as that evens out."""
        for _ in range(ROUNDS):
            changed = False
            for patient in range(len(self.patients)):
                moves = self.gains_of_moves(patient)
                if moves.max() > _NO_GAIN:
                    self.put(patient, int(moves.argmax()))
                    changed = True
                exchanges = self.gains_of_exchanges(patient)
                if exchanges.max() > _NO_GAIN:
                    other = int(exchanges.argmax())
                    here, there = int(self.place[patient]), int(self.place[other])
                    self.put(patient, there)
                    self.put(other, here)
                    changed = True
            if not changed:
                return
