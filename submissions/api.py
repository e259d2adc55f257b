"""Uploads and submissions as data: what the pages do, for programs."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from ninja import HeaderEx, P, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from accounts.callers import ORGANISE, READ, SUBMIT, caller_of
from challenges import tus
from challenges.api import seen_phase
from challenges.policies import may_organise, may_submit
from challenges.receiving import Checksum, ChecksumDiffers, OffsetDiffers
from challenges.views.numbers import whole_number
from submissions import selectors
from submissions.judging.writable import refused_paths
from submissions.models import Kind, Submission, Upload
from submissions.policies import may_cancel, may_release_logs, may_rerun
from submissions.services import arriving, lifecycle, logs, quotas, rerunning, uploads

router = Router()
_UPLOADS = ["Uploads"]
_SUBMISSIONS = ["Submissions"]
_CONFLICT, _TOO_LARGE, _WRONG_TYPE, _UNPROCESSABLE, _TOO_MANY = 409, 413, 415, 422, 429


class Problem(Schema):
    """detail: what was found, what was expected, what to do. code: as on the page of reasons."""

    detail: str
    code: str = ""


class ShareOut(Schema):
    used: int
    limit: int | None


class AllowanceOut(Schema):
    """What may be submitted to a phase within any ``days`` days. next_at: null for at once."""

    submissions: ShareOut
    attempts: ShareOut
    days: int
    at_once: int | None
    under_way: int
    next_at: datetime | None


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
    makes a new version. writable: folders of the image that its program writes to. baseline: for
    organisers."""

    upload: str = Field(max_length=12)
    title: str = Field(min_length=1, max_length=100)
    writable: list[str] = Field(default=[], max_length=20)
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
    """attempt: counts re-runs. ahead: submissions received earlier that have not ended."""

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
    scores_visible: bool
    logs_visible: bool


class ResultsOut(Schema):
    """means: over cases, by the same keys as the values of a case."""

    submission: str
    state: str
    means: dict[str, float | None]
    cases: list[CaseOut]


# Uploads: the tus protocol, with what a program may want to know beside it.


@router.post(
    "/challenges/{slug}/phases/{phase}/uploads",
    tags=_UPLOADS,
    auth=SUBMIT,
    response={201: UploadOut, 400: Problem, 413: Problem, 422: Problem, 429: Problem},
)
def begin_upload(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    phase: str,
    upload_length: HeaderEx[str, P(description="Bytes of the file.")],
    upload_metadata: HeaderEx[
        str,
        P(
            default="",
            description="As tus has it: ``filename``, ``kind`` (container or predictions), "
            "``sha256`` (hex), ``baseline``; each value in base64.",
        ),
    ],
    tus_resumable: HeaderEx[str, P(default=tus.VERSION)],
) -> Status[Any]:
    """Ask for room for a file (tus: creation). Role, phase and quota are checked here, before the
    first byte, and again when it is submitted."""
    user = caller_of(request).user
    found = seen_phase(user, slug, phase)
    if not may_submit(user, found):
        raise Http404
    length = whole_number(upload_length)
    if length is None:
        return Status(400, Problem(detail="Upload-Length: a number of bytes is expected."))
    told = tus.metadata_of(request)
    baseline = told.get("baseline") == "on" and may_organise(user, found.challenge)
    try:
        row = arriving.begin(
            phase=found,
            user=user,
            name=told.get("filename", "upload"),
            size_bytes=length,
            kind=told.get("kind", Kind.CONTAINER.value),
            sha256=told.get("sha256", ""),
            is_baseline=baseline,
        )
    except arriving.UploadRefused as refusal:
        return Status(_UNPROCESSABLE, Problem(detail=refusal.message, code=refusal.code))
    except quotas.QuotaUsedUp as refusal:
        return Status(_TOO_MANY, Problem(detail=refusal.message, code="quota_used_up"))
    tus.told(response)
    response["Location"] = reverse("api-1:upload", args=(row.public_id,))
    return Status(201, _upload(row))


