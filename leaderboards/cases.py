"""Reads of single cases of a leaderboard: which entries, which order, which scores."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from challenges.models import Case, Edition, Phase, Reference, Team
from challenges.policies import Viewer
from challenges.selectors import cases_of, targets_of
from evaluation.metrics import Direction, Metric
from evaluation.readers import average_over_readers
from evaluation.spec import EvaluationSpec
from leaderboards.entries import entries_of
from submissions.judging.scores import total_ml
from submissions.models import CaseResult, Prediction, ReaderResult, Submission
from submissions.policies import may_see_logs
from submissions.reasons import Reason, reason_of

MOST = 3
LETTERS = "ABC"
POSITION = "position"
"""The order of the organiser's table, instead of that by a score."""


class NotShown(Exception):
    """What was asked for cannot be shown; each message says what is expected."""

    def __init__(self, messages: Sequence[str]) -> None:
        super().__init__(" ".join(messages))
        self.messages = tuple(messages)


@dataclass(frozen=True)
class Measure:
    """A metric of one label, of each case. key: as in a leaderboard's columns."""

    key: str
    metric: Metric
    label: str
    title: str
    short: str

    @property
    def unit(self) -> str:
        return self.metric.unit

    @property
    def decimals(self) -> int:
        return self.metric.decimals

    @property
    def signed(self) -> bool:
        return self.metric.direction is Direction.TOWARDS_ZERO

    @property
    def comparable(self) -> bool:
        """Whether of two values one is better."""
        return self.metric.direction is not Direction.NONE

    def value(self, targets: Iterable[Mapping[str, Any]]) -> float | None:
        """targets: the metrics of a case against each; of two readers the mean. None where it does
        not apply."""
        return average_over_readers([one[self.metric.id][self.label]["value"] for one in targets])

    def goodness(self, value: float) -> float:
        """Larger is better; of a signed error the smaller one of either sign."""
        if self.signed:
            return -abs(value)
        return -value if self.metric.direction is Direction.LOWER else value


@dataclass(frozen=True)
class Standing:
    """An entry that stands on the leaderboard. whose: the team, or who submitted it."""

    submission: Submission
    title: str
    whose: str

    @property
    def public_id(self) -> str:
        return self.submission.public_id


@dataclass(frozen=True)
class EntryOnCase:
    """What an entry has in a case. letter: A, B or C, as the page calls it. scored: whether it has
    a result at all; values are in the order of the measures, None where not applicable. reason: why
    there is no usable mask. predicted_ml: of all labels together.
    """

    entry: Standing
    letter: str
    scored: bool
    values: tuple[float | None, ...]
    reason: Reason | None
    prediction: Prediction | None
    predicted_ml: float | None


@dataclass(frozen=True)
class ReaderOnCase:
    """What a reader's mask scores against the other readers of the case."""

    reader: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Target:
    """What a case is scored against. number: from 1. reader: whose it is, of two; empty for the one
    reference of the case."""

    number: int
    reader: str
    reference: Reference


def measures_of(edition: Edition) -> tuple[Measure, ...]:
    spec = spec_of(edition)
    several = len(spec.labels) > 1
    return tuple(
        Measure(
            key=spec.column_key(metric.id, label),
            metric=metric,
            label=label,
            title=f"{metric.title} ({label})" if several else metric.title,
            short=f"{metric.short} ({label})" if several else metric.short,
        )
        for metric in spec.shown
        for label in spec.labels
    )


def spec_of(edition: Edition) -> EvaluationSpec:
    return EvaluationSpec.model_validate(edition.specification)


def standing(phase: Phase, edition: Edition) -> tuple[Standing, ...]:
    """Every entry of the leaderboard, by title."""
    entries = entries_of(phase, edition)
    for entry in entries:
        entry.phase = phase
    teams = Team.objects.in_bulk({one.team_id for one in entries if one.team_id is not None})
    found = [
        Standing(
            one,
            f"{one.version.algorithm.title}, version {one.version.number}",
            teams[one.team_id].name if one.team_id is not None else one.submitted_by.get_username(),
        )
        for one in entries
    ]
    return tuple(sorted(found, key=lambda one: (one.title.casefold(), one.public_id)))


def chosen(
    everyone: Sequence[Standing], asked: Sequence[str], *, least: int = 0
) -> tuple[Standing, ...]:
    """The entries of these public ids, in that order. Raises NotShown with every problem."""
    known = {one.public_id: one for one in everyone}
    problems = [
        f"No entry “{one[:40]}” stands on this leaderboard; choose among those listed here."
        for one in dict.fromkeys(asked)
        if one not in known
    ]
    problems += [
        f"“{known[one].title}” is named twice; choose another entry beside it."
        for one in dict.fromkeys(asked)
        if one in known and list(asked).count(one) > 1
    ]
    if len(asked) > MOST:
        problems.append(f"{len(asked)} entries were asked for; choose {MOST} at most.")
    if len(asked) < least:
        given = "one entry was" if len(asked) == 1 else "no entry was"
        problems.append(f"{given.capitalize()} chosen; choose two or three.")
    if problems:
        raise NotShown(problems)
    return tuple(known[one] for one in asked)


def chosen_measure(measures: Sequence[Measure], key: str) -> Measure:
    """Raises NotShown where there is no such column."""
    for measure in measures:
        if measure.key == key:
            return measure
    keys = ", ".join(measure.key for measure in measures)
    raise NotShown([f"There is no column “{key[:40]}”; those of each case are {keys}."])


