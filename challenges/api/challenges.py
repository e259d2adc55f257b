"""Challenges as data: what a program needs to know before it submits."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Router, Schema

from accounts.callers import READ_OR_ANYONE, caller_of
from challenges.api.finding import seen_challenge
from challenges.models import Challenge, Phase
from challenges.selectors import definition_of, phase_state

router = Router(tags=["Challenges"], auth=READ_OR_ANYONE)


class Limits(Schema):
    """Of one run of a container."""

    memory_mib: int
    cpus: int
    seconds_per_case: int
    pids: int
    shm_mib: int
    tmp_mib: int


class PhaseOut(Schema):
    """state: upcoming, open or closed. cases: public or hidden."""

    slug: str
    title: str
    kind: str
    state: str
    cases: str
    takes: list[str]
    downloadable: bool
    opens_at: datetime | None
    closes_at: datetime | None
    limits: Limits


class ChallengeBrief(Schema):
    slug: str
    title: str
    summary: str
    published_at: datetime | None


class ChallengeOut(ChallengeBrief):
    phases: list[PhaseOut]


class DefinitionOut(Schema):
    """definition: in the layout of challenge.yaml, as it is frozen at present."""

    version: int
    protocol_hash: str
    definition: dict[str, Any]


@router.get("/challenges", response=list[ChallengeBrief])
def list_challenges(request: HttpRequest) -> list[Challenge]:
    """Published challenges, the newest first."""
    return list(Challenge.objects.exclude(published_at=None))


@router.get("/challenges/{slug}", response=ChallengeOut)
def get_challenge(request: HttpRequest, slug: str) -> ChallengeOut:
    """A challenge with its phases."""
    challenge = seen_challenge(caller_of(request).viewer, slug)
    return ChallengeOut(
        slug=challenge.slug,
        title=challenge.title,
        summary=challenge.summary,
        published_at=challenge.published_at,
        phases=[_phase(phase) for phase in challenge.phases.order_by("position")],
    )


@router.get("/challenges/{slug}/definition", response=DefinitionOut)
def get_definition(request: HttpRequest, slug: str) -> DefinitionOut:
    """The whole definition: metrics, limits, declared inputs and outputs, texts."""
    challenge = seen_challenge(caller_of(request).viewer, slug)
    protocol = challenge.protocols.first()
    if protocol is None:
        raise Http404
    return DefinitionOut(
        version=protocol.version,
        protocol_hash=protocol.protocol_hash,
        definition=definition_of(challenge).model_dump(mode="json"),
    )


def _phase(phase: Phase) -> PhaseOut:
    return PhaseOut(
        slug=phase.slug,
        title=phase.title,
        kind=phase.kind,
        state=phase_state(phase),
        cases=phase.cases,
        takes=phase.takes,
        downloadable=phase.gives_away,
        opens_at=phase.opens_at,
        closes_at=phase.closes_at,
        limits=Limits(
            memory_mib=phase.memory_mib,
            cpus=phase.cpus,
            seconds_per_case=phase.seconds_per_case,
            pids=phase.pids,
            shm_mib=phase.shm_mib,
            tmp_mib=phase.tmp_mib,
        ),
    )
