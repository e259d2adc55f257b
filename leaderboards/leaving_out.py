"""What an exported leaderboard lacks for whoever may not see it, and what ``rank`` then refuses."""

from dataclasses import dataclass

from challenges.groupings import DECIDING, groupings_of
from challenges.models import Phase
from challenges.policies import Viewer, may_see_data
from challenges.selectors import definition_of
from evaluation.spec import EvaluationSpec
from evaluation.standings import DERIVED

_REFUSED = {
    "per_subgroup": "the ranks themselves, which are made within its groups",
    "mean_of_subgroups": "the ranks themselves, which are made of its groups’ means",
    "stratum": "resamples, and with them ranges and intervals",
    "centres": "ranks without one centre",
}


@dataclass(frozen=True)
class LeftOut:
    """A column of cases.csv that is not public. without: what cannot be found again."""

    column: str
    without: tuple[str, ...]


def left_out(viewer: Viewer, phase: Phase) -> tuple[LeftOut, ...]:
    """None for whoever may see the data."""
    if may_see_data(viewer, phase.challenge):
        return ()
    definition = definition_of(phase.challenge)
    spec = definition.evaluation
    known = {*definition.public_columns, *DERIVED}
    columns = {*groupings_of(spec), *cohort_columns(spec)} - known
    return tuple(LeftOut(name, _without(name, spec)) for name in sorted(columns))


def cohort_columns(spec: EvaluationSpec) -> dict[str, list[str]]:
    """By column of cases.csv, the metrics over the cohort that are reckoned of it."""
    found: dict[str, list[str]] = {}
    for metric in spec.cohort:
        for one in metric.parameters:
            value = metric.settings.get(one.id)
            if isinstance(value, str):
                found.setdefault(value, []).append(metric.short)
    return found


def _without(name: str, spec: EvaluationSpec) -> tuple[str, ...]:
    told = [_REFUSED[key] for key in (*DECIDING, "centres") if getattr(spec.ranking, key) == name]
    told += cohort_columns(spec).get(name, [])
    return tuple(told) or (f"leaderboards of groups by {name}",)
