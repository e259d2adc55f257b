"""When and by which rules submissions are taken; what permits it, and who has which interest."""

from challenges.definition import PhaseSpec
from challenges.definition.phases import KINDS
from challenges.designing.document import (
    Block,
    Column,
    Definitions,
    Entry,
    Missing,
    Section,
    Table,
    paragraphs,
)
from challenges.designing.material import Material
from challenges.designing.texts import entries, entry, or_missing, told
from challenges.designing.words import count, moment


def phases(material: Material) -> Section:
    if "phases" in material.unread or not material.definition.phases:
        about = "When submissions are taken, on which cases; the draft lacks them or has an error."
        return Section("phases", "Phases", (Missing("phases", "Phases", about, required=True),))
    specs = material.definition.phases
    return Section(
        "phases", "Phases", (_dates(material, specs), _quotas(specs), _limits(specs), _runs())
    )


def _dates(material: Material, specs: list[PhaseSpec]) -> Block:
    columns = (
        Column("Phase", "head"),
        Column("Kind", "short"),
        Column("Cases", "short"),
        Column("Opens", "short"),
        Column("Closes", "short"),
        Column("Who sees what", "text"),
    )
    rows = tuple(
        (
            spec.title,
            KINDS[spec.kind],
            _cases(material, spec),
            moment(spec.opens) if spec.opens else "from the start",
            moment(spec.closes) if spec.closes else "no end set",
            _visibility(spec),
        )
        for spec in specs
    )
    return Table("Phases, in their order.", columns, rows)


def _cases(material: Material, spec: PhaseSpec) -> str:
    many = sum(spec.split in ("", one.case.split) for one in material.included)
    return f"{count(many, 'case')}{f', split {spec.split}' if spec.split else ''}"


def _visibility(spec: PhaseSpec) -> str:
    if spec.cases == "hidden":
        return (
            "Hidden: images, logs and scores of single cases are seen by organisers and stewards "
            "alone; participants see scores over all cases."
        )
    away = " Images and references can be downloaded." if spec.gives_away else ""
    return f"Public: everyone sees pictures, logs and scores of single cases.{away}"


def _quotas(specs: list[PhaseSpec]) -> Block:
    columns = (
        Column("Phase", "head"),
        Column("Submissions", "text"),
        Column("Attempts of any end", "text"),
        Column("Under way at once", "text"),
    )
    rows = tuple(
        (
            spec.title,
            _within(spec.quota.submissions, spec.quota.days),
            _within(spec.quota.attempts, spec.quota.days),
            str(spec.quota.at_once or "no limit"),
        )
        if spec.kind != "training"
        else (spec.title, "none are taken", "none are taken", "none")
        for spec in specs
    )
    return Table(
        "What one person or team may submit; a fault of the platform never counts.", columns, rows
    )


def _within(most: int | None, days: int) -> str:
    return "no limit" if most is None else f"{most} in {count(days, 'day')}"


def _limits(specs: list[PhaseSpec]) -> Block:
    columns = (
        Column("Phase", "head"),
        Column("Memory", "number"),
        Column("CPUs", "number"),
        Column("Time per case", "number"),
        Column("All cases together", "number"),
        Column("Stopped after failures in a row", "number"),
    )
    rows = tuple(
        (
            spec.title,
            f"{spec.limits.memory_gib:g}\u00a0GiB",
            str(spec.limits.cpus),
            f"{spec.limits.minutes_per_case:g}\u00a0min",
            f"{spec.limits.hours_in_all:g}\u00a0h" if spec.limits.hours_in_all else "no limit",
            str(spec.limits.failed_in_a_row or "never"),
        )
        for spec in specs
        if spec.kind != "training"
    )
    return Table("Limits of one submission’s runs.", columns, rows)


def _runs() -> Block:
    return Definitions(
        (
            told(
                "How to submit",
                "A container image is uploaded; the platform runs it once for each case, in a "
                "sandbox without network, and scores its mask. Nobody sees the hidden cases to "
                "take part.",
            ),
            told(
                "Evaluation before submission",
                "Definitions of all metrics and the scoring program are public, so results can be "
                "computed beforehand on public cases.",
            ),
        )
    )


def policies(material: Material) -> Section:
    keys = (
        "interaction",
        "training_data",
        "organisers_take_part",
        "awards",
        "results",
        "publication",
        "code",
    )
    rules = material.definition.rules
    own = (Entry("Rules", paragraphs(rules)),) if rules.strip() else ()
    found = entries(material, *(f"policies.{key}" for key in keys))
    return Section("policies", "Policies of participation", (Definitions((*own, *found.entries)),))


def ethics(material: Material) -> Section:
    about = "What a person accepts before downloading cases."
    missing = Missing("terms", "Terms of data use", about, required=False)
    gives_away = any(phase.gives_away for phase in material.definition.phases)
    terms = (
        or_missing("Terms of data use", material.definition.terms, missing)
        if gives_away or material.definition.terms.strip()
        else told("Terms of data use", "No case can be downloaded, so none are to be accepted.")
    )
    return Section(
        "ethics",
        "Ethics, funding and interests",
        (
            Definitions(
                (
                    entry(material, "ethics.approval"),
                    entry(material, "ethics.funding"),
                    entry(material, "ethics.conflicts"),
                    terms,
                )
            ),
        ),
    )
