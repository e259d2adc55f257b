"""What is known of cases by which they are grouped."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from challenges.models import Case
from evaluation.ranking.declared import RankingSpec
from evaluation.spec import EvaluationSpec
from evaluation.standings import DERIVED, USUAL, CaseFacts, derived


def facts_of(cases: Sequence[Case], spec: EvaluationSpec) -> tuple[CaseFacts, ...]:
    """In the order of ``cases``; grouped by every column that the ranking or a filter names."""
    known = derived(
        [_lesions(case.facts) for case in cases], [reference_ml(case) for case in cases]
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
    named = (
        *(USUAL if ranking.subgroups is None else ranking.subgroups),
        *(getattr(ranking, key) for key in (*DECIDING, "centres")),
    )
    return tuple(name for name in dict.fromkeys(named) if name)


DECIDING = ("per_subgroup", "mean_of_subgroups", "stratum")
"""Keys of a ranking whose grouping decides ranks or resamples: no case may be outside of it."""


def deciding(ranking: RankingSpec) -> dict[str, str]:
    """By key, the grouping; of those that the ranking names."""
    named = {key: str(getattr(ranking, key)) for key in DECIDING}
    return {key: name for key, name in named.items() if name}


def reference_ml(case: Case) -> float | None:
    """Mean over the reference's masks; None where it was not measured."""
    masks = case.facts.get("references_ml")
    return fmean(sum(lesions) for lesions in masks) if masks else None


def _lesions(facts: Mapping[str, Any]) -> int | None:
    masks = facts.get("references_ml")
    return round(fmean(len(lesions) for lesions in masks)) if masks else None
