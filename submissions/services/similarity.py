"""Find submissions to a phase whose masks are nearly the same, for its organisers to look at.

Which are still to be compared is read from the database: one that was compared has a row with
itself. So a worker may die at any point, and two may do the same; the rows are the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from challenges.selectors import cases_of
from evaluation.errors import EvaluationError
from evaluation.masks import DrawnMask, read_mask
from evaluation.similarity import exact_likeness, likeness
from submissions.models import Prediction, Similarity, Submission
from submissions.services.hints import COMPARE, hint

log = structlog.get_logger(__name__)

NEARLY_IDENTICAL = 0.98
"""Mean Dice over cases. Two thresholds 0.1 SUV apart reach 0.971 on 40 real sarcomas, and of five
published networks the two most alike 0.96 on a real case; a copy whose masks were given some noise
loses less than that."""
_ERROR_OF_AN_ESTIMATE = 0.01  # four times its standard error for a single case at this Dice
_LEAST_SHARE_OF_CASES = 0.5
_CASES_AT_ONCE = 8

Key = tuple[int, str, int]
"""Case, variant and repeat: what two submissions were run on alike."""


@dataclass
class _Tally:
    """What the cases so far say of a pair. deficit: sum of 1 − Dice where either drew anything."""

    cases: int = 0
    drawn: int = 0
    deficit: float = 0.0

    def add(self, dice: float | None) -> None:
        self.cases += 1
        if dice is not None:
            self.drawn += 1
            self.deficit += 1 - dice

    @property
    def dice(self) -> float:
        return 1 - self.deficit / self.drawn if self.drawn else 0.0


def not_compared() -> QuerySet[Submission]:
    """Those that ended, however they did, and left masks."""
    return (
        Submission.objects.filter(
            Exists(Prediction.objects.filter(run__submission=OuterRef("pk"))),
            ~Exists(Similarity.objects.filter(first=OuterRef("pk"), second=OuterRef("pk"))),
            state__in=Submission.ENDS,
        )
        .select_related("phase__dataset")
        .order_by("ended_at", "pk")
    )


def reconcile() -> None:
    """A message that was lost is sent again."""
    if not_compared().exists():
        hint(COMPARE)


def compare_next() -> bool:
    """Compare one submission with those before it; False when there is none to be compared."""
    submission = not_compared().first()
    if submission is None:
        return False
    compare(submission=submission)
    if not_compared().exists():
        hint(COMPARE)
    return True


def compare(*, submission: Submission) -> None:
    """Keep each pair that ``submission`` forms with one that was compared, or ended, before it."""
    found = []
    for other, tally in _confirmed(submission, _candidates(submission)):
        first, second = sorted((submission.pk, other))
        log.info("similarity.found", first=first, second=second, dice=tally.dice)
        found.append(
            Similarity(first_id=first, second_id=second, dice=tally.dice, cases=tally.drawn)
        )
    done = Similarity(first=submission, second=submission, dice=1.0, cases=0)
    with transaction.atomic():
        Similarity.objects.bulk_create([*found, done], ignore_conflicts=True)


def _others(submission: Submission) -> QuerySet[Submission]:
    """A re-run has the version of its original, of which it is meant to be a likeness."""
    compared = Exists(Similarity.objects.filter(first=OuterRef("pk"), second=OuterRef("pk")))
    before = Q(ended_at__lt=submission.ended_at) | Q(
        ended_at=submission.ended_at, pk__lt=submission.pk
    )
    return Submission.objects.filter(
        compared | before, phase=submission.phase_id, state__in=Submission.ENDS
    ).exclude(version=submission.version_id)


def _candidates(submission: Submission) -> list[int]:
    """Those that are nearly identical as far as sketches can tell.

    All at once, a few cases at a time; whoever differs too much to be it after all is left out of
    the cases that follow, which is most after a few.
    """
    own = {key: drawn for _, key, drawn in _sketches([submission.pk])}
    tallies = {pk: _Tally() for pk in _others(submission).values_list("pk", flat=True)}
    least = NEARLY_IDENTICAL - _ERROR_OF_AN_ESTIMATE
    keys = list(own)
    for start in range(0, len(keys), _CASES_AT_ONCE):
        some = keys[start : start + _CASES_AT_ONCE]
        for other, key, drawn in _sketches(list(tallies), [case for case, _, _ in some]):
            if key in some:
                tallies[other].add(likeness(own[key], drawn).dice)
        bearable = (1 - least) * len(keys)
        tallies = {pk: tally for pk, tally in tallies.items() if tally.deficit <= bearable}
    enough = _LEAST_SHARE_OF_CASES * cases_of(submission.phase).count()
    return [pk for pk, tally in tallies.items() if tally.cases >= enough and tally.dice >= least]


def _sketches(
    submissions: list[int], cases: list[int] | None = None
) -> Iterator[tuple[int, Key, bytes]]:
    found = Prediction.objects.filter(run__submission__in=submissions)
    if cases is not None:
        found = found.filter(run__case__in=cases)
    rows = found.values_list(
        "run__submission_id", "run__case_id", "run__variant", "run__repeat", "sketch"
    )
    for submission, case, variant, repeat, drawn in rows.iterator():
        yield submission, (case, variant, repeat), bytes(drawn)


def _confirmed(submission: Submission, candidates: list[int]) -> Iterator[tuple[int, _Tally]]:
    own = _predictions(submission.pk) if candidates else {}
    for other in candidates:
        tally = _Tally()
        for key, prediction in _predictions(other).items():
            if key in own:
                tally.add(_dice(own[key], prediction))
        if tally.dice >= NEARLY_IDENTICAL:
            yield other, tally


def _predictions(submission: int) -> dict[Key, Prediction]:
    found = Prediction.objects.filter(run__submission=submission).select_related("run")
    return {(one.run.case_id, one.run.variant, one.run.repeat): one for one in found}


def _dice(first: Prediction, second: Prediction) -> float | None:
    """Of the stored masks; by their sketches where one can no longer be read."""
    if first.sha256 == second.sha256 and first.sketch:
        return 1.0
    try:
        return exact_likeness(_mask(first), _mask(second)).dice
    except (OSError, EvaluationError):
        log.exception("similarity.unreadable", first=first.pk, second=second.pk)
        return likeness(bytes(first.sketch), bytes(second.sketch)).dice


def _mask(prediction: Prediction) -> DrawnMask:
    """As the platform wrote it; every value that is drawn counts as a label."""
    return read_mask(Path(prediction.file.path), None, range(1, 256))
