"""What the routes answer with, and how rows become it."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from ninja import Schema
from ninja.errors import HttpError
from pydantic import Field

from accounts.callers import caller_of
from accounts.models import User
from challenges.definition import AlgorithmCard
from challenges.models import Phase
from challenges.policies import may_ask_to_submit, may_submit
from challenges.selectors.taking_part import standing_of
from submissions import selectors
from submissions.models import Submission, Upload

CONFLICT, WRONG_TYPE, UNPROCESSABLE, TOO_MANY = 409, 415, 422, 429


class Problem(Schema):
    """detail: what was found, what was expected, what to do. code: as on the page of reasons."""

    detail: str
    code: str = ""


class ShareOut(Schema):
    used: int
    limit: int | None


class AllowanceOut(Schema):
    """What may be submitted to a phase within any ``days`` days. next_at: null for at once. team:
    whose quota it is; empty for a person alone."""

    submissions: ShareOut
    attempts: ShareOut
    days: int
    at_once: int | None
    under_way: int
    next_at: datetime | None
    team: str


class UploadOut(Schema):
    """A file on its way in; whole when received_bytes is size_bytes. sha256: as announced."""

    id: str
    name: str
    kind: str
    challenge: str
    phase: str
    size_bytes: int
    received_bytes: int
    sha256: str
    touched_at: datetime


class SubmissionIn(Schema):
    """upload: the id of one that has arrived whole. title: the algorithm's name; the same again
    makes a new version. writable: folders of the image that its program writes to. card: what the
    algorithm is; without one, the card of the version before. baseline: for
    organisers."""

    upload: str = Field(max_length=12)
    title: str = Field(min_length=1, max_length=100)
    writable: list[str] = Field(default=[], max_length=20)
    card: AlgorithmCard | None = None
    baseline: bool = False


class ReasonOut(Schema):
    """Why it is so, and what to do. owner: participant, organiser or platform."""

    code: str
    title: str
    text: str
    to_do: str
    stage: str
    owner: str


class SubmissionBrief(Schema):
    id: str
    url: str
    challenge: str
    phase: str
    algorithm: str
    algorithm_id: str
    version: int
    kind: str
    state: str
    has_ended: bool
    is_baseline: bool
    submitted_by: str
    team: str | None
    received_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class EstimateOut(Schema):
    """Until the last case has run. basis: whose cases it is reckoned from."""

    low_seconds: float
    high_seconds: float
    basis: str


class CaseOut(Schema):
    """One case. values: by metric, or ``metric.label`` with several labels; null where a metric
    does not apply, absent where they are not for you. memory_mib is sampled, so perhaps higher,
    where ``sampled``."""

    number: int
    name: str
    state: str
    reason: ReasonOut | None
    values: dict[str, float | None]
    reference_ml: float | None
    prediction_ml: float | None
    seconds: float | None
    cpu_seconds: float | None
    memory_mib: float | None
    sampled: bool
    warning: str
    attempts: int
    outputs: dict[str, str]
    has_log: bool


class SubmissionOut(SubmissionBrief):
    """attempt: counts re-runs. ahead: submissions received earlier that have not ended.
    card_lacks: what the challenge asks for before the entry stands on its leaderboard. verdict:
    where a phase shows no scores, whether it is better than your best before it."""

    attempt: int
    rerun: str | None
    reason: ReasonOut | None
    waits_for: str
    ahead: int
    estimate: EstimateOut | None
    cases_total: int
    cases_run: int
    cases_scored: int
    cases_failed: int
    card_lacks: list[str]
    scores_visible: bool
    logs_visible: bool
    verdict: str


class ResultsOut(Schema):
    """means: over cases, by the same keys as the values of a case. card: what is told of the
    algorithm."""

    submission: str
    state: str
    card: AlgorithmCard
    means: dict[str, float | None]
    cases: list[CaseOut]


def require_taking_part(user: User, phase: Phase) -> None:
    """404 where nothing may be submitted at all, 403 with what to do before."""
    if not may_ask_to_submit(user, phase):
        raise Http404
    if not may_submit(user, phase):
        raise HttpError(403, standing_of(user, phase.challenge).to_do)


def own_upload(request: HttpRequest, public_id: str) -> Upload:
    row = (
        Upload.objects.select_related("phase__challenge")
        .filter(public_id=public_id, owner=caller_of(request).user)
        .first()
    )
    if row is None or row.phase is None:
        raise Http404
    return row


def upload_out(row: Upload) -> UploadOut:
    return UploadOut(
        id=row.public_id,
        name=row.name,
        kind=row.kind,
        challenge=row.phase.challenge.slug if row.phase else "",
        phase=row.phase.slug if row.phase else "",
        size_bytes=row.size_bytes,
        received_bytes=row.received_bytes,
        sha256=row.promised_sha256,
        touched_at=row.touched_at,
    )


def seen(request: HttpRequest, public_id: str) -> Submission:
    found = selectors.find_submission(caller_of(request).viewer, public_id)
    if found is None:
        raise Http404
    return found


def brief(request: HttpRequest, one: Submission) -> dict[str, Any]:
    return {
        "id": one.public_id,
        "url": request.build_absolute_uri(reverse("submission", args=(one.public_id,))),
        "challenge": one.phase.challenge.slug,
        "phase": one.phase.slug,
        "algorithm": one.version.algorithm.title,
        "algorithm_id": one.version.algorithm.public_id,
        "version": one.version.number,
        "kind": one.version.kind,
        "state": one.state,
        "has_ended": one.has_ended,
        "is_baseline": one.is_baseline,
        "submitted_by": one.submitted_by.get_username(),
        "team": one.team.name if one.team else None,
        "received_at": one.received_at,
        "started_at": one.started_at,
        "ended_at": one.ended_at,
    }


def submission_out(request: HttpRequest, public_id: str) -> SubmissionOut:
    one = seen(request, public_id)
    report = selectors.report(caller_of(request).viewer, one)
    left = report.estimate
    return SubmissionOut(
        **brief(request, one),
        attempt=one.attempt,
        rerun=report.rerun.public_id if report.rerun else None,
        reason=_reason(report.reason, one.reason_code),
        waits_for=report.waits_for,
        ahead=report.ahead,
        estimate=EstimateOut(
            low_seconds=left.low_seconds, high_seconds=left.high_seconds, basis=left.basis
        )
        if left
        else None,
        cases_total=report.progress.total,
        cases_run=report.progress.executed,
        cases_scored=report.progress.scored,
        cases_failed=report.progress.failed,
        card_lacks=list(report.card_lacks),
        scores_visible=report.detailed,
        logs_visible=report.logs,
        verdict=report.verdict,
    )


def _reason(reason: selectors.Reason | None, code: str) -> ReasonOut | None:
    if reason is None:
        return None
    return ReasonOut(
        code=code,
        title=reason.title,
        text=reason.text,
        to_do=reason.to_do,
        stage=reason.stage,
        owner=reason.owner,
    )


def case_out(row: selectors.CaseRow, keys: tuple[str, ...], *, detailed: bool) -> CaseOut:
    return CaseOut(
        number=row.number,
        name=row.case,
        state=row.state,
        reason=_reason(row.reason, row.reason.code if row.reason else ""),
        values=dict(zip(keys, row.values, strict=True)) if detailed else {},
        reference_ml=row.reference_ml,
        prediction_ml=row.prediction_ml,
        seconds=row.seconds,
        cpu_seconds=row.cpu_seconds,
        memory_mib=row.memory_mib,
        sampled=row.sampled,
        warning=row.warning,
        attempts=row.attempts,
        outputs=dict(row.outputs),
        has_log=bool(row.log),
    )
