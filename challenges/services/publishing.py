"""Freeze a challenge's definition and data, open it, and amend it with a reason."""

from dataclasses import asdict
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone
from pydantic import ValidationError

from accounts.models import User
from challenges.definition import ChallengeDefinition, PhaseSpec, content_hash
from challenges.definition.limits import PhaseLimits
from challenges.ingest import FolderRefused
from challenges.models import Case, Challenge, DataImport, Phase, Protocol
from challenges.readiness import Readiness, design_problems, readiness
from challenges.selectors import definition_of, has_submissions, reference_version
from challenges.services import telling
from challenges.services.editions import open_edition
from challenges.services.references import derive_references
from evaluation import SCORER_VERSION
from evaluation.documents import Problem, validation_problems
from evaluation.errors import EvaluationError

log = structlog.get_logger(__name__)


class NotReady(FolderRefused):
    """Everything that keeps a challenge from being published or amended, at once."""


def definition_from(document: dict[str, Any]) -> ChallengeDefinition:
    """Raises NotReady with each thing that is wrong."""
    try:
        return ChallengeDefinition.model_validate(document)
    except ValidationError as error:
        raise NotReady(validation_problems(error, ChallengeDefinition)) from None


def publish(*, challenge: Challenge, by: User | None) -> list[str]:
    """Freeze the draft as the first protocol and open its phases; returns notices.

    Raises NotReady with everything that is missing, and changes nothing then.
    """
    if challenge.published_at is not None:
        raise NotReady([Problem(challenge.slug, "is published already")])
    definition = definition_from(challenge.draft or {})
    _ready(challenge, definition)
    _derive(challenge, definition)
    with transaction.atomic():
        _claim(challenge)
        # Once more, as data may have arrived since; from here on none can.
        found = _ready(challenge, definition)
        _derive(challenge, definition)
        _freeze(challenge, definition, by=by, reason="")
        challenge.published_at = timezone.now()
        challenge.draft = None
        challenge.save(update_fields=["published_at", "draft"])
    log.info("challenge.published", challenge=challenge.slug)
    return list(found.notices)


def amend(*, challenge: Challenge, document: dict[str, Any], reason: str, by: User) -> Protocol:
    """A new version of the protocol, for everyone to read what changed and why.

    A new edition follows where scores change, and every submission is scored anew in it. A draft
    that is something else than ``document`` stays. Raises NotReady, and changes nothing then.
    """
    before = definition_of(challenge)
    definition = definition_from(document)
    problems = [*_unchangeable(challenge, before, definition)]
    if not reason.strip() and has_submissions(challenge):
        problems.append(
            Problem("reason", "there are submissions already; say why the protocol changes")
        )
    # Texts that the protocol in force lacks too, as one of an earlier version may, hold nothing up.
    lacking = design_problems(before.design, has_source=before.source is not None)
    problems += [one for one in readiness(challenge, definition).problems if one not in lacking]
    if problems:
        raise NotReady(problems)
    _derive(challenge, definition)
    with transaction.atomic():
        _claim(challenge)
        protocol = _freeze(challenge, definition, by=by, reason=reason.strip())
        if challenge.draft == document:
            challenge.draft = None
        challenge.title, challenge.summary = definition.title, definition.summary
        challenge.save(update_fields=["draft", "title", "summary"])
        telling.tell_of_amendment(protocol)
    log.info("challenge.amended", challenge=challenge.slug, version=protocol.version)
    return protocol


def _ready(challenge: Challenge, definition: ChallengeDefinition) -> Readiness:
    """Raises NotReady with everything that is missing."""
    found = readiness(challenge, definition)
    problems = list(found.problems)
    if challenge.imports.filter(state__in=DataImport.STORING).exists():
        problems.append(
            Problem("cases", "an import is under way; wait until it ends, or cancel it")
        )
    if problems:
        raise NotReady(problems)
    return found


def _derive(challenge: Challenge, definition: ChallengeDefinition) -> None:
    try:
        derive_references(dataset=challenge.dataset, definition=definition)
    except EvaluationError as error:
        raise NotReady([Problem("evaluation.labels", str(error))]) from None


def _claim(challenge: Challenge) -> None:
    """Of several who publish, amend or write the draft at once, one does: who changes the row.

    Raises NotReady where anyone has since ``challenge`` was read.
    """
    changed = Challenge.objects.filter(
        pk=challenge.pk,
        draft_version=challenge.draft_version,
        published_at=challenge.published_at,
    ).update(draft_version=F("draft_version") + 1)
    if not changed:
        text = "has been changed by someone else meanwhile; open the page again, and look at it"
        raise NotReady([Problem(challenge.slug, text)])
    challenge.draft_version += 1