@router.get("/uploads", tags=_UPLOADS, auth=READ, response=list[UploadOut])
def list_uploads(request: HttpRequest) -> list[UploadOut]:
    """Your uploads of which no submission was made yet."""
    rows = arriving.unfinished_uploads(caller_of(request).user)
    return [_upload(row) for row in rows.select_related("phase__challenge")]


@router.api_operation(
    ["HEAD"],
    "/uploads/{upload_id}",
    tags=_UPLOADS,
    auth=SUBMIT,
    url_name="upload",
    response={200: None},
)
def ask_upload(request: HttpRequest, response: HttpResponse, upload_id: str) -> None:
    """Where the upload ends now: ``Upload-Offset`` (tus)."""
    _offset(response, _own_upload(request, upload_id))


@router.patch(
    "/uploads/{upload_id}",
    tags=_UPLOADS,
    auth=SUBMIT,
    response={204: None, 409: Problem, 413: Problem, 415: Problem, 422: Problem, 460: Problem},
    openapi_extra={
        "requestBody": {
            "content": {tus.OFFSET_TYPE: {"schema": {"type": "string", "format": "binary"}}}
        }
    },
)
def continue_upload(
    request: HttpRequest,
    response: HttpResponse,
    upload_id: str,
    upload_offset: HeaderEx[str, P(description="Where the upload ends now.")],
    upload_checksum: HeaderEx[
        str,
        P(
            default="",
            description="``sha256 <base64>`` of this part: it counts as a whole or not at all.",
        ),
    ],
    tus_resumable: HeaderEx[str, P(default=tus.VERSION)],
) -> Status[Any]:
    """Send the next part, of any size (tus: core and checksum)."""
    row = _own_upload(request, upload_id)
    offset = whole_number(upload_offset)
    if request.headers.get("Content-Type") != tus.OFFSET_TYPE or offset is None:
        return Status(
            _WRONG_TYPE, Problem(detail=f"{tus.OFFSET_TYPE} and Upload-Offset are expected.")
        )
    try:
        checksum = Checksum.parse(upload_checksum) if upload_checksum else None
    except ValueError as error:
        return Status(_UNPROCESSABLE, Problem(detail=f"Upload-Checksum: {error}."))
    try:
        arriving.append(row=row, offset=offset, parts=tus.parts_of(request), checksum=checksum)
    except OffsetDiffers:
        return Status(
            _CONFLICT, Problem(detail="The upload does not end there. Ask where it ends (HEAD).")
        )
    except ChecksumDiffers:
        return Status(
            tus.CHECKSUM_MISMATCH,
            Problem(
                detail="The part arrived damaged, and is not kept. Send it again.",
                code="checksum_differs",
            ),
        )
    except arriving.UploadRefused as refusal:
        return Status(_UNPROCESSABLE, Problem(detail=refusal.message, code=refusal.code))
    _offset(response, row)
    return Status(204, None)


@router.delete("/uploads/{upload_id}", tags=_UPLOADS, auth=SUBMIT, response={204: None})
def discard_upload(request: HttpRequest, upload_id: str) -> Status[None]:
    """Give up a file that was not submitted."""
    if not arriving.discard(row=_own_upload(request, upload_id)):
        raise HttpError(_CONFLICT, "A submission was made of it.")
    return Status(204, None)


# Submissions


@router.get(
    "/challenges/{slug}/phases/{phase}/allowance",
    tags=_SUBMISSIONS,
    auth=READ,
    response=AllowanceOut,
)
def get_allowance(request: HttpRequest, slug: str, phase: str) -> AllowanceOut:
    """What is left of your quota."""
    user = caller_of(request).user
    found = quotas.allowance_of(phase=seen_phase(user, slug, phase), user=user)
    return AllowanceOut(
        submissions=ShareOut(used=found.submissions.used, limit=found.submissions.limit),
        attempts=ShareOut(used=found.attempts.used, limit=found.attempts.limit),
        days=found.days,
        at_once=found.at_once,
        under_way=found.under_way,
        next_at=found.next_at,
    )


