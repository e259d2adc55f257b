"""Which states of a leaderboard may be shown beside each other where cases are hidden.

Of two states whose cases differ in a few patients, the figures tell by their difference what these
few scored. So the older one keeps its places, and no figures.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from challenges.definition import content_hash
from challenges.models import Case, Edition, Phase
from challenges.selectors import targets_of
from evaluation.standings import LEAST_PATIENTS
from leaderboards.models import Basis, Snapshot

ONLY_PLACES = (
    "The cases are hidden, and those of this state differ in fewer than "
    f"{LEAST_PATIENTS} patients from those of a later one: it is shown with places only."
)
Cases = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Shown:
    """Keys of ``Basis``. newest: of the newest state, with whose groups those of another are not
    compared; full: of states that are shown with figures."""

    newest: int | None
    full: frozenset[int]


def kept_basis(edition: Edition, cases: Sequence[Case], groupings: Sequence[str]) -> Basis:
    """A new reference or column of a case makes it another one. groupings: by which there are
    groups, that another state may have of the same cases."""
    targets: dict[int, list[str]] = defaultdict(list)
    references = targets_of(edition.phase, edition.reference_version).order_by("pk")
    for case, sha256 in references.values_list("case_id", "sha256"):
        targets[case].append(sha256)
    known = {
        str(case.pk): [case.patient, content_hash([targets[case.pk], case.metadata])]
        for case in cases
    }
    digest = content_hash([known, groupings])
    return Basis.objects.get_or_create(
        phase=edition.phase, digest=digest, defaults={"cases": known}
    )[0]


def shown_bases(phase: Phase, latest: datetime | None) -> Shown:
    """latest: of when the newest state is that may be seen; None for now."""
    states = Snapshot.objects.filter(edition__phase=phase)
    if latest is not None:
        states = states.filter(created_at__lte=latest)
    newest_of = states.order_by().values("basis").annotate(at=Max("created_at"), key=Max("pk"))
    keys = [one["basis"] for one in sorted(newest_of, key=_age, reverse=True)]
    if len(keys) < 2:
        return Shown(next(iter(keys), None), frozenset(keys) - {None})
    known = Basis.objects.in_bulk([key for key in keys if key is not None])
    full: list[int] = []
    for key in keys:
        if key in known and not any(_tells(known[key].cases, known[one].cases) for one in full):
            full.append(key)
    return Shown(keys[0], frozenset(full))


def _age(state: Mapping[str, object]) -> tuple[object, object]:
    return state["at"], state["key"]


def _tells(one: Cases, other: Cases) -> bool:
    differing = [case for case in one.keys() | other.keys() if one.get(case) != other.get(case)]
    patients = {known[case][0] for case in differing for known in (one, other) if case in known}
    return 0 < len(patients) < LEAST_PATIENTS