def data_of(challenge: Challenge, version: int) -> dict[str, Any]:
    """What is frozen beside the definition: the hashes of every image, annotation and reference of
    every case, which phases it belongs to, and the scorer."""
    cases = challenge.dataset.cases.filter(excluded_at=None).order_by("name")
    return {
        "cases": [
            _data_of_case(case, version)
            for case in cases.prefetch_related("images", "annotations__reader", "references")
        ],
        "reference_version": version,
        "scorer_version": SCORER_VERSION,
    }


def _data_of_case(case: Case, version: int) -> dict[str, Any]:
    return {
        "name": case.name,
        "patient": case.patient,
        "split": case.split,
        "metadata": case.metadata,
        "inputs": case.inputs,
        "images": {image.modality: image.sha256 for image in case.images.all()},
        "annotations": {one.reader.name: one.sha256 for one in case.annotations.all()},
        "references": sorted(one.sha256 for one in case.references.all() if one.version == version),
    }


def _freeze(
    challenge: Challenge, definition: ChallengeDefinition, *, by: User | None, reason: str
) -> Protocol:
    document = definition.model_dump(mode="json")
    data = data_of(challenge, reference_version(challenge.dataset))
    frozen_at = timezone.now()
    newest = challenge.protocols.aggregate(newest=Max("version"))["newest"] or 0
    protocol = Protocol.objects.create(
        challenge=challenge,
        version=newest + 1,
        document=document,
        data=data,
        protocol_hash=protocol_hash(document, data, frozen_at.isoformat()),
        reason=reason,
        frozen_by=by,
        frozen_at=frozen_at,
    )
    challenge.phases.exclude(slug__in=[spec.slug for spec in definition.phases]).delete()
    for position, spec in enumerate(definition.phases):
        phase = _apply_phase(challenge, position, spec)
        open_edition(phase=phase, definition=definition)
    return protocol


def protocol_hash(document: dict[str, Any], data: dict[str, Any], frozen_at: str) -> str:
    """SHA-256 over a definition, the data frozen with it, and the moment."""
    return content_hash({"definition": document, "data": data, "frozen_at": frozen_at})


def _unchangeable(
    challenge: Challenge, before: ChallengeDefinition, after: ChallengeDefinition
) -> list[Problem]:
    problems = []
    if after.slug != before.slug:
        problems.append(Problem("slug", f"is the address, and stays “{before.slug}”"))
    kept = {phase.slug: phase for phase in after.phases}
    for phase in before.phases:
        now = kept.get(phase.slug)
        submitted = has_submissions(challenge, phase.slug)
        if now is None:
            if submitted:
                text = f"“{phase.slug}” has submissions and cannot be taken away; close it instead"
                problems.append(Problem("phases", text))
            continue
        if submitted and now.split != phase.split:
            text = f"“{phase.slug}” has submissions, which ran on its cases; its split stays"
            problems.append(Problem("phases", text))
        if phase.cases == "public" and now.cases == "hidden":
            text = f"the cases of “{phase.slug}” have been public; they cannot be hidden again"
            problems.append(Problem("phases", text))
    for name in ("modalities", "inputs", "output_slug"):
        if getattr(after, name) != getattr(before, name) and has_submissions(challenge):
            problems.append(Problem(name, "containers were written for it, and it stays"))
    if _asks_otherwise(before, after) and has_submissions(challenge):
        text = "containers were written for its kind and name, and they stay"
        problems.append(Problem("evaluation.confidence", text))
    return problems


def _asks_otherwise(before: ChallengeDefinition, after: ChallengeDefinition) -> bool:
    """Whether something else is asked for beside the mask; asking at first, or no more, is not."""
    one, other = before.evaluation.confidence, after.evaluation.confidence
    return (
        one is not None and other is not None and (one.kind, one.name) != (other.kind, other.name)
    )


def _apply_phase(challenge: Challenge, position: int, spec: PhaseSpec) -> Phase:
    quota = spec.quota
    phase, _ = Phase.objects.update_or_create(
        challenge=challenge,
        slug=spec.slug,
        defaults={
            "dataset": challenge.dataset,
            "title": spec.title,
            "position": position,
            "kind": spec.kind,
            "cases": spec.cases,
            "split": spec.split,
            "gives_away": spec.gives_away,
            "takes": list(spec.takes),
            "leaderboard": spec.leaderboard.model_dump(mode="json"),
            "opens_at": spec.opens,
            "closes_at": spec.closes,
            **asdict(PhaseLimits.declared(spec.limits)),
            "quota_submissions": quota.submissions,
            "quota_attempts": quota.attempts,
            "quota_days": quota.days,
            "quota_at_once": quota.at_once,
        },
    )
    return phase
