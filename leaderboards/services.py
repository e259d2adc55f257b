"""Make a leaderboard's snapshot from the results of its edition."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import structlog
from django.db import transaction

from challenges.definition import content_hash
from challenges.groupings import facts_of, groupings_of
from challenges.models import Case, Edition, Phase
from challenges.selectors import cases_of, current_edition, definition_of, shown_edition
from evaluation.spec import EvaluationSpec
from evaluation.standings import Analysis, Board, Scored, Slice, Uncertainty, analyse
from evaluation.uncertainty import board_seed
from leaderboards import drawings, models
from leaderboards.basis import kept_basis
from leaderboards.entries import ALONE, Entrant, entrants_of, entries_of
from leaderboards.models import Scores, Snapshot
from leaderboards.readers import ReadersState, against_readers, reader_entries, readers_state
from leaderboards.rows import columns_of, table_of
from leaderboards.scores import entry_scores, keep_up, made_of
from leaderboards.states import KEY, change
from leaderboards.tables import Table
from submissions.models import Submission
from submissions.services.hints import REFRESH, hint

log = structlog.get_logger(__name__)
FORMAT = 6
"""Of what a snapshot holds: a larger one has every snapshot made anew."""
_MOST_TRIES = 3


@dataclass(frozen=True)
class State:
    """What a snapshot would be made of now."""

    edition: Edition
    spec: EvaluationSpec
    cases: tuple[Case, ...]
    entries: tuple[Submission, ...]
    entrants: dict[int, Entrant]
    hashes: dict[int, str]
    readers: ReadersState

    @property
    def results_hash(self) -> str:
        """So that it is made anew when a result comes, a team is called otherwise, changes its
        members, or is found to be of the organisers."""
        return content_hash(
            {
                "format": FORMAT,
                "ranking": self.spec.ranking.model_dump(mode="json"),
                "cases": [[case.pk, case.metadata] for case in self.cases],
                "entries": [
                    [
                        entry.public_id,
                        self.hashes.get(entry.pk, ""),
                        *_hashed(self.entrants[entry.pk]),
                    ]
                    for entry in self.entries
                ],
                "readers": self.readers.hashed,
            }
        )


def refresh(*, phase: Phase) -> Snapshot:
    """The snapshot of the present results; the newest one where nothing has changed since.

    What is new is reckoned without a lock, and stored where nothing has changed meanwhile: of two
    at once, none is of older results than the one before it.
    """
    for _ in range(_MOST_TRIES):
        edition = shown_edition(phase)
        newest = Snapshot.objects.filter(edition=edition).defer("document").first()
        if newest is not None and edition != current_edition(phase):
            # Its successor is being scored; what is new meanwhile appears with that.
            return newest
        state = state_of(phase, edition)
        hashed = state.results_hash
        if newest is not None and newest.results_hash == hashed:
            return newest
        made = _made(phase, state)
        with transaction.atomic():
            # Its row is the lock, where the database has such locks.
            Edition.objects.select_for_update().get(pk=edition.pk)
            before = _before(phase)
            if before is not None and (before.edition_id, before.results_hash) == (
                edition.pk,
                hashed,
            ):
                return before  # another worker's, of this moment
            unchanged = state_of(phase, edition).results_hash == hashed
            if unchanged and shown_edition(phase) == edition:
                return made.after(before, edition).store(state, hashed)
    hint(REFRESH, phase.pk)
    if newest is None:
        raise RuntimeError(f"The results of {phase} change faster than they can be ranked.")
    return newest


def reconcile() -> None:
    """Ask for what is not made of the present results; told by what it is made of, not by times."""
    scored = Submission.objects.filter(state=Submission.State.SCORED)
    for phase in Phase.objects.filter(submissions__in=scored).distinct():
        if is_stale(phase):
            hint(REFRESH, phase.pk)


def is_stale(phase: Phase) -> bool:
    edition = shown_edition(phase)
    newest = Snapshot.objects.filter(edition=edition).defer("document").first()
    if newest is None:
        return True
    if edition != current_edition(phase):
        return False
    return newest.results_hash != state_of(phase, edition).results_hash


def state_of(phase: Phase, edition: Edition) -> State:
    definition = definition_of(phase.challenge)
    cases = tuple(cases_of(phase))
    entries = entries_of(phase, edition)
    return State(
        edition=edition,
        spec=EvaluationSpec.model_validate(
            {
                **edition.specification,
                "ranking": definition.evaluation.ranking.model_dump(mode="json"),
            }
        ),
        cases=cases,
        entries=tuple(entries),
        entrants=entrants_of(phase.challenge, entries),
        hashes=made_of(edition, entries, cases),
        readers=readers_state(edition),
    )


@dataclass(frozen=True)
class Made:
    """What is stored of a snapshot."""

    document: dict[str, Any]
    slices: tuple[models.Slice, ...]
    analysis: dict[str, Any] | None

    def store(self, state: State, hashed: str) -> Snapshot:
        edition = state.edition
        snapshot = Snapshot.objects.create(
            edition=edition,
            basis=kept_basis(edition, state.cases, groupings_of(state.spec)),
            results_hash=hashed,
            content_hash=self.content_hash,
            document=self.document,
        )
        for one in self.slices:
            one.snapshot = snapshot
        models.Slice.objects.bulk_create(self.slices)
        if self.analysis is not None:
            models.Analysis.objects.create(snapshot=snapshot, document=self.analysis)
            drawings.ask(snapshot)
        log.info("leaderboard.refreshed", edition=edition.pk, snapshot=snapshot.pk)
        return snapshot

    def after(self, before: Snapshot | None, edition: Edition) -> Self:
        """With what changed since the state before."""
        told = change(
            None if before is None else Table.from_json(before.document),
            Table.from_json(self.document),
            edition=before is not None and before.edition_id != edition.pk,
        )
        return replace(self, document={**self.document, KEY: told.to_json()})

    @property
    def content_hash(self) -> str:
        slices = [[one.grouping, one.label, one.document] for one in self.slices]
        return content_hash([self.document, slices, self.analysis])


def _before(phase: Phase) -> Snapshot | None:
    return Snapshot.objects.filter(edition__phase=phase).first()


def scored_of(state: State, kept: dict[int, Scores]) -> Scored:
    """What the standings are reckoned of; entries by their public ids."""
    return Scored(
        spec=state.spec,
        cases=facts_of(state.cases, state.spec),
        entries=tuple(
            entry_scores(kept[entry.pk], key=entry.public_id, competes=_competes(entry, state))
            for entry in state.entries
        )
        + (
            ()
            if state.readers.rows is None
            else reader_entries(state.edition, state.cases, state.spec)
        ),
    )


def _competes(entry: Submission, state: State) -> bool:
    if entry.is_baseline:
        return state.spec.ranking.baselines_compete
    return not state.entrants[entry.pk].of_organisers


def _made(phase: Phase, state: State) -> Made:
    kept = keep_up(
        edition=state.edition,
        entries=state.entries,
        cases=state.cases,
        spec=state.spec,
        hashes=state.hashes,
    )
    columns = columns_of(state.spec)
    analysis = Analysis(Board(len(state.cases), 0, ()), (), None)
    if state.entries:
        scored = scored_of(state, kept)
        against: Mapping[str, Scored] = {}
        if state.readers.against is not None:
            against = against_readers(state.edition, scored, state.entries, state.cases)
        analysis = analyse(
            scored,
            seed=board_seed(phase.challenge.slug, phase.slug, state.edition.number),
            hidden=phase.is_hidden,
            readers=against,
        )
        analysis = _with_readers(analysis, state)

    def document(
        board: Board, uncertainty: Uncertainty | None, withheld: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        return table_of(
            columns,
            board,
            uncertainty,
            state.entries,
            kept,
            state.entrants,
            hidden=phase.is_hidden,
            withheld=withheld,
        ).to_json()

    return Made(
        document=document(analysis.board, analysis.uncertainty),
        slices=tuple(
            _slice(position, one, document(one.board, None, one.withheld_columns))
            for position, one in enumerate(analysis.slices)
        ),
        analysis=None if analysis.uncertainty is None else asdict(analysis.uncertainty),
    )


def _with_readers(analysis: Analysis, state: State) -> Analysis:
    """Says what is still to come of the ranks with each reader as the reference."""
    found, waiting = analysis.uncertainty, state.readers.waiting
    if found is None or not waiting:
        return analysis
    refused = {**found.refused, "readers": waiting}
    return replace(analysis, uncertainty=replace(found, refused=refused))


def _slice(position: int, one: Slice, document: dict[str, Any]) -> models.Slice:
    return models.Slice(
        position=position,
        grouping=one.grouping,
        label=one.label,
        cases=one.board.cases,
        patients=one.board.patients,
        withheld=one.withheld,
        document=document,
    )


def _hashed(entrant: Entrant) -> Sequence[object]:
    if entrant == ALONE:
        return []
    return [[entrant.team, list(entrant.members), entrant.of_organisers]]
