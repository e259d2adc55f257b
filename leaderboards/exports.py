"""A leaderboard to take away: everything that it is reckoned from, and what it shows."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace

from challenges.groupings import facts_of, groupings_of
from challenges.models import Phase
from challenges.policies import Viewer, may_see_data
from challenges.selectors import definition_of
from evaluation.spreadsheets import plain_cell
from evaluation.standings import DERIVED, CaseFacts, EntryScores, Scored
from evaluation.standings.files import Results
from leaderboards.figures.names import names_of
from leaderboards.models import Scores, Snapshot
from leaderboards.readers import against_readers, reader_entries
from leaderboards.scores import entry_scores
from leaderboards.selectors import board, snapshot_of, table_of
from leaderboards.services import State, state_of


class NotReady(Exception):
    """There is nothing to take away at this moment; the text says why, and what to do."""


MOST_ROWS = 10_000


def results_of(viewer: Viewer, phase: Phase) -> Results:
    """Of the newest state, so that ``./uptake rank`` finds its ranks. For whoever may see single
    cases. Patients are numbered; columns of cases.csv that are not public are left out for whoever
    may not see the data. Raises NotReady."""
    snapshot = snapshot_of(phase)
    if snapshot is None:
        raise NotReady("Nothing has been scored yet. Come back when an entry stands here.")
    state = state_of(phase, snapshot.edition)
    if state.results_hash != snapshot.results_hash:
        raise NotReady("The leaderboard is being made anew. Try again in a minute.")
    scored = _scored(state, snapshot)
    readers = {}
    if state.readers.against is not None:
        readers = dict(against_readers(state.edition, scored, state.entries, state.cases))
    rows = table_of(snapshot).rows
    keys = [entry.key for entry in scored.entries]
    told = _told(viewer, phase, state)
    return Results(
        scored=replace(scored, cases=told),
        phase=phase.slug,
        edition=snapshot.edition.number,
        names={name.key: name.whole for name in names_of(keys, rows)},
        readers={name: replace(one, cases=_same(one, told)) for name, one in readers.items()},
    )


def _scored(state: State, snapshot: Snapshot) -> Scored:
    kept = {
        one.submission_id: one
        for one in Scores.objects.filter(edition=state.edition, submission__in=state.entries)
    }
    competing = {row.submission for row in table_of(snapshot).rows if row.competes}
    entries: list[EntryScores] = [
        entry_scores(kept[entry.pk], key=entry.public_id, competes=entry.public_id in competing)
        for entry in state.entries
    ]
    if state.readers.rows is not None:
        entries += reader_entries(state.edition, state.cases, state.spec)
    return Scored(state.spec, facts_of(state.cases, state.spec), tuple(entries))


def _told(viewer: Viewer, phase: Phase, state: State) -> tuple[CaseFacts, ...]:
    """Without what identifies a patient, and with no more of cases.csv than is public."""
    facts = facts_of(state.cases, state.spec)
    groups = set(groupings_of(state.spec))
    needed = {
        str(metric.settings[one.id])
        for metric in state.spec.cohort
        for one in metric.parameters
        if isinstance(metric.settings.get(one.id), str)
    }
    if not may_see_data(viewer, phase.challenge):
        public = set(definition_of(phase.challenge).public_columns)
        needed &= public
        groups &= public | set(DERIVED)
    numbers: dict[str, str] = {}
    return tuple(
        CaseFacts(
            name=case.name,
            patient=numbers.setdefault(case.patient, f"patient-{len(numbers) + 1}"),
            groups={name: label for name, label in case.groups.items() if name in groups},
            metadata={name: case.metadata.get(name, "") for name in sorted(needed)},
        )
        for case in facts
    )


def _same(scored: Scored, told: tuple[CaseFacts, ...]) -> tuple[CaseFacts, ...]:
    by_name = {case.name: case for case in told}
    return tuple(by_name[case.name] for case in scored.cases)


def board_lines(viewer: Viewer, phase: Phase) -> Iterator[str]:
    """The leaderboard as CSV, as its page shows it to this viewer."""
    shown = board(viewer, phase, rows_a_page=MOST_ROWS)
    columns = shown.table.columns
    parts = ("", " low", " high", " n")
    yield _line(
        ["rank", "rank low", "rank high", "rank set low", "rank set high", "tier", "algorithm",
         "version", "by", "kind", "competes", "cases", "failed", "seconds per case",
         "peak memory bytes", *(f"{column.key}{part}" for column in columns for part in parts)]
    )  # fmt: skip
    for row in shown.table.rows:
        yield _line(
            [
                row.rank_shown, row.low, row.high, row.set_low, row.set_high, row.tier,
                row.algorithm, row.version or None, row.team or row.owner,
                "baseline" if row.is_baseline else row.kind,
                "yes" if row.competes else "no", row.cases, row.failed, row.seconds_per_case,
                row.peak_memory_bytes,
                *(
                    value
                    for cell in row.cells
                    for value in (
                        (cell.shown, cell.low, cell.high, cell.count)
                        if cell is not None
                        else ("withheld", None, None, None)
                    )
                ),
            ]
        )  # fmt: skip


def _line(values: list[object]) -> str:
    file = io.StringIO(newline="")
    csv.writer(file).writerow(
        [plain_cell(value) if isinstance(value, str) else value for value in values]
    )
    return file.getvalue()
