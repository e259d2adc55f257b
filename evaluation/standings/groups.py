"""By what cases are grouped, and which groups are too small to be shown where cases are hidden."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.standings.scores import CaseFacts

LESION_FREE, LESION_COUNT, LESION_VOLUME = "lesion_free", "lesion_count", "lesion_volume"
DERIVED = (LESION_FREE, LESION_COUNT, LESION_VOLUME)
USUAL = ("tracer", "scanner", "centre", *DERIVED)
"""Groupings by which a leaderboard is filtered where a challenge names none."""
UNKNOWN = "not stated"
LEAST_PATIENTS = 10
"""Of which any figure stands that is shown to the public of a hidden phase."""


@dataclass(frozen=True)
class Group:
    """The cases of one label of one grouping. withheld: too few, or told by a difference."""

    grouping: str
    label: str
    cases: tuple[int, ...]
    patients: frozenset[str]
    withheld: bool = False

    def among(self, there: NDArray[np.bool_], cases: Sequence[CaseFacts]) -> "Group":
        """The same of the cases where ``there [cases]`` is true."""
        kept = tuple(at for at in self.cases if there[at])
        patients = frozenset(cases[at].patient for at in kept)
        return Group(self.grouping, self.label, kept, patients, self.withheld)


def derived(
    lesions: Sequence[int | None], volumes_ml: Sequence[float | None]
) -> list[dict[str, str]]:
    """Of each case its labels in the groupings of ``DERIVED``.

    lesions: in the reference; volumes_ml: of the reference; None where nobody measured them.
    Volumes are divided into thirds of the cases that have lesions, by type-7 quantiles.
    """
    there = [volume for volume in volumes_ml if volume]
    low, high = np.quantile(there, [1 / 3, 2 / 3]) if there else (0.0, 0.0)
    return [
        {
            LESION_FREE: _free(volume),
            LESION_COUNT: _counted(number),
            LESION_VOLUME: _third(volume, float(low), float(high)),
        }
        for number, volume in zip(lesions, volumes_ml, strict=True)
    ]


def _free(volume_ml: float | None) -> str:
    if volume_ml is None:
        return UNKNOWN
    return "with lesions" if volume_ml else "without lesions"


def _counted(number: int | None) -> str:
    if number is None:
        return UNKNOWN
    if number <= 1:
        return f"{number} lesion{'' if number == 1 else 's'}"
    return "2–5 lesions" if number <= 5 else "6 lesions or more"


def _third(volume: float | None, low: float, high: float) -> str:
    if volume is None:
        return UNKNOWN
    if volume == 0:
        return "0 ml"
    if volume <= low:
        return f"up to {low:.3g} ml"
    return f"above {high:.3g} ml" if volume > high else f"{low:.3g} to {high:.3g} ml"


def groups_of(cases: Sequence[CaseFacts], groupings: Iterable[str]) -> tuple[Group, ...]:
    """Every label of each grouping that has two or more: those by lesions from few to many, others
    in the order of their cases' number."""
    found: list[Group] = []
    for name in dict.fromkeys(groupings):
        places: dict[str, list[int]] = {}
        for at, case in enumerate(cases):
            places.setdefault(case.groups.get(name, "") or UNKNOWN, []).append(at)
        if len(places) < 2:
            continue
        ordered = sorted(places.items(), key=lambda item: (-len(item[1]), item[0]))
        if name in DERIVED:
            ordered = sorted(places.items(), key=lambda item: (_size(item[0]), item[0]))
        found += [
            Group(name, label, tuple(of), frozenset(cases[at].patient for at in of))
            for label, of in ordered
        ]
    return tuple(found)


def _size(label: str) -> int:
    """Of labels of volumes, which as texts have no order; of the others that is the right one."""
    if label == "0 ml":
        return 0
    if label.startswith("up to"):
        return 1
    return 3 if label.startswith("above") else 2


def protected(groups: Sequence[Group], everyone: frozenset[str]) -> tuple[Group, ...]:
    """``groups`` with those withheld that stand on fewer than ``LEAST_PATIENTS`` patients, and
    those of which another shown one, or all cases, would by a difference tell so few.

    everyone: the patients of all cases. What is withheld already stays so.
    """
    shown: list[Group] = []
    for group in sorted(groups, key=lambda one: -len(one.patients)):
        if group.withheld:
            continue
        known = [everyone, *(one.patients for one in shown)]
        if len(group.patients) >= LEAST_PATIENTS and not any(
            _tells(group.patients, other) for other in known
        ):
            shown.append(group)
    for grouping in {group.grouping for group in groups}:
        _withhold_remainders(shown, grouping, everyone)
    kept = {(one.grouping, one.label) for one in shown}
    return tuple(
        Group(
            one.grouping, one.label, one.cases, one.patients, (one.grouping, one.label) not in kept
        )
        for one in groups
    )


def _tells(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether the one without the other, of which it is a part, is a small group."""
    small, large = sorted((one, other), key=len)
    return small < large and len(large - small) < LEAST_PATIENTS


def _withhold_remainders(shown: list[Group], grouping: str, everyone: frozenset[str]) -> None:
    """All cases without the shown groups of one grouping: nobody, or enough."""
    while own := [one for one in shown if one.grouping == grouping]:
        rest = everyone.difference(*(one.patients for one in own))
        if not rest or len(rest) >= LEAST_PATIENTS:
            return
        shown.remove(min(own, key=lambda one: (len(one.patients), one.label)))
