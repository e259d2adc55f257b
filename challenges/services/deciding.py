"""What a person decides about the data; each decision has a reason and is kept."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from challenges.models import Case, Challenge, Decision, Finding
from challenges.selectors import cases_of, protocol_of
from challenges.services.publishing import NotReady, amend
from challenges.services.quality import check_among_all
from evaluation.documents import Problem


def accept_all(*, challenge: Challenge, reason: str, by: User | None) -> None:
    """Every finding that waits for a person, with one reason."""
    waiting = Finding.objects.filter(
        case__dataset=challenge.dataset,
        case__excluded_at=None,
        severity=Finding.Severity.BLOCKING,
        state=Finding.State.OPEN,
    )
    for finding in waiting.select_related("case__dataset__challenge"):
        accept(finding=finding, reason=reason, by=by)


def accept(*, finding: Finding, reason: str, by: User | None) -> None:
    """Let the case stand as it is. Raises NotReady without a reason. by: None on the server."""
    _require(reason)
    with transaction.atomic():
        finding.state = Finding.State.ACCEPTED
        finding.reason, finding.decided_by, finding.decided_at = reason, by, timezone.now()
        finding.save(update_fields=["state", "reason", "decided_by", "decided_at"])
        _record(finding.case, "accepted", finding.text, reason, by)


def reopen(*, finding: Finding, by: User) -> None:
    with transaction.atomic():
        finding.state = Finding.State.OPEN
        finding.reason, finding.decided_by, finding.decided_at = "", by, timezone.now()
        finding.save(update_fields=["state", "reason", "decided_by", "decided_at"])
        _record(finding.case, "reopened", finding.text, "", by)


def exclude(*, case: Case, reason: str, by: User) -> None:
    """Take a case out of every phase; of a published challenge this is an amendment.

    Raises NotReady without a reason, or where the amendment is not possible: a phase of a published
    challenge keeps at least one case.
    """
    _require(reason)
    with transaction.atomic():
        case.excluded_at, case.excluded_because = timezone.now(), reason
        case.save(update_fields=["excluded_at", "excluded_because"])
        case.findings.filter(state=Finding.State.OPEN).update(state=Finding.State.EXCLUDED)
        _record(case, "excluded", "", reason, by)
        check_among_all(dataset=case.dataset)
        _require_cases(case)
        _amend_if_published(case.dataset.challenge, f"A case was excluded: {reason}", by)


def include(*, case: Case, reason: str, by: User) -> None:
    """Put an excluded case back, with its findings open again. Raises NotReady, as exclude does."""
    _require(reason)
    with transaction.atomic():
        case.excluded_at, case.excluded_because = None, ""
        case.save(update_fields=["excluded_at", "excluded_because"])
        case.findings.filter(state=Finding.State.EXCLUDED).update(state=Finding.State.OPEN)
        _record(case, "included", "", reason, by)
        check_among_all(dataset=case.dataset)
        _amend_if_published(case.dataset.challenge, f"An excluded case was put back: {reason}", by)


def assign_splits(*, challenge: Challenge, splits: dict[str, str], how: str, by: User) -> None:
    """splits: by case name. how: shares, columns and seed, for the record."""
    with transaction.atomic():
        # By a write, so that whoever publishes at this moment waits, or has been first.
        drafts = Challenge.objects.filter(pk=challenge.pk, published_at=None)
        if not drafts.update(draft_version=F("draft_version")):
            raise NotReady([Problem("split", "the challenge is published; its splits stay")])
        for case in challenge.dataset.cases.filter(name__in=splits):
            case.split = splits[case.name]
            case.save(update_fields=["split"])
        Decision.objects.create(challenge=challenge, what="split", about=how, by=by)
        check_among_all(dataset=challenge.dataset)


def _require(reason: str) -> None:
    if not reason.strip():
        raise NotReady([Problem("reason", "say why; it is kept with the data")])


def _require_cases(case: Case) -> None:
    """Of what ``case`` was just taken out of."""
    challenge = case.dataset.challenge
    if challenge.published_at is None:
        return
    emptied = [phase for phase in challenge.phases.all() if not cases_of(phase).exists()]
    if emptied:
        raise NotReady(
            [
                Problem(
                    f"phase {phase.slug}",
                    f"“{case.name}” is its last case, and a phase needs at least one to be ranked "
                    "on; put another case back first, or take the phase away by an amendment",
                )
                for phase in emptied
            ]
        )


def _record(case: Case, what: str, about: str, reason: str, by: User | None) -> None:
    Decision.objects.create(
        challenge=case.dataset.challenge,
        case=case.name,
        what=what,
        about=about,
        reason=reason,
        by=by,
    )


def _amend_if_published(challenge: Challenge, reason: str, by: User) -> None:
    """reason: without the case's name, as everyone reads it, and the case may be hidden."""
    if challenge.published_at is not None:
        document = protocol_of(challenge).document
        amend(challenge=challenge, document=document, reason=reason, by=by)
