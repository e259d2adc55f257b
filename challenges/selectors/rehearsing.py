"""Rehearsals of a challenge, newest first."""

from dataclasses import dataclass

from challenges.definition import content_hash
from challenges.models import Challenge, Rehearsal
from challenges.rehearsal import Report
from challenges.selectors.challenge import reference_version
from challenges.selectors.preparing import document_of


@dataclass(frozen=True)
class RehearsalView:
    """report: None until it is done. outdated: metrics, ranking or data have changed since."""

    row: Rehearsal
    report: Report | None
    outdated: bool


def rehearsals(challenge: Challenge) -> tuple[RehearsalView, ...]:
    now = specification_hash(challenge)
    return tuple(
        RehearsalView(
            row,
            None if row.document is None else Report.from_json(row.document),
            row.specification_hash != now,
        )
        for row in challenge.rehearsals.select_related("asked_by")[:5]
    )


def specification_hash(challenge: Challenge) -> str:
    """Of all that a rehearsal depends on beside its seed."""
    document = document_of(challenge)
    version = reference_version(challenge.dataset)
    cases = challenge.dataset.cases.filter(excluded_at=None, references__version=version)
    return content_hash(
        {
            "evaluation": document.get("evaluation"),
            "references": sorted(map(list, cases.values_list("name", "references__sha256"))),
        }
    )
