"""Whether the declared ranking can be made of the data: asked before it is frozen."""

from collections.abc import Iterable, Sequence

import numpy as np

from challenges.definition import ChallengeDefinition
from challenges.groupings import deciding, facts_of, reference_ml
from challenges.models import Case, Challenge
from evaluation.documents import Problem
from evaluation.empties import Rule, Situation
from evaluation.errors import RankingRefused
from evaluation.metrics import Metric
from evaluation.ranking import CohortColumn, Column, ScoreTable, rank_table
from evaluation.ranking.declared import RankingSpec
from evaluation.ranking.table import Counts, Values
from evaluation.spec import EvaluationSpec
from evaluation.standings import DERIVED, LEAST_PATIENTS, UNKNOWN, CaseFacts
from evaluation.uncertainty.resamples import draw_patients

PLACE = "evaluation.ranking"
_SHOWN_AT_MOST = 5
_SIMULATED = 3


def ranking_problems(
    challenge: Challenge, definition: ChallengeDefinition
) -> tuple[list[Problem], list[str]]:
    """What keeps the ranking from being made, and what it would not say. One query."""
    spec = definition.evaluation
    cases = list(challenge.dataset.cases.filter(excluded_at=None).order_by("position"))
    if not cases:
        return [], []
    problems = _unknown_columns(cases, spec.ranking)
    unknown = {problem.place for problem in problems}
    notices = _one_centre(cases, spec.ranking)
    for phase in definition.phases:
        own = [case for case in cases if not phase.split or case.split == phase.split]
        if phase.kind == "training" or not own:
            continue
        problems += _of_phase(phase.slug, own, spec, unknown)
        patients = len({case.patient for case in own})
        if phase.cases == "hidden" and patients < LEAST_PATIENTS:
            notices.append(
                f"phase {phase.slug}: its hidden cases are of {patients} patient"
                f"{'' if patients == 1 else 's'}; with fewer than {LEAST_PATIENTS}, only "
                "organisers see figures on its leaderboard, and others see places alone"
            )
    return problems, notices


def _unknown_columns(cases: Sequence[Case], ranking: RankingSpec) -> list[Problem]:
    """Groupings that are no column of cases.csv."""
    known = {*DERIVED, *(name for case in cases for name in case.metadata)}
    named = [*deciding(ranking).items(), *(("subgroups", one) for one in ranking.subgroups or ())]
    if ranking.centres != RankingSpec().centres:
        named.append(("centres", ranking.centres))
    return [
        Problem(
            f"{PLACE}.{key}",
            f"“{name}” is no column of cases.csv (there are: {', '.join(sorted(known))}); name one "
            "of these, or add the column and bring the data again",
        )
        for key, name in named
        if name and name not in known
    ]


def _of_phase(
    phase: str, cases: Sequence[Case], spec: EvaluationSpec, unknown: set[str]
) -> list[Problem]:
    facts = facts_of(cases, spec)
    problems = []
    for key, name in deciding(spec.ranking).items():
        if f"{PLACE}.{key}" in unknown:
            continue
        if lacking := [one.name for one in facts if one.groups[name] in ("", UNKNOWN)]:
            problems.append(
                Problem(
                    f"{PLACE}.{key}",
                    f"in phase {phase}, {_listed(lacking)} without a value of “{name}”, by which "
                    "every case has to be grouped; fill it in, or exclude the case",
                )
            )
        elif key == "stratum":
            problems += _mixed(phase, name, facts)
    if problems or unknown:
        return problems
    return _rehearsed(phase, cases, facts, spec)


def _mixed(phase: str, name: str, facts: Sequence[CaseFacts]) -> list[Problem]:
    found: dict[str, set[str]] = {}
    for one in facts:
        found.setdefault(one.patient, set()).add(one.groups[name])
    return [
        Problem(
            f"{PLACE}.stratum",
            f"in phase {phase}, patient {patient} has cases of several “{name}” "
            f"({', '.join(sorted(labels))}); a patient is drawn with all cases, so stratify by "
            "what is the same for all of them",
        )
        for patient, labels in found.items()
        if len(labels) > 1
    ]


def _one_centre(cases: Sequence[Case], ranking: RankingSpec) -> list[str]:
    values = {str(case.metadata.get(ranking.centres, "")).strip() for case in cases} - {""}
    if len(values) != 1:
        return []
    return [
        f"every case is of {ranking.centres} “{values.pop()}”, so that leaving one "
        f"{ranking.centres} out says nothing about others"
    ]


def _rehearsed(
    phase: str, cases: Sequence[Case], facts: Sequence[CaseFacts], spec: EvaluationSpec
) -> list[Problem]:
    """The ranking on entries that draw no lesion where there is none: what is null for them in a
    whole group cannot be ranked there."""
    empty = [reference_ml(case) == 0 for case in cases]
    values = np.stack([_simulated(spec, empty, entry) for entry in range(_SIMULATED)])
    several = len(spec.labels) > 1
    table = ScoreTable(
        entries=tuple(f"simulated {entry}" for entry in range(_SIMULATED)),
        cases=tuple(one.name for one in facts),
        patients=tuple(one.patient for one in facts),
        columns=tuple(
            Column(metric.id, metric.direction, label if several else "", metric.is_share)
            for metric in spec.shown
            for label in spec.labels
        ),
        values=values,
        groups={
            name: tuple(one.groups[name] for one in facts)
            for name in deciding(spec.ranking).values()
        },
        cohort=tuple(
            CohortColumn(
                metric.id,
                metric.direction,
                label if several else "",
                metric.is_share,
                aggregate=_alike,
            )
            for metric in spec.cohort
            if metric.weighed is not None
            for label in spec.labels
        ),
    )
    try:
        rank_table(table, spec.recipe)
        draw_patients(table, 0, number=1, stratum=spec.ranking.stratum)
    except RankingRefused as refused:
        return [Problem(PLACE, f"cannot be made of phase {phase}: {refused.message}")]
    return []


def _simulated(spec: EvaluationSpec, empty: Sequence[bool], entry: int) -> Values:
    """``[cases, columns]``: shares that differ between entries, NaN where not applicable."""
    rows = [
        [np.nan if _is_null(metric, spec, is_empty) else (entry + 1) / (_SIMULATED + 1)]
        * len(spec.labels)
        for is_empty in empty
        for metric in spec.shown
    ]
    return np.array(rows, np.float64).reshape(len(empty), len(spec.shown) * len(spec.labels))


def _is_null(metric: Metric, spec: EvaluationSpec, is_empty: bool) -> bool:
    situation = Situation.BOTH_EMPTY if is_empty else Situation.BOTH_DRAWN
    return spec.table[metric.family][situation] is Rule.NULL


def _alike(counts: Counts) -> Values:
    """Of metrics over the cohort, which every group has a value of."""
    return np.full((len(counts), _SIMULATED), 0.5)


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = len(every) - _SHOWN_AT_MOST
    words = ", ".join(every[:_SHOWN_AT_MOST]) + (f" and {more} more" if more > 0 else "")
    return f"{words} {'is' if len(every) == 1 else 'are'}"
