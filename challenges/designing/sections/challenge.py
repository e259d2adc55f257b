"""Which challenge this is, and who is responsible."""

from challenges.designing.document import Block, Definitions, Entry, Missing, Section, paragraphs
from challenges.designing.material import Material
from challenges.designing.texts import entry, or_missing, told
from challenges.designing.words import moment


def challenge(material: Material) -> Section:
    return Section(
        "challenge",
        "Challenge",
        parts=(
            Section("identity", "Identity", (_identity(material),)),
            Section("organisation", "Organisation", (_organisation(material),)),
        ),
    )


def _identity(material: Material) -> Block:
    definition = material.definition
    question = Missing("question", "Question", "The clinical question, in a few sentences.", True)
    abstract = "\n\n".join(part for part in (definition.summary, definition.question) if part)
    needed = (
        Entry("Abstract", paragraphs(abstract))
        if definition.question
        else Entry("Abstract", paragraphs(definition.summary), question)
    )
    return Definitions(
        (
            told("Title", definition.title or material.challenge.title),
            needed,
            entry(material, "purpose.keywords"),
            *_version(material),
        )
    )


def _version(material: Material) -> tuple[Entry, ...]:
    protocol = material.protocol
    if protocol is None:
        return (
            told(
                "Version",
                "Draft. Nothing is frozen yet; version 1, its date and its SHA-256 come with "
                "publication.",
            ),
        )
    return (
        told("Version", f"{protocol.version}, frozen {moment(protocol.frozen_at)}"),
        told("SHA-256", protocol.protocol_hash),
    )


def _organisation(material: Material) -> Block:
    organisers = "\n".join(
        f"{one.name}, {one.affiliation}" if one.affiliation else one.name
        for one in material.design.organisers
    )
    field, _ = material.texts["organisers"]
    missing = Missing("design.organisers", "Organisers", field.description or "", True)
    return Definitions(
        (
            or_missing("Organisers", organisers, missing),
            entry(material, "contact"),
            entry(material, "policies.life_cycle"),
            told(
                "Venue and platform",
                "Hosted on Uptake, which runs, scores and ranks every submission; its address "
                f"there is /challenges/{material.challenge.slug}/.",
            ),
        )
    )