@router.post(
    "/submissions",
    tags=_SUBMISSIONS,
    auth=SUBMIT,
    response={201: SubmissionOut, 409: Problem, 422: Problem, 429: Problem},
)
def submit(request: HttpRequest, body: SubmissionIn) -> Status[Any]:
    """Submit what was uploaded, to the phase that it was uploaded for. Asked twice, it answers with
    the same submission."""
    row = _own_upload(request, body.upload)
    user = caller_of(request).user
    if row.phase is None or not may_submit(user, row.phase):
        raise Http404
    if wrong := refused_paths(body.writable):
        return Status(_UNPROCESSABLE, Problem(detail=wrong))
    title = " ".join(body.title.split())
    if not title or not title.isprintable():
        return Status(
            _UNPROCESSABLE, Problem(detail="title: a name of printable signs is expected.")
        )
    try:
        made = uploads.submit(
            upload=row,
            user=user,
            title=title,
            writable=body.writable,
            is_baseline=body.baseline and may_organise(user, row.phase.challenge),
        )
    except arriving.UploadRefused as refusal:
        return Status(_CONFLICT, Problem(detail=refusal.message, code=refusal.code))
    except quotas.QuotaUsedUp as refusal:
        return Status(_TOO_MANY, Problem(detail=refusal.message, code="quota_used_up"))
    return Status(201, _submission(request, made.public_id))


@router.get("/submissions", tags=_SUBMISSIONS, auth=READ, response=list[SubmissionBrief])
def list_submissions(
    request: HttpRequest, challenge: str = "", phase: str = "", limit: int = 100
) -> list[SubmissionBrief]:
    """Yours and your teams', the newest first; of one challenge or phase where they are named."""
    found = selectors.submissions_of(caller_of(request).viewer)
    if challenge:
        found = found.filter(phase__challenge__slug=challenge)
    if phase:
        found = found.filter(phase__slug=phase)
    return [
        SubmissionBrief(**_brief(request, one))
        for one in found.select_related("team")[: max(0, min(limit, 1000))]
    ]


@router.get("/submissions/{submission_id}", tags=_SUBMISSIONS, auth=READ, response=SubmissionOut)
def get_submission(request: HttpRequest, submission_id: str) -> SubmissionOut:
    """Where it stands: state, place in the queue, estimate, cases done, why it failed."""
    return _submission(request, submission_id)


@router.post(
    "/submissions/{submission_id}/cancel",
    tags=_SUBMISSIONS,
    auth=SUBMIT,
    response={200: SubmissionOut, 409: Problem},
)
def cancel_submission(request: HttpRequest, submission_id: str) -> Status[Any]:
    """Stop it; a running container is stopped within seconds."""
    found = _seen(request, submission_id)
    viewer = caller_of(request).viewer
    if not may_cancel(viewer, found) or not lifecycle.cancel(submission=found):
        return Status(_CONFLICT, Problem(detail="It had already ended; nothing was changed."))
    return Status(200, _submission(request, submission_id))


@router.get(
    "/submissions/{submission_id}/results", tags=_SUBMISSIONS, auth=READ, response=ResultsOut
)
def get_results(request: HttpRequest, submission_id: str) -> ResultsOut:
    """Every case: its state, its scores where you may see them, time and memory."""
    found = _seen(request, submission_id)
    report = selectors.report(caller_of(request).viewer, found)
    keys = report.column_keys
    return ResultsOut(
        submission=found.public_id,
        state=found.state,
        means={key: one.mean for key, one in zip(keys, report.summaries, strict=False)},
        cases=[_case(row, keys, detailed=report.detailed) for row in report.rows],
    )


@router.get(
    "/submissions/{submission_id}/results.csv",
    tags=_SUBMISSIONS,
    auth=READ,
    openapi_extra={"responses": {200: {"description": "OK", "content": {"text/csv": {}}}}},
)
def get_results_table(request: HttpRequest, submission_id: str) -> HttpResponse:
    """The same as a table, with units in its head."""
    found = _seen(request, submission_id)
    answer = HttpResponse(
        selectors.results_csv(caller_of(request).viewer, found), content_type="text/csv"
    )
    answer["Content-Disposition"] = f'attachment; filename="{found.public_id}.csv"'
    return answer


