"""Tables of the cases by split: aggregates only, as a reader may learn them."""

import math
from collections.abc import Callable, Sequence

from challenges.designing.document import Column, ColumnKind, Table
from challenges.designing.material import Group, Material
from challenges.designing.words import NOT_STATED, capital, number, shares, spread
from challenges.selectors.quality import CaseView

WITHHELD = "withheld"
Tell = Callable[[Sequence[CaseView]], str]

COLUMNS: dict[str, tuple[str, ...]] = {
    "centre": ("centre",),
    "country": ("country",),
    "scanner": ("scanner", "scanner_model"),
    "tracer": ("tracer",),
    "reconstruction": ("reconstruction",),
    "body region": ("body_region",),
    "EARL class": ("earl_class",),
    "sex": ("sex",),
    "age": ("age_years", "age"),
    "weight": ("weight_kg",),
    "injected activity": ("injected_mbq",),
    "diagnosis": ("diagnosis",),
}
"""Columns of cases.csv by what they say; of several the first that a case has."""
EXPECTED = ("centre", "scanner", "tracer", "EARL class", "sex", "age")
"""Told even where no case has them."""


def metadata(view: CaseView, what: str) -> str:
    row = {key.casefold(): str(value).strip() for key, value in view.case.metadata.items()}
    return next((row[column] for column in COLUMNS[what] if row.get(column)), "")


def case_table(material: Material) -> Table:
    rows: list[tuple[str, Tell]] = [
        ("Patients", lambda cases: str(len({one.case.patient for one in cases}))),
        ("Cases without lesions", lambda cases: str(len(cases) - len(_with_lesions(cases)))),
        ("Lesions in all", _lesions),
        ("Lesions in a case that has any", lambda cases: spread(_counts(cases))),
        ("Lesion volume of such a case, ml", lambda cases: spread(_volumes(cases))),
        ("SUVmax in the reference", lambda cases: spread(_hottest(cases))),
    ]
    head = [
        ("Phases", [_phases(material, group) for group in material.groups]),
        ("Shown to participants", ["no" if one.hidden else "yes" for one in material.groups]),
        ("Cases", [str(len(group.cases)) for group in material.groups]),
    ]
    totals = ["", "", str(len(material.included))]
    made = [
        (title, *cells, *([total] if _has_total(material) else []))
        for (title, cells), total in zip(head, totals, strict=True)
    ]
    made += [_row(material, title, tell) for title, tell in rows]
    return Table(
        "Cases and lesions by split. Median and quartiles where a bracket follows; lesions are "
        "18-connected components of the reference.",
        _columns(material, "number"),
        tuple(made),
    )


def acquisition_table(material: Material) -> Table:
    told = [
        what
        for what in ("centre", "country", "scanner", "tracer", "EARL class", "reconstruction")
        if what in EXPECTED or _anyone(material, what)
    ]
    patients = [
        what
        for what in ("sex", "body region", "diagnosis")
        if what in EXPECTED or _anyone(material, what)
    ]
    rows = [_row(material, capital(what), _shares_of(what)) for what in (*told, *patients)]
    rows.append(_row(material, "Age, years", _spread_of("age")))
    if _anyone(material, "weight"):
        rows.append(_row(material, "Weight, kg", _spread_of("weight")))
    if _anyone(material, "injected activity"):
        rows.append(_row(material, "Injected activity, MBq", _spread_of("injected activity")))
    rows.append(_row(material, "Uptake time, min", lambda cases: spread(_uptakes(cases))))
    rows.append(_row(material, "Voxel size, mm", lambda cases: shares(map(_voxel, cases))))
    return Table(
        "Patients and acquisition by split: number of cases, or median and quartiles.",
        _columns(material, "text"),
        tuple(rows),
    )


def unstated(material: Material) -> list[str]:
    """What cases.csv is expected to say, and no case does."""
    return [what for what in EXPECTED if not _anyone(material, what)]


def _has_total(material: Material) -> bool:
    """From a sum one could count back to what is withheld."""
    return len(material.groups) > 1 and material.may_tell_of_all


def _columns(material: Material, kind: ColumnKind) -> tuple[Column, ...]:
    titles = [group.title for group in material.groups]
    titles = ["All cases"] if titles == ["No split"] else titles
    if _has_total(material):
        titles.append("All")
    return (Column("", "head"), *(Column(title, kind) for title in titles))


def _row(material: Material, title: str, tell: Tell) -> tuple[str, ...]:
    cells = [tell(group.cases) if group.may_tell else WITHHELD for group in material.groups]
    if _has_total(material):
        cells.append(tell(material.included))
    return (title, *cells)


def _phases(material: Material, group: Group) -> str:
    titles = [
        phase.title for phase in material.definition.phases if phase.split in ("", group.split)
    ]
    return ", ".join(titles) or "none"


def _anyone(material: Material, what: str) -> bool:
    return any(metadata(one, what) for one in material.included)


def _shares_of(what: str) -> Tell:
    return lambda cases: shares(metadata(one, what) for one in cases)


def _spread_of(what: str) -> Tell:
    return lambda cases: _told(
        [value for one in cases if (value := _number(metadata(one, what))) is not None], len(cases)
    )


def _told(values: Sequence[float], cases: int) -> str:
    """How many do not say it stands beside what the others say."""
    unknown = cases - len(values)
    return f"{spread(values)}; {NOT_STATED} ({unknown})" if values and unknown else spread(values)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _with_lesions(cases: Sequence[CaseView]) -> list[CaseView]:
    """Cases without facts count as having some: that none was measured is no finding of none."""
    return [one for one in cases if one.facts is None or not one.facts.lesion_free]


def _counts(cases: Sequence[CaseView]) -> list[float]:
    return [one.facts.lesion_count for one in _with_lesions(cases) if one.facts]


def _lesions(cases: Sequence[CaseView]) -> str:
    return number(sum(_counts(cases)))


def _volumes(cases: Sequence[CaseView]) -> list[float]:
    return [one.facts.reference_ml for one in _with_lesions(cases) if one.facts]


def _hottest(cases: Sequence[CaseView]) -> list[float]:
    values = (one.facts.hottest_inside for one in cases if one.facts)
    return [value for value in values if value is not None]


def _uptakes(cases: Sequence[CaseView]) -> list[float]:
    values = (one.facts.uptake_min for one in cases if one.facts)
    return [value for value in values if value is not None]


def _voxel(view: CaseView) -> str:
    if view.facts is None:
        return ""
    return " × ".join(f"{edge:.3g}" for edge in view.facts.voxel_mm)
