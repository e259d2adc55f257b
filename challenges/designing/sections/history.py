"""What was frozen when, and what each amendment changed."""

from challenges.designing.document import Block, Column, Definitions, Paragraph, Section, Table
from challenges.designing.material import Material
from challenges.designing.texts import told
from challenges.designing.words import count, moment
from challenges.selectors.preparing import Version
from challenges.selectors.preparing import history as versions

LONGEST = 400
"""Characters of a text before and after an amendment; all of it stands on the protocol's page."""


def history(material: Material) -> Section:
    title = "History of the protocol"
    if material.protocol is None:
        text = "No version is frozen yet; what is written here can still change."
        return Section("history", title, (Paragraph(text),))
    found = versions(material.challenge)
    return Section(
        "history",
        title,
        (_editions(material),),
        tuple(_version(material, one) for one in found),
    )


def _version(material: Material, version: Version) -> Section:
    protocol = version.protocol
    by = protocol.frozen_by.get_username() if protocol.frozen_by else "the command line"
    cases = count(version.cases, "case")
    if version.cases_changed:
        cases += f", {version.cases_changed} different from the version before"
    facts = [
        told("Frozen", f"{moment(protocol.frozen_at)}, by {by}"),
        told("SHA-256", protocol.protocol_hash),
        told("Cases", cases),
    ]
    if protocol.reason:
        facts.append(told("Reason", material.redacted(protocol.reason)))
    blocks: list[Block] = [Definitions(tuple(facts))]
    if version.changes:
        columns = (Column("What", "head"), Column("Before", "text"), Column("After", "text"))
        rows = tuple((one.what, _short(one.before), _short(one.after)) for one in version.changes)
        blocks.append(Table("Changes from the version before.", columns, rows))
    return Section(f"version-{protocol.version}", f"Version {protocol.version}", tuple(blocks))


def _short(text: str) -> str:
    return f"{text[:LONGEST].rstrip()} […]" if len(text) > LONGEST else text or "nothing"


def _editions(material: Material) -> Block:
    """Results are compared within an edition only."""
    rows = tuple(
        (
            phase.title,
            str(edition.number),
            str(edition.reference_version),
            edition.scorer_version,
            edition.scoring_hash,
        )
        for phase in material.challenge.phases.prefetch_related("editions")
        for edition in phase.editions.all()[:1]
    )
    columns = (
        Column("Phase", "head"),
        Column("Edition", "number"),
        Column("Reference", "number"),
        Column("Scorer", "short"),
        Column("Scoring SHA-256", "code"),
    )
    caption = (
        "Editions in force. Scores can be compared within one: it stands for cases, references, "
        "metrics, rules of empty masks and scorer."
    )
    return Table(caption, columns, rows)
