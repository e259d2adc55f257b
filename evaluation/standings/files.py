"""``results.csv``: everything that a leaderboard is reckoned from, written and read exactly.

A row for each entry, target and case that was scored, in UTF-8. ``against`` names the reader where
a row is not of the challenge's own targets. Numbers are written so that the same float64 is read
again; an empty cell is a value that does not apply.
"""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

import numpy as np

from evaluation.counts import Counts
from evaluation.errors import EvaluationError
from evaluation.spec import EvaluationSpec
from evaluation.spreadsheets import plain_cell, text_of_cell
from evaluation.standings.scores import CaseFacts, EntryScores, Scored

FIXED = (
    "phase", "edition", "entry", "name", "competes", "against", "target", "case", "position",
    "patient", "failed",
)  # fmt: skip
GROUP, COLUMN, COUNTS, WORST = "group:", "column:", "counts:", ":worst"
YES, NO = "yes", "no"
_MOST_TOLD = 20
_MOST_ROWS = 20_000_000


class ResultsRefused(EvaluationError):
    """A file that is not ``results.csv``; the message tells every problem with its line."""


@dataclass(frozen=True)
class Results:
    """scored: what ranks. readers: the same entries against each single reader. names: of entries,
    by key. phase, edition: of which the draws are seeded."""

    scored: Scored
    phase: str
    edition: int
    names: Mapping[str, str]
    readers: Mapping[str, Scored] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """The file, line by line, its head first."""
        return _lines_of(self)


def _lines_of(results: Results) -> Iterator[str]:
    spec = results.scored.spec
    groups = sorted({name for case in results.scored.cases for name in case.groups})
    metadata = sorted({name for case in results.scored.cases for name in case.metadata})
    yield _line(
        [
            *FIXED,
            *(f"{GROUP}{name}" for name in groups),
            *(f"{COLUMN}{name}" for name in metadata),
            *(name for key in _keys(spec) for name in (key, f"{key}{WORST}")),
            *(f"{COUNTS}{label}" for label in spec.labels if spec.cohort),
        ]
    )
    position = {case.name: at for at, case in enumerate(results.scored.cases)}
    for against, scored in (("", results.scored), *sorted(results.readers.items())):
        for entry in scored.entries:
            head = [
                results.phase,
                str(results.edition),
                entry.key,
                results.names.get(entry.key, entry.key),
                YES if entry.competes else NO,
                against,
            ]
            for row in _rows(scored, entry):
                case = scored.cases[row.case]
                yield _line(
                    [
                        *head,
                        str(row.target + 1),
                        case.name,
                        str(position[case.name]),
                        case.patient,
                        YES if entry.failed[row.case] else NO,
                        *(case.groups.get(name, "") for name in groups),
                        *(case.metadata.get(name, "") for name in metadata),
                    ],
                    row.numbers,
                )


def _line(texts: Sequence[str], numbers: Sequence[str] = ()) -> str:
    file = io.StringIO(newline="")
    csv.writer(file).writerow([*map(plain_cell, texts), *numbers])
    return file.getvalue()


@dataclass(frozen=True)
class _Row:
    target: int
    case: int
    numbers: tuple[str, ...]


def _keys(spec: EvaluationSpec) -> tuple[str, ...]:
    return tuple(
        spec.column_key(metric.id, label) for metric in spec.shown for label in spec.labels
    )


def _rows(scored: Scored, entry: EntryScores) -> Iterator[_Row]:
    """Of the cases that were read."""
    targets, _, columns = entry.measured.shape
    spec = scored.spec
    read = np.flatnonzero(entry.read).tolist()
    for target in range(targets):
        for case in read:
            counts = entry.counts[target][case] if entry.counts else None
            values = [
                one
                for column in range(columns)
                for one in (entry.measured[target, case, column], entry.worst[target, case, column])
            ]
            # Of each case that was read there is a row, though nothing of it may apply.
            if target and counts is None and all(map(math.isnan, values)):
                continue
            yield _Row(
                target,
                case,
                (
                    *("" if math.isnan(one) else repr(float(one)) for one in values),
                    *(
                        "" if counts is None else json.dumps(counts[label].to_json())
                        for label in (spec.labels if spec.cohort else ())
                    ),
                ),
            )


