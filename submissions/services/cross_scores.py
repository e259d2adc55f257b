"""What a reader's mask scores against the other readers, and a run against each single reader.

Taken over from an earlier edition where targets, specification and scorer are equal.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from challenges.definition import content_hash
from challenges.models import Annotation, Edition, Reader
from challenges.selectors import definition_of
from challenges.selectors.reading import annotations_of
from challenges.services.working import LeaseLost, kept
from evaluation.consensus import consensus_of_files
from evaluation.readers import ReadersRefused, Recipe
from evaluation.spec import EvaluationSpec
from evaluation.volumes import Volume, write_mha
from submissions.judging.scores import TargetScore, score_against
from submissions.models import AgainstReader, CaseResult, CrossScoring, ReaderResult, Run
from submissions.models.readers import CrossScores
from submissions.services.scoring import input_of, stated_of

_FIELDS = ("metrics", "counts", "scored_with", "reference_ml", "prediction_ml", "seconds")
ShouldStop = Callable[[], bool]
Row = TypeVar("Row", bound=CrossScores)


class NoScores(Exception):
    """There is nothing to be had, however often it is tried; the text says why."""


@dataclass(frozen=True)
class Target:
    """One mask to score a reader against. against: whose it is, None for the consensus of all
    ``files``. sha256: of the mask; of a consensus, of the recipe and of what it is made of."""

    against: Reader | None
    sha256: str
    files: tuple[Path, ...]


def targets_without(
    annotation: Annotation, others: Sequence[Annotation], recipe: Recipe
) -> list[Target]:
    """What ``annotation`` is compared with, made of ``others`` alone: the one, both of two, or the
    consensus of three and more."""
    if any(one.reader_id == annotation.reader_id for one in others):
        raise ValueError(f"{annotation} would be compared with its own reader.")
    files = [Path(one.file.path) for one in others]
    if len(others) <= 2:
        pairs = zip(others, files, strict=True)
        return [Target(one.reader, one.sha256, (file,)) for one, file in pairs]
    made_of = {"recipe": recipe.value, "masks": [one.sha256 for one in others]}
    return [Target(None, content_hash(made_of), tuple(files))]


def reader_results(
    row: CrossScoring, annotation: Annotation, stopped: ShouldStop
) -> list[ReaderResult]:
    """Unsaved. Raises NoScores, LeaseLost, IsolatedProcessStopped, EvaluationError, OSError."""
    edition = row.edition
    others = annotations_of(edition.phase).filter(case=annotation.case_id)
    others = others.exclude(reader=annotation.reader_id).select_related("reader")
    recipe = definition_of(edition.phase.challenge).consensus
    targets = targets_without(annotation, list(others.order_by("reader__name")), recipe)
    results = []
    for target in targets:
        result = ReaderResult(
            edition=edition,
            annotation=annotation,
            against=target.against,
            target_sha256=target.sha256,
        )
        earlier = ReaderResult.objects.filter(
            annotation=annotation,
            against=target.against,
            target_sha256=target.sha256,
            **_same_rules(edition),
        ).first()
        if earlier is not None:
            results.append(_filled(result, _values(earlier)))
        else:
            scored = _score_reader(row, annotation, target, stopped)
            results.append(_filled(result, {**scored.values, "seconds": scored.seconds}))
    return results


def _score_reader(
    row: CrossScoring, annotation: Annotation, target: Target, stopped: ShouldStop
) -> TargetScore:
    spec = EvaluationSpec.model_validate(row.edition.specification)
    recipe = definition_of(row.edition.phase.challenge).consensus
    with ExitStack() as undo:
        mask: Path | BinaryIO = target.files[0]
        if target.against is None:
            mask = undo.enter_context(_consensus(row, target.files, spec, recipe))
        scored = score_against(
            [mask], Path(annotation.file.path), input_of(annotation.case), spec, stopped
        )
    if scored.failure is not None:
        raise NoScores(f"{annotation.reader.name}’s mask: {scored.failure.message}")
    return scored.targets[0]


def _consensus(
    row: CrossScoring, files: tuple[Path, ...], spec: EvaluationSpec, recipe: Recipe
) -> BinaryIO:
    """As a file in memory: a copy on disk would stay there when the worker is killed.

    The lease is kept by a thread meanwhile, as STAPLE of bulky masks takes longer than one.
    """
    try:
        with kept(row, CrossScoring.State.SCORING) as lost:
            mask = consensus_of_files(files, spec.labels.values(), recipe)
    except ReadersRefused as refusal:
        raise NoScores(f"The consensus of the other readers: {refusal.message}") from refusal
    if lost.is_set():
        raise LeaseLost
    file = os.fdopen(os.memfd_create("consensus"), "w+b")
    file.write(write_mha(Volume(mask.to_array(), mask.geometry)))
    file.flush()
    return file


def against_readers(edition: Edition, run: Run, stopped: ShouldStop) -> list[AgainstReader]:
    """Unsaved, one for each reader of the run's case; what has no result in ``edition`` counts as
    none here too. Raises IsolatedProcessStopped, EvaluationError, OSError."""
    of_edition = CaseResult.objects.filter(edition=edition, run=run).select_related("prediction")
    result = of_edition[:1].get()
    readings = annotations_of(edition.phase).filter(case=run.case_id).order_by("reader__name")
    rows = [
        AgainstReader(
            edition=edition,
            run=run,
            annotation=annotation,
            prediction=result.prediction,
            reason_code=result.reason_code,
        )
        for annotation in readings
    ]
    taken = [_taken_over(row) for row in rows]
    lacking = [row for row, values in zip(rows, taken, strict=True) if values is None]
    for row, values in zip(rows, taken, strict=True):
        if values is not None:
            _filled(row, values)
    if lacking:
        _score_run(lacking, edition, run, stopped)
    return rows


def _score_run(rows: list[AgainstReader], edition: Edition, run: Run, stopped: ShouldStop) -> None:
    prediction = rows[0].prediction
    scored = score_against(
        [Path(row.annotation.file.path) for row in rows],
        Path(prediction.file.path) if prediction is not None else None,
        input_of(run.case),
        EvaluationSpec.model_validate(edition.specification),
        stopped,
        stated=stated_of(prediction),
    )
    for row, one in zip(rows, scored.targets, strict=True):
        _filled(row, {**one.values, "seconds": one.seconds})
        if scored.failure is not None:
            row.prediction, row.reason_code = None, scored.failure.code


def _taken_over(row: AgainstReader) -> dict[str, Any] | None:
    """Where the same mask was scored against an equal one, as a reader's or as the reference."""
    same = {"run": row.run, "prediction": row.prediction, **_same_rules(row.edition)}
    sha256 = row.annotation.sha256
    earlier = AgainstReader.objects.filter(annotation__sha256=sha256, **same).first()
    if earlier is not None:
        return _values(earlier)
    result = CaseResult.objects.filter(target__sha256=sha256, **same).first()
    return None if result is None else _values(result)


def _same_rules(edition: Edition) -> dict[str, Any]:
    return {
        "edition__specification_hash": edition.specification_hash,
        "edition__scorer_version": edition.scorer_version,
    }


def _values(row: CrossScores | CaseResult) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _FIELDS}


def _filled(row: Row, values: dict[str, Any]) -> Row:
    for name in _FIELDS:
        setattr(row, name, values[name])
    return row
