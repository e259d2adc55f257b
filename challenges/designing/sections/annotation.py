"""Who drew the reference, how, and how far readers agree."""

from challenges.designing.document import (
    Block,
    Column,
    Definitions,
    Entry,
    Missing,
    Paragraph,
    Section,
    Table,
)
from challenges.designing.material import Material
from challenges.designing.texts import entry, told
from challenges.designing.words import NOT_STATED, count
from challenges.models import Reference
from challenges.selectors.quality import agreements
from challenges.templatetags.figures import figure
from evaluation.readers import Recipe


def annotation(material: Material) -> Section:
    return Section(
        "annotation",
        "Annotation",
        parts=(
            Section("readers", "Readers and method", (_readers(material),)),
            Section("reference", "Recipe of the reference", (_reference(material),)),
            Section("agreement", "Agreement of the readers", _agreement(material)),
        ),
    )


def _readers(material: Material) -> Block:
    names = [reader.name for reader in material.definition.readers]
    wrong = Missing("readers", "Readers", "Who drew; the draft has an error there.", True)
    number = (
        Entry("Readers", missing=wrong)
        if "readers" in material.unread
        else told("Readers", f"{count(len(names), 'reader')} of every case: {', '.join(names)}")
    )
    return Definitions(
        (
            number,
            entry(material, "annotation.method"),
            entry(material, "annotation.instructions"),
            entry(material, "annotation.experience"),
        )
    )


def _reference(material: Material) -> Block:
    if {"readers", "consensus"} & material.unread:
        about = "How readers’ masks become one; the draft has an error there."
        return Missing("readers", "Recipe of the reference", about, True)
    definition = material.definition
    return Definitions(
        (
            told("What is scored against", f"The {definition.reference_words}."),
            told("How", _recipe(len(definition.readers), definition.consensus)),
            told("Version", _version(material)),
        )
    )


def _recipe(readers: int, consensus: Recipe) -> str:
    match readers:
        case 1:
            return "The reader’s mask as it was drawn, on the PET’s grid; nothing is changed in it."
        case 2:
            return (
                "Of two readers there is no consensus. Every answer is scored against each of the "
                "two masks, and the two scores of a case are averaged."
            )
        case _ if consensus is Recipe.STAPLE:
            return (
                "Each voxel whose probability by STAPLE (Warfield et al., IEEE Trans Med Imaging "
                "2004) is 0.5 or more, estimated label by label."
            )
        case _:
            return (
                "Each voxel that more than half of the readers gave the same label; a tie is "
                "background."
            )


def _version(material: Material) -> str:
    newest = (
        Reference.objects.filter(case__dataset=material.challenge.dataset)
        .order_by("-version")
        .first()
    )
    if newest is None:
        return "No reference has been derived yet."
    return f"Version {newest.version} of the reference."


def _agreement(material: Material) -> tuple[Block, ...]:
    if len(material.definition.readers) < 2:
        return (
            Paragraph(
                "One reader drew each case, so what readers differ by is not known from these "
                "data. Scores say how far an answer follows this reader."
            ),
        )
    if not material.may_tell_of_all:
        return (Paragraph("Withheld: too few hidden cases, see the cases by split."),)
    found = agreements(material.challenge)
    if not found:
        return (Paragraph("No case with outlines of two readers has been measured yet."),)
    rows = tuple(
        (
            f"{one.first} – {one.second}",
            str(one.cases),
            figure(one.dice),
            NOT_STATED if one.hd95_mm is None else figure(one.hd95_mm, 1),
            NOT_STATED if one.volume_ratio is None else figure(one.volume_ratio),
        )
        for one in found
    )
    columns = (
        Column("Readers", "head"),
        Column("Cases", "number"),
        Column("Dice", "number"),
        Column("HD95, mm", "number"),
        Column("Volume ratio, second / first", "number"),
    )
    caption = "Pairs of readers: medians over the cases in which at least one of the two drew."
    return (Table(caption, columns, rows),)
