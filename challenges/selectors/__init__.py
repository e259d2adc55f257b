"""Reads of what is asked."""

from challenges.selectors.challenge import (
    DatasetFacts,
    cases_of,
    challenges_for_list,
    current_edition,
    dataset_facts,
    definition_of,
    drafts_of,
    has_submissions,
    is_hidden,
    organised_by,
    phase_state,
    protocol_of,
    reference_version,
    shown_edition,
    targets_of,
    visible_cases,
)

__all__ = [
    "DatasetFacts",
    "cases_of",
    "challenges_for_list",
    "current_edition",
    "dataset_facts",
    "definition_of",
    "drafts_of",
    "has_submissions",
    "is_hidden",
    "organised_by",
    "phase_state",
    "protocol_of",
    "reference_version",
    "shown_edition",
    "targets_of",
    "visible_cases",
]
