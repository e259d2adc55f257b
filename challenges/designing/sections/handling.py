"""What was checked, left out, converted and prepared, and what is known to be wrong."""

from collections import Counter
from typing import Any

from challenges.designing.document import (
    Block,
    Bullets,
    Column,
    Definitions,
    Paragraph,
    Section,
    Table,
)
from challenges.designing.material import Material
from challenges.designing.texts import entry, told
from challenges.designing.words import count, number, spread
from challenges.ingest.quality import CHECKS
from challenges.models import Finding

State = Finding.State


def quality_control(material: Material) -> Section:
    return Section(
        "quality",
        "Quality control",
        parts=(
            Section("checks", "Checks and decisions", _checks(material)),
            Section("excluded", "Excluded cases", _excluded(material)),
        ),
    )


def _checks(material: Material) -> tuple[Block, ...]:
    refused = [check.title.lower() for check in CHECKS.values() if check.weight == "refused"]
    intro = Paragraph(
        f"The platform runs {len(CHECKS)} checks on every case. A case that fails one of these is "
        f"not taken in at all: {', '.join(refused)}. What the others find is decided by a person, "
        "with a reason."
    )
    rows = _rows_of_checks(material)
    if not rows:
        return (intro, Paragraph("Nothing was found, or no case has been checked yet."))
    columns = (
        Column("Check", "head"),
        Column("What it looks at", "text"),
        Column("Found", "number"),
        Column("Open", "number"),
        Column("Accepted", "number"),
        Column("Case excluded", "number"),
    )
    table = Table("Findings by check, with what was decided.", columns, rows)
    reasons = _reasons(material)
    if not reasons:
        return (intro, table)
    return (intro, table, Paragraph("Accepted, for these reasons:"), Bullets(reasons))


def _rows_of_checks(material: Material) -> tuple[tuple[str, ...], ...]:
    counts: dict[str, Counter[str]] = {}
    for view in material.cases:
        for one in view.findings:
            of_check = counts.setdefault(one.row.check_id, Counter())
            of_check[State.EXCLUDED if view.case.excluded_at else one.row.state] += 1
    order = [*CHECKS, *sorted(set(counts) - set(CHECKS))]
    return tuple(
        (
            CHECKS[check].title if check in CHECKS else check,
            CHECKS[check].meaning if check in CHECKS else "",
            str(counts[check].total()),
            *(str(counts[check][one]) for one in (State.OPEN, State.ACCEPTED, State.EXCLUDED)),
        )
        for check in order
        if check in counts
    )


def _reasons(material: Material) -> tuple[str, ...]:
    """Grouped, so that one reason for forty cases is told once."""
    found = Counter(
        (one.title, material.redacted(one.row.reason))
        for view in material.included
        for one in view.findings
        if one.row.state == State.ACCEPTED
    )
    return tuple(f"{title} ({many}): {reason}" for (title, reason), many in sorted(found.items()))


def _excluded(material: Material) -> tuple[Block, ...]:
    if not material.excluded:
        return (Paragraph("None: every case that was brought belongs to the challenge."),)
    if material.sees_hidden:
        rows = tuple(
            (one.case.name, f"{one.case.excluded_at:%Y-%m-%d}", one.case.excluded_because)
            for one in material.excluded
        )
        columns = (Column("Case", "head"), Column("Date", "short"), Column("Reason", "text"))
        caption = "Cases of no phase. Their names are shown to whoever may see hidden data."
        return (Table(caption, columns, rows),)
    reasons = Counter(material.redacted(one.case.excluded_because) for one in material.excluded)
    return (
        Table(
            "Cases of no phase, by reason.",
            (Column("Cases", "head"), Column("Reason", "text")),
            tuple((str(many), reason) for reason, many in sorted(reasons.items())),
        ),
    )


def handling(material: Material) -> Section:
    return Section(
        "handling",
        "Pre-processing and sources of error",
        parts=(
            Section("conversion", "Conversion to SUV", _conversion(material)),
            Section(
                "preprocessing",
                "Pre-processing",
                (
                    Definitions(
                        (entry(material, "data.preprocessing"), told("Here", _stored(material)))
                    ),
                ),
            ),
            Section("errors", "Sources of error", _errors(material)),
        ),
    )


def _stored(material: Material) -> str:
    text = (
        "Images are stored as SUVbw, masks on the PET’s grid; geometry and pixels alone, without "
        "any header of the scanner."
    )
    if "CT" in material.definition.modalities:
        text += " CT is resampled to the PET’s grid, with −1024 HU outside its field."
    return text


def _conversion(material: Material) -> tuple[Block, ...]:
    cases = [one.case for one in material.included]
    made = [case.conversion for case in cases if case.conversion]
    if not made:
        text = f"{count(len(cases), 'case')} came as SUV already; no DICOM was converted here."
        return (Paragraph(text if cases else "No case has been brought yet."),)
    blocks: list[Block] = [
        Paragraph(
            f"{len(made)} of {count(len(cases), 'case')} came as DICOM and were converted to SUVbw "
            "with one rule for a whole series, after QIBA’s vendor-neutral pseudo-code (2018), "
            "made strict: what it does not name is refused and not guessed."
            + ("" if len(made) == len(cases) else " The others came as SUV already.")
        )
    ]
    if not material.may_tell_of_all:
        return (*blocks, Paragraph("Further numbers are withheld: too few hidden cases."))
    rules = Counter(str(one.get("rule", "")) for one in made)
    rows = tuple((rule, str(many)) for rule, many in sorted(rules.items()))
    columns = (Column("Rule", "text"), Column("Cases", "number"))
    blocks += [
        Table("Rules of conversion.", columns, rows),
        Definitions(
            (
                told("Decay, min", spread(_minutes(made, "decay_seconds"))),
                told("Activity, MBq", spread([v / 1e6 for v in _values(made, "dose_bq")])),
                told("Weight, kg", spread(_values(made, "weight_kg"))),
                told("Warnings", f"{number(sum(bool(one.get('warnings')) for one in made))} cases"),
            )
        ),
        Paragraph("Median and quartiles where a bracket follows."),
    ]
    return tuple(blocks)


def _values(made: list[dict[str, Any]], key: str) -> list[float]:
    return [float(one[key]) for one in made if one.get(key) is not None]


def _minutes(made: list[dict[str, Any]], key: str) -> list[float]:
    return [value / 60 for value in _values(made, key)]


def _errors(material: Material) -> tuple[Block, ...]:
    return (Definitions((entry(material, "data.error_sources"),)),)