def read_results(file: TextIO, spec: EvaluationSpec) -> Results:
    """``Results.lines`` read again. Raises ResultsRefused with every problem at once."""
    return _Reading(spec).read(file)


@dataclass
class _Entry:
    """One entry against one kind of target, as its rows tell it."""

    competes: bool
    rows: dict[tuple[int, int], tuple[list[float], dict[str, Counts] | None]]
    failed: set[int]


class _Reading:
    def __init__(self, spec: EvaluationSpec) -> None:
        self.spec = spec
        self.problems: list[str] = []
        self.more = 0
        self.cases: dict[int, CaseFacts] = {}
        self.position: dict[str, int] = {}
        self.entries: dict[str, dict[str, _Entry]] = {"": {}}
        self.names: dict[str, str] = {}
        self.phases: dict[tuple[str, str], None] = {}

    def read(self, file: TextIO) -> Results:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            self._header(header)
            if not self.problems:
                for row in reader:
                    self._row(header, row, reader.line_num)
        except (csv.Error, UnicodeDecodeError) as error:
            self._problem(f"not comma-separated UTF-8: {error}")
        if not self.problems and not self.entries[""]:
            self._problem("there are no rows of the challenge's own targets (against is empty)")
        if not self.problems and len(self.phases) > 1:
            self._problem(
                "rows of several phases or editions: "
                + ", ".join(f"{phase} {edition}" for phase, edition in self.phases)
                + "; one is expected"
            )
        self._refuse()
        ((phase, edition),) = self.phases
        parts = {against: self._scored(entries) for against, entries in self.entries.items()}
        self._refuse()
        return Results(
            scored=parts.pop(""), phase=phase, edition=int(edition), names=self.names, readers=parts
        )

    def _problem(self, text: str) -> None:
        if len(self.problems) < _MOST_TOLD:
            self.problems.append(text)
        else:
            self.more += 1

    def _refuse(self) -> None:
        if self.problems:
            more = [f"… and {self.more} more problems"] if self.more else []
            raise ResultsRefused("results", "; ".join([*self.problems, *more]) + ".")

    def _header(self, header: Sequence[str]) -> None:
        needed = [*FIXED]
        for key in _keys(self.spec):
            needed += [key, f"{key}{WORST}"]
        if self.spec.cohort:
            needed += [f"{COUNTS}{label}" for label in self.spec.labels]
        if missing := [name for name in needed if name not in header]:
            self._problem(f"columns are missing: {', '.join(missing)}")
        free = (GROUP, COLUMN)
        if unknown := [name for name in header if name not in needed and not name.startswith(free)]:
            self._problem(
                f"unknown columns: {', '.join(unknown)}; is this the file of another challenge?"
            )
        if len(set(header)) < len(header):
            self._problem("two columns have the same name")

    def _row(self, header: Sequence[str], row: Sequence[str], line: int) -> None:
        if not row:
            return
        if len(row) != len(header):
            self._problem(f"line {line}: {len(row)} cells, {len(header)} are expected")
            return
        if line > _MOST_ROWS:
            raise ResultsRefused("results", f"More than {_MOST_ROWS} lines.")
        cells = dict(zip(header, row, strict=True))
        at = self._whole(cells["position"], "position", line)
        target = self._whole(cells["target"], "target", line, least=1)
        edition = self._whole(cells["edition"], "edition", line, least=1)
        competes, failed = (self._yes(cells[one], one, line) for one in ("competes", "failed"))
        values = [
            self._number(cells[name], name, line)
            for key in _keys(self.spec)
            for name in (key, f"{key}{WORST}")
        ]
        counts = self._counts(cells, line)
        if at is None or target is None or edition is None or competes is None:
            return
        self.phases.setdefault((cells["phase"], cells["edition"]))
        facts = self._facts(cells)
        if self.cases.setdefault(at, facts) != facts:
            self._problem(f"line {line}: position {at} is of case {self.cases[at].name} above")
        elif self.position.setdefault(facts.name, at) != at:
            self._problem(f"line {line}: case {facts.name} has two positions")
        key = text_of_cell(cells["entry"])
        self.names.setdefault(key, text_of_cell(cells["name"]))
        of_target = self.entries.setdefault(text_of_cell(cells["against"]), {})
        entry = of_target.setdefault(key, _Entry(competes, {}, set()))
        if entry.competes != competes:
            self._problem(f"line {line}: {key} competes above, or does not; it is one or the other")
        if (target, at) in entry.rows:
            self._problem(f"line {line}: {key}, case {facts.name}, target {target} is there twice")
        entry.rows[target, at] = (values, counts)
        if failed:
            entry.failed.add(at)

    def _facts(self, cells: Mapping[str, str]) -> CaseFacts:
        def of(prefix: str) -> dict[str, str]:
            return {
                name.removeprefix(prefix): text_of_cell(cell)
                for name, cell in cells.items()
                if name.startswith(prefix)
            }

        return CaseFacts(
            text_of_cell(cells["case"]), text_of_cell(cells["patient"]), of(GROUP), of(COLUMN)
        )

    def _scored(self, entries: Mapping[str, _Entry]) -> Scored:
        """On the cases that any of its rows has; of the challenge's own targets on all."""
        own = entries is self.entries[""]
        there = {at for entry in entries.values() for _, at in entry.rows}
        order = [at for at in sorted(self.cases) if own or at in there]
        place = {at: number for number, at in enumerate(order)}
        made = tuple(self._entry(key, entry, place) for key, entry in entries.items())
        return Scored(self.spec, tuple(self.cases[at] for at in order), made)

    def _entry(self, key: str, entry: _Entry, place: Mapping[int, int]) -> EntryScores:
        targets = max(target for target, _ in entry.rows)
        columns = len(_keys(self.spec))
        values = np.full((2, targets, len(place), columns), np.nan)
        counts: list[list[dict[str, Counts] | None]] = [[None] * len(place) for _ in range(targets)]
        for (target, at), (found, of_case) in entry.rows.items():
            values[:, target - 1, place[at]] = np.array(found).reshape(columns, 2).T
            counts[target - 1][place[at]] = of_case
        failed = np.zeros(len(place), dtype=bool)
        failed[[place[at] for at in entry.failed]] = True
        measured, worst = values
        told = tuple(map(tuple, counts)) if self.spec.cohort else ()
        scored = np.zeros(len(place), dtype=bool)
        scored[[place[at] for _, at in entry.rows]] = True
        return EntryScores(key, entry.competes, measured, worst, failed, told, scored)

    def _whole(self, cell: str, name: str, line: int, *, least: int = 0) -> int | None:
        if cell.isascii() and cell.isdigit() and len(cell) < 10 and int(cell) >= least:
            return int(cell)
        self._problem(f"line {line}: {name} is “{cell[:40]}”; a whole number from {least} on")
        return None

    def _yes(self, cell: str, name: str, line: int) -> bool | None:
        if cell in (YES, NO):
            return cell == YES
        self._problem(f"line {line}: {name} is “{cell[:40]}”; {YES} or {NO} is expected")
        return None

    def _number(self, cell: str, name: str, line: int) -> float:
        if not cell:
            return math.nan
        try:
            number = float(cell)
        except ValueError:
            number = math.inf
        if not math.isfinite(number):
            self._problem(
                f"line {line}: {name} is “{cell[:40]}”; a number is expected, or nothing where it "
                "does not apply"
            )
        return number

    def _counts(self, cells: Mapping[str, str], line: int) -> dict[str, Counts] | None:
        if not self.spec.cohort:
            return None
        found = {}
        for label in self.spec.labels:
            cell = cells[f"{COUNTS}{label}"]
            if not cell:
                continue
            try:
                document: dict[str, Any] = json.loads(cell)
                found[label] = Counts.from_json(document)
            except (ValueError, TypeError, KeyError, AttributeError):
                self._problem(
                    f"line {line}: {COUNTS}{label} is “{cell[:40]}”; the counts of a case, as "
                    "JSON, are expected"
                )
        return found if len(found) == len(self.spec.labels) else None
