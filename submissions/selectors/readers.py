"""Scores of readers, and of entries against each of them, for whoever makes a table of them.

Of hidden cases too: what of it a viewer may see is decided where it is shown, as of case results.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from challenges.models import Annotation, Edition, Reference
from challenges.selectors import cases_of, targets_of
from challenges.selectors.reading import annotations_of, judged_by_others
from submissions.models import (
    AgainstReader,
    CaseResult,
    CrossScoring,
    ReaderResult,
    Run,
    Submission,
)

_SCORES = ("metrics", "counts", "reference_ml", "prediction_ml")


@dataclass(frozen=True)
class CrossScore:
    """Against one mask, in the shapes of a CaseResult. reason_code: why there is no mask to be
    scored, so that each value is the worst; never of a reader."""

    metrics: dict[str, Any]
    counts: dict[str, Any]
    reference_ml: dict[str, float]
    prediction_ml: dict[str, float | None]
    reason_code: str = ""


@dataclass(frozen=True)
class ReaderScores:
    """One reader as if an entry. cases: by the case's primary key, only of those that this reader
    and another read; against each target, to be averaged where there are two."""

    reader: str
    cases: dict[int, tuple[CrossScore, ...]]


@dataclass(frozen=True)
class CrossProgress:
    """readers: masks of readers that are to be scored against the others. runs: runs to be scored
    against each reader; none where the targets are the readers' masks themselves. refused: of how
    many masks no scores can be had, and why, in sentences."""

    readers_done: int
    readers_of: int
    runs_done: int
    runs_of: int
    refused: tuple[str, ...]

    @property
    def done(self) -> int:
        return self.readers_done + self.runs_done

    @property
    def of(self) -> int:
        return self.readers_of + self.runs_of

    @property
    def is_complete(self) -> bool:
        return self.done >= self.of


def readers_scores(edition: Edition) -> list[ReaderScores]:
    """By name; a reader whom nobody can judge is not among them. One query."""
    cases: dict[str, dict[int, list[CrossScore]]] = defaultdict(lambda: defaultdict(list))
    rows = ReaderResult.objects.filter(
        edition=edition, annotation__case__in=cases_of(edition.phase)
    ).order_by("annotation__reader__name", "annotation__case__position", "against__name")
    for reader, case, *scores in rows.values_list(
        "annotation__reader__name", "annotation__case_id", *_SCORES
    ).iterator():
        cases[reader][case].append(CrossScore(*scores))
    return [
        ReaderScores(reader, {case: tuple(scores) for case, scores in found.items()})
        for reader, found in cases.items()
    ]


def scores_against_readers(
    edition: Edition, submissions: Collection[int]
) -> dict[str, dict[int, dict[int, CrossScore]]]:
    """[reader's name][submission's primary key][case's], of those that are computed. Two queries.

    A case that the reader did not read is absent; a run that failed has its worst values.
    """
    found: dict[str, dict[int, dict[int, CrossScore]]] = defaultdict(lambda: defaultdict(dict))
    for reader, submission, case, *scores in _against_readers(edition, submissions):
        found[reader][submission][case] = CrossScore(*scores)
    return {reader: dict(entries) for reader, entries in sorted(found.items())}


def _against_readers(edition: Edition, submissions: Collection[int]) -> Iterator[tuple[Any, ...]]:
    """Of two readers the case results say it already."""
    of_entries: dict[str, Any] = {
        "edition": edition,
        "run__submission__in": submissions,
        "run__variant": "original",
        "run__repeat": 0,
        "run__case__in": cases_of(edition.phase),
    }
    columns = ("run__submission_id", "run__case_id", *_SCORES, "reason_code")
    direct = CaseResult.objects.filter(**of_entries).exclude(target__reader=None)
    yield from direct.values_list("target__reader__name", *columns).iterator()
    rows = AgainstReader.objects.filter(**of_entries)
    yield from rows.values_list("annotation__reader__name", *columns).iterator()


def masks_to_score(edition: Edition) -> QuerySet[Annotation]:
    """Masks of readers that others can judge."""
    return judged_by_others(annotations_of(edition.phase))


def runs_to_score(edition: Edition) -> QuerySet[Run]:
    """Runs with results in ``edition`` that do not say how they stand to each reader: those of
    scored submissions, where the reference is a consensus."""
    readings = annotations_of(edition.phase)
    several = masks_to_score(edition).exists() and _consensus(edition).exists()
    if not several:
        return Run.objects.none()
    scored = CaseResult.objects.filter(edition=edition, run=OuterRef("pk"))
    return Run.objects.filter(
        Exists(scored),
        Exists(readings.filter(case=OuterRef("case"))),
        submission__phase=edition.phase_id,
        submission__state=Submission.State.SCORED,
        state=Run.State.DONE,
        variant="original",
        repeat=0,
        case__in=cases_of(edition.phase),
    )


def _consensus(edition: Edition) -> QuerySet[Reference]:
    return targets_of(edition.phase, edition.reference_version).filter(reader=None)


def cross_progress(edition: Edition) -> CrossProgress:
    """How much of it is computed. Only the newest edition of a phase is worked on."""
    masks, runs = masks_to_score(edition), runs_to_score(edition)
    done = CrossScoring.objects.filter(edition=edition, state=CrossScoring.State.DONE)
    refused = done.exclude(refused="").order_by("refused").values_list("refused", flat=True)
    return CrossProgress(
        readers_done=done.filter(annotation__in=masks).count(),
        readers_of=masks.count(),
        runs_done=done.filter(run__in=runs).count(),
        runs_of=runs.count(),
        refused=tuple(refused.distinct()),
    )


def submissions_in_turn(waiting: QuerySet[CrossScoring]) -> QuerySet[Submission]:
    """Of those whose runs are among ``waiting``: first the newest of each team, of each person
    alone and of each baseline, which is what stands on a leaderboard; then what these replaced."""
    of_same = Q(is_baseline=True, version__algorithm=OuterRef("version__algorithm")) | Q(
        Q(team=OuterRef("team"))
        | Q(team=None, submitted_by=OuterRef("submitted_by"), is_baseline=False)
    )
    later = Q(entered_at__gt=OuterRef("entered_at")) | Q(
        Q(attempt__gt=OuterRef("attempt")) | Q(attempt=OuterRef("attempt"), pk__gt=OuterRef("pk")),
        entered_at=OuterRef("entered_at"),
    )
    newer = Submission.objects.filter(
        of_same,
        later,
        phase=OuterRef("phase"),
        is_baseline=OuterRef("is_baseline"),
        state=Submission.State.SCORED,
    )
    return (
        Submission.objects.filter(pk__in=waiting.exclude(run=None).values("run__submission"))
        .annotate(replaced=Exists(newer))
        .order_by("replaced", "entered_at", "attempt", "pk")
    )
