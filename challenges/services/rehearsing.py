"""Rehearse a challenge with simulated participants before it opens."""

from collections.abc import Mapping
from pathlib import Path

import structlog
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from challenges import leases
from challenges.groupings import facts_of
from challenges.hints import REHEARSE, hint, hint_after_commit
from challenges.models import Case, Challenge, Image, Rehearsal
from challenges.rehearsal import RehearsalCase, RehearsalRefused, rehearse
from challenges.selectors.preparing import document_of
from challenges.selectors.rehearsing import specification_hash
from challenges.services.publishing import NotReady, definition_from
from challenges.services.working import LeaseLost, kept
from evaluation.documents import Problem

log = structlog.get_logger(__name__)
State = Rehearsal.State
PLATFORM_FAULTS = 3


def ask(*, challenge: Challenge, by: User, seed: int) -> Rehearsal:
    """Queue one. Raises NotReady where there is nothing to rehearse, or one is under way."""
    if challenge.rehearsals.exclude(state__in=Rehearsal.ENDS).exists():
        raise NotReady([Problem("rehearsal", "one is under way; wait until it ends")])
    if not challenge.dataset.cases.filter(excluded_at=None).exists():
        raise NotReady([Problem("rehearsal", "there are no cases yet; bring data first")])
    definition_from(document_of(challenge))
    rehearsal = Rehearsal.objects.create(
        challenge=challenge,
        seed=seed,
        specification_hash=specification_hash(challenge),
        asked_by=by,
    )
    hint_after_commit(REHEARSE)
    return rehearsal


def rehearse_next(*, worker: str) -> bool:
    """Do the first that waits; False when there is none."""
    for row in Rehearsal.objects.filter(state=State.QUEUED).order_by("asked_at")[:5]:
        if leases.claim(row, source=State.QUEUED, target=State.RUNNING, worker=worker):
            _rehearse(row)
            hint(REHEARSE)
            return True
    return False


def reconcile(watch: leases.Watch) -> None:
    """Give back what a dead worker held, and hint again at what waits. watch: kept."""
    for row in watch.silent(Rehearsal.objects.filter(state=State.RUNNING)):
        log.warning("rehearsal.lease_expired", row=row.pk, worker=row.leased_by)
        _fault(row)
    if Rehearsal.objects.filter(state=State.QUEUED).exists():
        hint(REHEARSE)


def _rehearse(row: Rehearsal) -> None:
    try:
        with kept(row, State.RUNNING) as lost:

            def progress(done: int, total: int) -> None:
                if lost.is_set():
                    raise LeaseLost
                Rehearsal.objects.filter(pk=row.pk, fence=row.fence).update(done=done, total=total)

            definition = definition_from(document_of(row.challenge))
            cases = _cases(row.challenge)
            facts = facts_of(cases, definition.evaluation)
            report = rehearse(
                [_case(case, one.groups) for case, one in zip(cases, facts, strict=True)],
                definition.evaluation,
                seed=row.seed,
                progress=progress,
            )
        leases.leave(
            row,
            source=State.RUNNING,
            target=State.DONE,
            document=report.to_json(),
            ended_at=timezone.now(),
        )
    except LeaseLost:
        log.info("rehearsal.stopped", row=row.pk, fence=row.fence)
    except (RehearsalRefused, NotReady) as refusal:
        _end(row, str(refusal))
    except Exception:
        log.exception("rehearsal.failed", row=row.pk)
        _fault(row)


def _fault(row: Rehearsal) -> None:
    if row.platform_faults + 1 < PLATFORM_FAULTS:
        leases.leave(
            row,
            source=State.RUNNING,
            target=State.QUEUED,
            platform_faults=F("platform_faults") + 1,
        )
    else:
        _end(row, "The server could not do it; its operator finds the reason in the log.")


def _end(row: Rehearsal, problem: str) -> None:
    leases.leave(
        row, source=State.RUNNING, target=State.FAILED, problem=problem, ended_at=timezone.now()
    )


def _cases(challenge: Challenge) -> list[Case]:
    cases = challenge.dataset.cases.filter(excluded_at=None)
    return list(cases.prefetch_related("images", "annotations__reader", "references"))


def _case(case: Case, groups: Mapping[str, str]) -> RehearsalCase:
    version = max(one.version for one in case.references.all())
    return RehearsalCase(
        name=case.name,
        patient=case.patient,
        pet=Path(next(i for i in case.images.all() if i.modality == Image.Modality.PET).file.path),
        references=tuple(
            Path(one.file.path) for one in case.references.all() if one.version == version
        ),
        annotations={one.reader.name: Path(one.file.path) for one in case.annotations.all()},
        metadata=case.metadata,
        groups=groups,
    )
