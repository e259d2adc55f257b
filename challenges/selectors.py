"""Reads of what is asked."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet
from django.utils import timezone

from challenges.definition import ChallengeDefinition
from challenges.models import Case, Challenge, Dataset, Edition, Phase, Reference
from challenges.policies import Viewer, may_see_cases


def definition_of(challenge: Challenge) -> ChallengeDefinition:
    """The definition in force: the newest protocol's."""
    protocol = challenge.protocols.order_by("-version")[:1].get()
    return ChallengeDefinition.model_validate(protocol.document)


def challenges_for_list() -> QuerySet[Challenge]:
    return Challenge.objects.prefetch_related("phases__dataset").order_by("title")


def current_edition(phase: Phase) -> Edition:
    return phase.editions.order_by("-number")[:1].get()


def targets_of(dataset: Dataset, version: int) -> QuerySet[Reference]:
    """What is scored against in a version: the consensus of each case; with two readers, both."""
    references = Reference.objects.filter(case__dataset=dataset, version=version)
    consensus = references.filter(reader=None)
    return consensus if consensus.exists() else references


def visible_cases(viewer: Viewer, phase: Phase) -> QuerySet[Case]:
    """The cases that ``viewer`` may look at one by one: of a hidden phase, none for most."""
    cases = phase.dataset.cases.all()
    return cases if may_see_cases(viewer, phase) else cases.none()


def phase_state(phase: Phase, now: datetime | None = None) -> str:
    """upcoming, open or closed; deadlines are UTC."""
    now = now or timezone.now()
    if phase.opens_at and now < phase.opens_at:
        return "upcoming"
    if phase.closes_at and now >= phase.closes_at:
        return "closed"
    return "open"


@dataclass(frozen=True)
class DatasetFacts:
    """What may be said of a dataset in public: numbers, never a single case."""

    cases: int
    patients: int
    lesion_free: int
    readers: tuple[str, ...]
    centres: int
    scanners: tuple[str, ...]
    tracers: tuple[str, ...]


def dataset_facts(phase: Phase) -> DatasetFacts:
    cases = phase.dataset.cases
    metadata = list(cases.values_list("metadata", flat=True))

    def values(column: str) -> tuple[str, ...]:
        return tuple(sorted({row[column] for row in metadata if row.get(column)}))

    counts = cases.aggregate(cases=Count("pk"), patients=Count("patient", distinct=True))
    version = current_edition(phase).reference_version
    drawn = targets_of(phase.dataset, version).filter(volume_ml__gt=0)
    return DatasetFacts(
        cases=counts["cases"],
        patients=counts["patients"],
        lesion_free=counts["cases"] - drawn.values("case").distinct().count(),
        readers=tuple(phase.dataset.readers.values_list("name", flat=True)),
        centres=len(values("centre")),
        scanners=values("scanner"),
        tracers=values("tracer"),
    )