@router.get(
    "/submissions/{submission_id}/cases/{number}/log",
    tags=_SUBMISSIONS,
    auth=READ,
    openapi_extra={"responses": {200: {"description": "OK", "content": {"text/plain": {}}}}},
)
def get_log(request: HttpRequest, submission_id: str, number: int) -> HttpResponse:
    """What the program printed on a case, at its last attempt; 404 where that is not for you."""
    text = selectors.log_of(caller_of(request).viewer, _seen(request, submission_id), number=number)
    if text is None:
        raise Http404
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


# For organisers


@router.post(
    "/submissions/{submission_id}/rerun",
    tags=["For organisers"],
    auth=ORGANISE,
    response={201: SubmissionOut, 409: Problem},
)
def rerun_submission(request: HttpRequest, submission_id: str) -> Status[Any]:
    """Run it again as a new attempt."""
    found = _seen(request, submission_id)
    if not may_rerun(caller_of(request).viewer, found):
        raise Http404
    try:
        again = rerunning.rerun(submission=found, by=caller_of(request).user)
    except rerunning.RerunRefused as refusal:
        return Status(_CONFLICT, Problem(detail=refusal.message))
    return Status(201, _submission(request, again.public_id))


@router.post(
    "/submissions/{submission_id}/logs/release",
    tags=["For organisers"],
    auth=ORGANISE,
    response={200: SubmissionOut, 409: Problem},
)
def release_logs(request: HttpRequest, submission_id: str) -> Status[Any]:
    """Let the participant read the logs of hidden cases; read them yourself before."""
    return _logs(request, submission_id, release=True)


@router.post(
    "/submissions/{submission_id}/logs/withhold",
    tags=["For organisers"],
    auth=ORGANISE,
    response={200: SubmissionOut, 409: Problem},
)
def withhold_logs(request: HttpRequest, submission_id: str) -> Status[Any]:
    """Take that back."""
    return _logs(request, submission_id, release=False)


def _logs(request: HttpRequest, submission_id: str, *, release: bool) -> Status[Any]:
    found = _seen(request, submission_id)
    if not may_release_logs(caller_of(request).viewer, found):
        raise Http404
    change = logs.release if release else logs.withhold
    if not change(submission=found, by=caller_of(request).user):
        return Status(
            _CONFLICT, Problem(detail="Nothing was changed: it still runs, or was done before.")
        )
    return Status(200, _submission(request, submission_id))


# How rows become answers


def _own_upload(request: HttpRequest, public_id: str) -> Upload:
    row = (
        Upload.objects.select_related("phase__challenge")
        .filter(public_id=public_id, owner=caller_of(request).user)
        .first()
    )
    if row is None or row.phase is None:
        raise Http404
    return row


def _offset(response: HttpResponse, row: Upload) -> None:
    tus.told(response)
    response["Upload-Offset"] = str(row.received_bytes)
    response["Upload-Length"] = str(row.size_bytes)


def _upload(row: Upload) -> UploadOut:
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


def _seen(request: HttpRequest, public_id: str) -> Submission:
    found = selectors.find_submission(caller_of(request).viewer, public_id)
    if found is None:
        raise Http404
    return found


def _brief(request: HttpRequest, one: Submission) -> dict[str, Any]:
    return {
        "id": one.public_id,
        "url": request.build_absolute_uri(reverse("submission", args=(one.public_id,))),
        "challenge": one.phase.challenge.slug,
        "phase": one.phase.slug,
        "algorithm": one.version.algorithm.title,
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


def _submission(request: HttpRequest, public_id: str) -> SubmissionOut:
    one = _seen(request, public_id)
    report = selectors.report(caller_of(request).viewer, one)
    left = report.estimate
    return SubmissionOut(
        **_brief(request, one),
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
        scores_visible=report.detailed,
        logs_visible=report.logs,
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


def _case(row: selectors.CaseRow, keys: tuple[str, ...], *, detailed: bool) -> CaseOut:
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
