"""Reads of what is asked."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet
from django.utils import timezone

from accounts.models import User
from challenges.definition import ChallengeDefinition, PhaseSpec
from challenges.models import Case, Challenge, Dataset, Edition, Phase, Protocol, Reference
from challenges.policies import INSIDE, ORGANISERS, Viewer, may_see_cases


def definition_of(challenge: Challenge) -> ChallengeDefinition:
    """The definition in force: the newest protocol's."""
    return ChallengeDefinition.model_validate(protocol_of(challenge).document)


def phase_spec(phase: Phase) -> PhaseSpec:
    """What the definition in force says of the phase."""
    return {one.slug: one for one in definition_of(phase.challenge).phases}[phase.slug]


def protocol_of(challenge: Challenge) -> Protocol:
    return challenge.protocols.order_by("-version")[:1].get()


def challenges_for_list() -> QuerySet[Challenge]:
    published = Challenge.objects.exclude(published_at=None)
    return published.prefetch_related("phases__dataset").order_by("title")


def drafts_of(viewer: Viewer) -> QuerySet[Challenge]:
    """Challenges in preparation that ``viewer`` takes part in."""
    if not isinstance(viewer, User):
        return Challenge.objects.none()
    mine = Challenge.objects.filter(
        published_at=None, memberships__user=viewer, memberships__role__in=INSIDE
    )
    return mine.distinct().order_by("title")


def organised_by(viewer: Viewer) -> QuerySet[Challenge]:
    if not isinstance(viewer, User):
        return Challenge.objects.none()
    mine = Challenge.objects.filter(memberships__user=viewer, memberships__role__in=ORGANISERS)
    return mine.exclude(published_at=None).distinct().order_by("title")


def current_edition(phase: Phase) -> Edition:
    """In which new results are scored."""
    return phase.editions.order_by("-number")[:1].get()


def shown_edition(phase: Phase) -> Edition:
    """The newest in which every submission has its results."""
    return phase.editions.exclude(ready_at=None).order_by("-number")[:1].get()


def has_submissions(challenge: Challenge, phase_slug: str = "") -> bool:
    phases = challenge.phases.filter(submissions__isnull=False)
    return (phases.filter(slug=phase_slug) if phase_slug else phases).exists()


def cases_of(phase: Phase) -> QuerySet[Case]:
    cases = phase.dataset.cases.filter(excluded_at=None)
    return cases.filter(split=phase.split) if phase.split else cases


def reference_version(dataset: Dataset) -> int:
    """The newest; 1 where there is none yet."""
    references = Reference.objects.filter(case__dataset=dataset).order_by("-version")
    return references.values_list("version", flat=True).first() or 1


def targets_of(phase: Phase, version: int) -> QuerySet[Reference]:
    """What is scored against in a version: the consensus of each case; with two readers, both."""
    references = Reference.objects.filter(case__in=cases_of(phase), version=version)
    consensus = references.filter(reader=None)
    return consensus if consensus.exists() else references


def visible_cases(viewer: Viewer, phase: Phase) -> QuerySet[Case]:
    """The cases that ``viewer`` may look at one by one: of a hidden phase, none for most."""
    cases = cases_of(phase)
    return cases if may_see_cases(viewer, phase) else cases.none()


def is_hidden(case: Case) -> bool:
    """Whether no phase has made it public."""
    phases = case.dataset.phases.filter(cases=Phase.Cases.PUBLIC, split__in=("", case.split))
    return not (case.excluded_at is None and phases.exists())


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
    cases = cases_of(phase)
    metadata = list(cases.values_list("metadata", flat=True))

    def values(column: str) -> tuple[str, ...]:
        return tuple(sorted({row[column] for row in metadata if row.get(column)}))

    counts = cases.aggregate(cases=Count("pk"), patients=Count("patient", distinct=True))
    version = current_edition(phase).reference_version
    drawn = targets_of(phase, version).filter(volume_ml__gt=0)
    return DatasetFacts(
        cases=counts["cases"],
        patients=counts["patients"],
        lesion_free=counts["cases"] - drawn.values("case").distinct().count(),
        readers=tuple(phase.dataset.readers.values_list("name", flat=True)),
        centres=len(values("centre")),
        scanners=values("scanner"),
        tracers=values("tracer"),
    )
