"""The splits as they are stored, and the phases that take their cases from each."""

from dataclasses import dataclass

from django.db.models import Count

from challenges.models import Challenge
from challenges.selectors.preparing import document_of


@dataclass(frozen=True)
class PhaseUse:
    """visibility: public or hidden."""

    title: str
    visibility: str


@dataclass(frozen=True)
class SplitCount:
    """name: empty for cases without a split. phases: those that use them, as last written."""

    name: str
    cases: int
    patients: int
    phases: tuple[PhaseUse, ...]


def split_counts(challenge: Challenge) -> tuple[SplitCount, ...]:
    """Of the cases that are not excluded, by the splits' names; a phase without one uses all."""
    phases = document_of(challenge).get("phases") or []
    rows = (
        challenge.dataset.cases.filter(excluded_at=None)
        .order_by("split")
        .values_list("split")
        .annotate(cases=Count("pk"), patients=Count("patient", distinct=True))
    )
    return tuple(
        SplitCount(
            name,
            cases,
            patients,
            tuple(
                PhaseUse(str(one.get("title", "")), str(one.get("cases", "hidden")))
                for one in phases
                if one.get("split", "") in ("", name)
            ),
        )
        for name, cases, patients in rows
    )
