"""Read what the platform knows of a challenge, and write every section of its design document."""

from datetime import date

from django.utils import timezone

from challenges.designing.document import Document
from challenges.designing.material import Material
from challenges.designing.reading import Reading, read
from challenges.designing.sections import SECTIONS
from challenges.models import Challenge, Protocol
from challenges.policies import Viewer, may_see, may_see_data
from challenges.readiness import readiness
from challenges.selectors.challenge import protocol_of
from challenges.selectors.preparing import document_of
from challenges.selectors.quality import cases_with_findings

PROBLEMS_TOLD = 50


def design_document(viewer: Viewer, challenge: Challenge) -> Document:
    """Of the protocol in force; of the draft, as far as it can be read, before publication.

    Hidden data are told in aggregates alone to a viewer who may not see them. Raises
    PermissionError where ``policies.may_see`` forbids the whole document.
    """
    if not may_see(viewer, challenge):
        raise PermissionError(f"the design of {challenge.slug} is not published yet")
    protocol = protocol_of(challenge) if challenge.published_at is not None else None
    reading = read(protocol.document if protocol else document_of(challenge))
    material = Material(
        challenge=challenge,
        definition=reading.definition,
        unread=reading.unread,
        protocol=protocol,
        cases=tuple(cases_with_findings(challenge, "name")),
        sees_hidden=may_see_data(viewer, challenge),
    )
    return Document(
        title=reading.definition.title or challenge.title,
        summary=reading.definition.summary,
        state="Draft" if protocol is None else f"Version {protocol.version}",
        hash="" if protocol is None else protocol.protocol_hash,
        dated=_dated(protocol),
        organisers=tuple(one.name for one in material.design.organisers),
        sections=tuple(section(material) for section in SECTIONS),
        open_problems=() if protocol else _open_problems(material, reading),
    )


def _dated(protocol: Protocol | None) -> date:
    return (protocol.frozen_at if protocol else timezone.now()).date()


def _open_problems(material: Material, reading: Reading) -> tuple[str, ...]:
    """Beside the texts and the source, which are marked where they are missing."""
    found = list(reading.problems)
    if not found:
        found = [
            one
            for one in readiness(material.challenge, reading.definition).problems
            if not one.place.startswith(("design.", "source"))
        ]
    told = [material.redacted(str(one)) for one in found[:PROBLEMS_TOLD]]
    if len(found) > PROBLEMS_TOLD:
        told.append(f"… and {len(found) - PROBLEMS_TOLD} more")
    return tuple(told)
