"""One entry on a page of its own: for whom it holds, its volumes, its failures, its worst cases."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from challenges.models import Case, Phase
from challenges.policies import Viewer
from challenges.selectors import cases_of
from evaluation.agreement import BlandAltman, bland_altman
from leaderboards.cases import Measure, measures_of
from leaderboards.models import Snapshot
from leaderboards.policies import may_see_details
from leaderboards.scatter import Case as Dot
from leaderboards.scatter import Scatter, scatter
from leaderboards.selectors import Board, Choice, board
from leaderboards.subgroups import groups_of_entry
from leaderboards.tables import Column, Row
from submissions.models import CaseResult
from submissions.reasons import reason_of

WORST = 6


@dataclass(frozen=True)
class Volumes:
    """Of one label: the agreement of its volumes, drawn, and in numbers."""

    label: str
    agreement: BlandAltman
    plot: Scatter | None


@dataclass(frozen=True)
class Bad:
    """A case among the worst, or one that failed. value: of the chosen metric; None where it does
    not apply."""

    case: Case
    value: float | None
    reason: str


@dataclass(frozen=True)
class EntryPage:
    """told: place and column of the figures that its tables show. Cases one by one, from
    ``volumes`` on, are empty where the viewer may not see them."""

    row: Row
    board: Board
    told: tuple[tuple[int, Column], ...]
    groups: tuple[tuple[Choice, Row], ...]
    measures: tuple[Measure, ...]
    measure: Measure | None
    volumes: tuple[Volumes, ...]
    overlap: Scatter | None
    failures: tuple[Bad, ...]
    worst: tuple[Bad, ...]


def entry_of(
    viewer: Viewer, phase: Phase, submission: str, *, metric: str = ""
) -> EntryPage | None:
    """None where it does not stand on the leaderboard. metric: key of the measure by which cases
    are the worst; the first where there is no such."""
    shown = board(viewer, phase, submission=submission)
    row = next((one for one in shown.table.rows if one.submission == submission), None)
    if row is None or shown.snapshot is None or row.kind == "reader":
        return None
    told = tuple((at, one) for at, one in enumerate(shown.table.columns) if one.ranked)
    groups = groups_of_entry(viewer, phase, shown, submission)
    measures = measures_of(shown.snapshot.edition)
    measure = next((one for one in measures if one.key == metric), next(iter(measures), None))
    page = EntryPage(row, shown, told, groups, measures, measure, (), None, (), ())
    if not may_see_details(viewer, phase) or measure is None:
        return page
    found = _results(phase, shown.snapshot, submission)
    values = {
        case: measure.value([one.metrics for one in results]) for case, results in found.items()
    }
    known = [(case, value) for case, value in values.items() if value is not None]
    known.sort(key=lambda pair: measure.goodness(pair[1]))
    return EntryPage(
        row=row,
        board=shown,
        told=told,
        groups=groups,
        measures=measures,
        measure=measure,
        volumes=_volumes(found),
        overlap=_overlap(found, measures),
        failures=tuple(
            Bad(case, values[case], _reason(results[0]))
            for case, results in found.items()
            if results[0].reason_code
        ),
        worst=tuple(Bad(case, value, _reason(found[case][0])) for case, value in known[:WORST]),
    )


def _results(phase: Phase, snapshot: Snapshot, submission: str) -> dict[Case, list[CaseResult]]:
    """By case in the order of position, against each target."""
    rows = CaseResult.objects.filter(
        edition=snapshot.edition_id,
        run__submission__public_id=submission,
        run__submission__phase=phase,
        run__variant="original",
        run__repeat=0,
    )
    cases = {case.pk: case for case in cases_of(phase)}
    found: dict[int, list[CaseResult]] = defaultdict(list)
    for result in rows.select_related("run").order_by("target_id"):
        found[result.run.case_id].append(result)
    return {case: found[pk] for pk, case in cases.items() if pk in found}


def _reason(result: CaseResult) -> str:
    reason = reason_of(result.reason_code, "", in_full=False)
    return reason.title if reason else ""


def _volumes(found: Mapping[Case, Sequence[CaseResult]]) -> tuple[Volumes, ...]:
    labels = next((list(results[0].reference_ml) for results in found.values()), [])
    return tuple(_of_label(found, label) for label in labels)


def _of_label(found: Mapping[Case, Sequence[CaseResult]], label: str) -> Volumes:
    reference = [_reference_ml(results, label) for results in found.values()]
    predicted = [results[0].prediction_ml[label] for results in found.values()]
    agreement = bland_altman(reference, predicted)
    limits = agreement.difference_ml
    rules = [
        (value, words, dashed)
        for value, words, dashed in (
            (limits.low, "−1.96 SD", True),
            (limits.bias, "bias", False),
            (limits.high, "+1.96 SD", True),
        )
        if value is not None
    ]
    cases = list(found)
    dots = [
        Dot(
            cases[at].public_id,
            reference[at],
            predicted[at] - reference[at],
            f"{cases[at].name}: {reference[at]:.1f} ml in the reference, {predicted[at]:.1f} drawn",
        )
        for at in agreement.compared
    ]
    plot = scatter(dots, across="reference volume, ml", up="difference, ml", rules=rules)
    return Volumes(label, agreement, plot)


def _overlap(
    found: Mapping[Case, Sequence[CaseResult]], measures: Sequence[Measure]
) -> Scatter | None:
    """Dice against the volume of the reference, where Dice is among the metrics."""
    dice = next((one for one in measures if one.metric.id == "dice"), None)
    if dice is None:
        return None
    dots = []
    for case, results in found.items():
        value = dice.value([one.metrics for one in results])
        volume = _reference_ml(results, dice.label)
        if value is not None:
            dots.append(Dot(case.public_id, volume, value, f"{case.name}: {value:.3f}"))
    return scatter(dots, across="reference volume, ml", up=dice.short, share=True)


def _reference_ml(results: Sequence[CaseResult], label: str) -> float:
    return fmean(result.reference_ml[label] for result in results)
