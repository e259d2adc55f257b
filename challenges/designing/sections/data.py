"""Where the cases come from, and how many there are of which kind."""

from challenges.designing.cohort import acquisition_table, case_table, unstated
from challenges.designing.document import (
    Block,
    Bullets,
    Definitions,
    Entry,
    Missing,
    Paragraph,
    Section,
)
from challenges.designing.material import FEWEST_TOLD, Material
from challenges.designing.texts import entry, told
from challenges.designing.words import moment


def data_sets(material: Material) -> Section:
    return Section(
        "data",
        "Data sets",
        parts=(
            Section("source", "Source", _source(material)),
            Section("cohort", "Cases by split", _cohort(material)),
            Section(
                "acquisition",
                "Acquisition and definition of a case",
                (
                    Definitions(
                        (
                            entry(material, "data.acquisition"),
                            entry(material, "data.case_definition"),
                            entry(material, "data.sample_size"),
                            entry(material, "data.characteristics"),
                            *_splitting(material),
                        )
                    ),
                ),
            ),
        ),
    )


def _source(material: Material) -> tuple[Block, ...]:
    source, text = material.definition.source, material.definition.data
    blocks: list[Block] = []
    if text:
        blocks.append(Definitions((told("The data in short", text),)))
    if source is None:
        about = "Where the data come from, their licence, and what has to be cited."
        return (*blocks, Missing("source", "Source and licence", about, True))
    blocks.append(
        Definitions((told("Source", source.text), told("Licence of the data", source.licence)))
    )
    if source.citations:
        blocks.append(Paragraph("To be cited wherever these cases are shown:"))
        cited = (f"{one.text} {one.url}".strip() for one in source.citations)
        blocks.append(Bullets(tuple(cited)))
    return tuple(blocks)


def _cohort(material: Material) -> tuple[Block, ...]:
    if not material.included:
        about = "Scans, readers’ masks and cases.csv; every table of this document rests on them."
        return (Missing("cases", "Cases", about, True),)
    blocks: list[Block] = [case_table(material), acquisition_table(material)]
    if not material.may_tell_of_all:
        blocks.append(
            Paragraph(
                f"Of fewer than {FEWEST_TOLD} hidden cases only their number is told here, as more "
                "could tell of a single patient."
            )
        )
    if columns := unstated(material):
        blocks.append(
            Missing(
                "cases.columns",
                f"{', '.join(columns)} (columns of cases.csv)",
                "No case says it; readers of the results will want to know.",
                required=False,
            )
        )
    return tuple(blocks)


def _splitting(material: Material) -> tuple[Entry, ...]:
    """How cases came into splits, where it was done here."""
    made = material.challenge.decisions.filter(what="split").order_by("at", "pk").last()
    if made is None:
        return ()
    text = f"{material.redacted(made.about)} ({moment(made.at)})"
    return (told("How cases were split", text),)
