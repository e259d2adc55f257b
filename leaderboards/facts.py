"""What is known of cases by which they are grouped."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from challenges.models import Case
from evaluation.spec import EvaluationSpec
from evaluation.standings import DERIVED, USUAL, CaseFacts, derived


def facts_of(cases: Sequence[Case], spec: EvaluationSpec) -> tuple[CaseFacts, ...]:
    """In the order of ``cases``; grouped by every column that the ranking or a filter names."""
    known = derived(
        [_lesions(case.facts) for case in cases], [_reference_ml(case.facts) for case in cases]
    )
    columns = [name for name in groupings_of(spec) if name not in DERIVED]
    return tuple(
        CaseFacts(
            name=case.name,
            patient=case.patient,
            groups={
                **{name: str(case.metadata.get(name, "")).strip() for name in columns},
                **of_lesions,
            },
            metadata=case.metadata,
        )
        for case, of_lesions in zip(cases, known, strict=True)
    )


def groupings_of(spec: EvaluationSpec) -> tuple[str, ...]:
    ranking = spec.ranking
    named: Iterable[str] = (
        *(USUAL if ranking.subgroups is None else ranking.subgroups),
        ranking.per_subgroup,
        ranking.mean_of_subgroups,
        ranking.stratum,
        ranking.centres,
    )
    return tuple(name for name in dict.fromkeys(named) if name)


def _lesions(facts: Mapping[str, Any]) -> int | None:
    masks = facts.get("references_ml")
    return round(fmean(len(lesions) for lesions in masks)) if masks else None


def _reference_ml(facts: Mapping[str, Any]) -> float | None:
    masks = facts.get("references_ml")
    return fmean(sum(lesions) for lesions in masks) if masks else None
