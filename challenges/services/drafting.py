"""What of an unfinished definition is enough to import cases by."""

from typing import Any

from pydantic import ValidationError

from challenges.definition import ChallengeDefinition
from challenges.models import Challenge
from challenges.selectors import protocol_of
from challenges.services.publishing import NotReady
from evaluation.documents import validation_problems

_NEEDED = (
    "format",
    "slug",
    "title",
    "modalities",
    "inputs",
    "readers",
    "consensus",
    "picture_suv_max",
)


def definition_for_data(challenge: Challenge) -> ChallengeDefinition:
    """Images, readers, labels and inputs as they are described; the rest as by default.

    Raises NotReady where one of these is wrong.
    """
    document: dict[str, Any] = challenge.draft or protocol_of(challenge).document
    part: dict[str, Any] = {name: document[name] for name in _NEEDED if name in document}
    part |= {
        "summary": document.get("summary") or "-",
        "question": "-",
        "evaluation": {"labels": (document.get("evaluation") or {}).get("labels", {"lesion": 1})},
        "phases": [{"slug": "any", "title": "Any", "cases": "hidden"}],
    }
    try:
        return ChallengeDefinition.model_validate(part)
    except ValidationError as error:
        raise NotReady(validation_problems(error, ChallengeDefinition)) from None
