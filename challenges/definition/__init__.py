"""``challenge.yaml``: a challenge's definition, strict, with every error at once and its line."""

from challenges.definition.card import AlgorithmCard, CardSpec
from challenges.definition.challenge import (
    ChallengeDefinition,
    Citation,
    InputSpec,
    OutputSpec,
    ReaderSpec,
    Source,
    content_hash,
    read_definition,
)
from challenges.definition.design import Design, Organiser
from challenges.definition.participation import RegistrationSpec, TeamsSpec, folded
from challenges.definition.phases import Limits, PhaseSpec, Quota

__all__ = [
    "AlgorithmCard",
    "CardSpec",
    "ChallengeDefinition",
    "Citation",
    "Design",
    "InputSpec",
    "Limits",
    "Organiser",
    "OutputSpec",
    "PhaseSpec",
    "Quota",
    "ReaderSpec",
    "RegistrationSpec",
    "Source",
    "TeamsSpec",
    "content_hash",
    "folded",
    "read_definition",
]
