"""A challenge's definition: from a file, from a folder, or from a platform."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
from pydantic import ValidationError

from challenges.definition import ChallengeDefinition, PhaseSpec, read_definition
from evaluation.documents import DocumentRefused, validation_problems
from submissions.trying.refused import TrialRefused

FORMAT = 1
_PATIENCE_SECONDS = 30


def definition_from(given: str) -> ChallengeDefinition:
    """given: challenge.yaml, a folder that holds one, or the address of a challenge's page.

    Raises TrialRefused with every problem.
    """
    if given.startswith(("http://", "https://")):
        return _fetched(given)
    path = Path(given)
    try:
        return read_definition(path / "challenge.yaml" if path.is_dir() else path)
    except DocumentRefused as refusal:
        raise TrialRefused(*refusal.problems) from None


def address_of_definition(page: str) -> str:
    """Where a platform gives the definition of the challenge that has this page."""
    parts = urlsplit(page)
    base, found, rest = parts.path.partition("/challenges/")
    slug = rest.split("/")[0]
    if not parts.netloc or not found or not slug:
        raise TrialRefused(
            f"{page} is not the address of a challenge's page; one ends with /challenges/NAME/."
        )
    path = f"{base}/api/v1/challenges/{slug}/definition"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _fetched(page: str) -> ChallengeDefinition:
    address = address_of_definition(page)
    try:
        answer = httpx.get(address, timeout=_PATIENCE_SECONDS, follow_redirects=True)
    except httpx.HTTPError as error:
        raise TrialRefused(
            f"{address} gives no answer ({error}). Is the platform up, and the address right?"
        ) from None
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise TrialRefused(f"{address}: this platform shows no such challenge. Look at its page.")
    if not answer.is_success:
        raise TrialRefused(
            f"{address} answers {answer.status_code} {answer.reason_phrase}, expected 200. Save "
            "the challenge's definition as a file, and name that."
        )
    try:
        document = answer.json()
    except ValueError:
        raise TrialRefused(f"{address} answers no JSON: is this an Uptake platform?") from None
    return _definition(address, document)


def _definition(address: str, answer: Any) -> ChallengeDefinition:  # noqa: ANN401
    document = answer.get("definition") if isinstance(answer, dict) else None
    if not isinstance(document, dict):
        raise TrialRefused(f"{address} answers JSON without a definition: is this an Uptake?")
    version = document.get("format")
    if version != FORMAT:
        raise TrialRefused(
            f"{address} gives a definition of format {version!r}; this Uptake reads {FORMAT}. Use "
            "the version of Uptake that the platform has."
        )
    try:
        return ChallengeDefinition.model_validate(document)
    except ValidationError as error:
        raise TrialRefused(
            f"{address} gives a definition that this Uptake does not read. Use the version of "
            "Uptake that the platform has.",
            *validation_problems(error, ChallengeDefinition),
        ) from None


def phase_from(definition: ChallengeDefinition, slug: str = "") -> PhaseSpec:
    """The one of that name, else the only one that takes containers. Raises TrialRefused."""
    taking = {
        phase.slug: phase
        for phase in definition.phases
        if phase.kind != "training" and "container" in phase.takes
    }
    known = ", ".join(taking) or "none"
    if slug and slug not in taking:
        raise TrialRefused(f"No phase “{slug}” takes containers; those that do: {known}.")
    if not slug and len(taking) != 1:
        raise TrialRefused(f"Name a phase, whose limits hold: --phase, one of {known}.")
    return taking[slug or next(iter(taking))]
