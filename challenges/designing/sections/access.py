"""Who could see hidden data, who did, and who downloaded."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from challenges.designing.document import Block, Column, Definitions, Paragraph, Section, Table
from challenges.designing.material import Material
from challenges.designing.texts import entry
from challenges.designing.words import count
from challenges.models import Access, Membership, Phase
from challenges.policies import TRUSTED

WHAT = {
    "picture": "pictures",
    "image": "images",
    "mask": "outlines",
    "scores": "scores of single cases",
    "quality": "quality control",
    "download": "download",
}


def access_log(material: Material) -> Section:
    return Section(
        "access",
        "Access to hidden data",
        parts=(
            Section("access-log", "On the platform", _log(material)),
            Section(
                "access-elsewhere",
                "Elsewhere",
                (Definitions((entry(material, "ethics.access"),)),),
            ),
            Section("downloads", "Downloads", _downloads(material)),
        ),
    )


@dataclass
class _Looks:
    """What one person looked at of one kind; days: of the first and the last look."""

    first: date
    last: date
    times: int = 0
    days: set[date] = field(default_factory=set)

    def add(self, row: Access) -> None:
        self.first, self.last = min(self.first, row.day), max(self.last, row.day)
        self.times += row.times
        self.days.add(row.day)


def _log(material: Material) -> tuple[Block, ...]:
    roles = _roles(material)
    looks: dict[tuple[str, str], _Looks] = {}
    for row in material.challenge.accesses.select_related("user"):
        key = (row.user.get_username(), row.what)
        looks.setdefault(key, _Looks(row.day, row.day)).add(row)
    rows = [
        (
            person,
            ", ".join(roles.get(person, ["no longer a member"])),
            WHAT.get(what, what),
            f"{one.first:%Y-%m-%d}",
            f"{one.last:%Y-%m-%d}",
            str(len(one.days)),
            str(one.times),
        )
        for (person, what), one in sorted(looks.items())
    ]
    seen = {person for person, _ in looks}
    may_see = (person for person in sorted(roles) if person not in seen)
    rows += [(one, ", ".join(roles[one]), "nothing", "–", "–", "0", "0") for one in may_see]
    intro = Paragraph(
        "Images and references of hidden cases are shown by the platform to organisers, "
        "co-organisers and stewards alone. Every look of a person is logged; programs are run on "
        "hidden cases without anyone seeing them."
    )
    if not rows:
        return (intro, Paragraph("Nobody has such a role now, and nobody has looked."))
    columns = (
        Column("Person", "head"),
        Column("Role", "text"),
        Column("Looked at", "text"),
        Column("First day", "short"),
        Column("Last day", "short"),
        Column("Days", "number"),
        Column("Times", "number"),
    )
    return (intro, Table("Who may see hidden data, and who did.", columns, tuple(rows)))


def _roles(material: Material) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    trusted = material.challenge.memberships.filter(role__in=TRUSTED).select_related("user")
    for one in trusted.order_by("role"):
        found[one.user.get_username()].append(str(Membership.Role(one.role).label))
    return found


def _downloads(material: Material) -> tuple[Block, ...]:
    phases = material.challenge.phases.filter(gives_away=True).order_by("position")
    rows = tuple(_row(phase) for phase in phases)
    if not rows:
        return (Paragraph("No phase gives its cases away."),)
    columns = (
        Column("Phase", "head"),
        Column("Downloads", "number"),
        Column("Persons", "number"),
        Column("First day", "short"),
        Column("Last day", "short"),
    )
    accepted = material.challenge.acceptances.values("user").distinct().count()
    terms = Paragraph(f"Terms of data use were accepted by {count(accepted, 'person')}.")
    return (Table("Downloads of cases that are given away.", columns, rows), terms)


def _row(phase: Phase) -> tuple[str, ...]:
    found = list(phase.downloads.order_by("started_at").values_list("user", "started_at"))
    first, last = (f"{found[at][1]:%Y-%m-%d}" if found else "–" for at in (0, -1))
    return (phase.title, str(len(found)), str(len({user for user, _ in found})), first, last)