def in_order(
    phase: Phase, edition: Edition, by: Measure | None = None, of: Standing | None = None
) -> tuple[Case, ...]:
    """The phase's cases by position; or the worst of an entry first, those to which the metric does
    not apply last."""
    cases = list(cases_of(phase).only("dataset", "public_id", "name", "position", "patient"))
    if by is None or of is None:
        return tuple(cases)
    found = values_by_case(edition, [of.submission], by)[of.submission.pk]

    def place(case: Case) -> tuple[bool, float]:
        value = found.get(case.pk)
        return (True, 0.0) if value is None else (False, by.goodness(value))

    return tuple(sorted(cases, key=place))


def values_by_case(
    edition: Edition, submissions: Sequence[Submission], measure: Measure
) -> dict[int, dict[int, float | None]]:
    """[submission][case] as primary keys; None where the metric does not apply."""
    rows = _results(edition, submissions).values_list(
        "run__submission_id", "run__case_id", "metrics"
    )
    targets: dict[int, dict[int, list[Mapping[str, Any]]]] = {one.pk: {} for one in submissions}
    for submission, case, metrics in rows:
        targets[submission].setdefault(case, []).append(metrics)
    return {
        submission: {case: measure.value(found) for case, found in of_cases.items()}
        for submission, of_cases in targets.items()
    }


def failures_by_case(
    edition: Edition, submissions: Sequence[Submission]
) -> dict[int, dict[int, str]]:
    """[submission][case] as primary keys: why there is no usable mask, in few words."""
    rows = _results(edition, submissions).exclude(reason_code="")
    found: dict[int, dict[int, str]] = {one.pk: {} for one in submissions}
    for submission, case, code in rows.values_list(
        "run__submission_id", "run__case_id", "reason_code"
    ):
        reason = reason_of(code, "", in_full=False)
        found[submission][case] = reason.title if reason else ""
    return found


def on_case(
    viewer: Viewer,
    case: Case,
    edition: Edition,
    entries: Sequence[Standing],
    measures: Sequence[Measure],
) -> tuple[EntryOnCase, ...]:
    """In the order of ``entries``. What a failure says in full is for those who may see its log."""
    results = _results(edition, [one.submission for one in entries]).filter(run__case=case)
    of_entry: dict[int, list[CaseResult]] = {one.submission.pk: [] for one in entries}
    for result in results.select_related("run", "prediction").order_by("target_id"):
        of_entry[result.run.submission_id].append(result)
    return tuple(
        _on_case(viewer, entry, letter, of_entry[entry.submission.pk], measures)
        for entry, letter in zip(entries, LETTERS, strict=False)
    )


def _on_case(
    viewer: Viewer,
    entry: Standing,
    letter: str,
    results: Sequence[CaseResult],
    measures: Sequence[Measure],
) -> EntryOnCase:
    first = results[0] if results else None
    reason = None
    if first is not None and first.reason_code:
        in_full = may_see_logs(viewer, entry.submission)
        reason = reason_of(first.reason_code, first.run.reason_text, in_full=in_full)
    return EntryOnCase(
        entry=entry,
        letter=letter,
        scored=first is not None,
        values=tuple(measure.value([one.metrics for one in results]) for measure in measures),
        reason=reason,
        prediction=first.prediction if first is not None else None,
        predicted_ml=total_ml([one.prediction_ml for one in results]),
    )


def readers_on(
    case: Case, edition: Edition, measures: Sequence[Measure]
) -> tuple[ReaderOnCase, ...]:
    """By name; none where there is but one reader, or they are not scored yet."""
    results = ReaderResult.objects.filter(edition=edition, annotation__case=case)
    found: dict[str, list[Mapping[str, Any]]] = {}
    for reader, metrics in results.order_by("annotation__reader__name", "pk").values_list(
        "annotation__reader__name", "metrics"
    ):
        found.setdefault(reader, []).append(metrics)
    return tuple(
        ReaderOnCase(reader, tuple(measure.value(targets) for measure in measures))
        for reader, targets in found.items()
    )


def targets_on(case: Case, phase: Phase, edition: Edition) -> tuple[Target, ...]:
    """One reference, or of two readers each; none where it is new since the edition."""
    targets = targets_of(phase, edition.reference_version).filter(case=case)
    return tuple(
        Target(number, one.reader.name if one.reader else "", one)
        for number, one in enumerate(targets.select_related("reader").order_by("pk"), start=1)
    )


def chosen_target(targets: Sequence[Target], number: str) -> Target | None:
    """By its number; the first where none is asked for. None where the case has none. Raises
    NotShown where there is no such one."""
    if not number:
        return targets[0] if targets else None
    for target in targets:
        if str(target.number) == number:
            return target
    raise NotShown(
        [f"There is no reference “{number[:10]}”; those of this case are 1 to {len(targets)}."]
    )


def result_of(submission: Submission, case: Case, edition: Edition) -> CaseResult | None:
    """With the mask that was scored, if any; of two readers the same for both."""
    results = _results(edition, [submission]).filter(run__case=case)
    return results.select_related("prediction").order_by("target_id").first()


def _results(edition: Edition, submissions: Sequence[Submission]) -> QuerySet[CaseResult]:
    """Of the images as they are, run for the first time."""
    return CaseResult.objects.filter(
        edition=edition,
        run__submission__in=submissions,
        run__variant="original",
        run__repeat=0,
    )
