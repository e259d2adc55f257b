"""Submissions: what the pages of a developer do."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import Router, Status

from accounts.callers import READ, SUBMIT, caller_of
from challenges.api import seen_phase
from challenges.policies import may_organise
from submissions import selectors
from submissions.api.answers import (
    CONFLICT,
    TOO_MANY,
    UNPROCESSABLE,
    AllowanceOut,
    Problem,
    ResultsOut,
    ShareOut,
    SubmissionBrief,
    SubmissionIn,
    SubmissionOut,
    brief,
    case_out,
    own_upload,
    require_taking_part,
    seen,
    submission_out,
)
from submissions.judging.writable import refused_paths
from submissions.policies import may_cancel, may_let_stand
from submissions.services import arriving, choosing, lifecycle, quotas, uploads

router = Router(tags=["Submissions"])


@router.get(
    "/challenges/{slug}/phases/{phase}/allowance",
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
        team=found.team,
    )


@router.post(
    "/submissions",
    auth=SUBMIT,
    response={201: SubmissionOut, 409: Problem, 422: Problem, 429: Problem},
)
def submit(request: HttpRequest, body: SubmissionIn) -> Status[Any]:
    """Submit what was uploaded, to the phase that it was uploaded for. Asked twice, it answers with
    the same submission."""
    row = own_upload(request, body.upload)
    user = caller_of(request).user
    if row.phase is None:
        raise Http404
    require_taking_part(user, row.phase)
    if wrong := refused_paths(body.writable):
        return Status(UNPROCESSABLE, Problem(detail=wrong))
    title = " ".join(body.title.split())
    if not title or not title.isprintable():
        return Status(
            UNPROCESSABLE, Problem(detail="title: a name of printable signs is expected.")
        )
    try:
        made = uploads.submit(
            upload=row,
            user=user,
            title=title,
            writable=body.writable,
            card=body.card,
            is_baseline=body.baseline and may_organise(user, row.phase.challenge),
        )
    except arriving.UploadRefused as refusal:
        return Status(CONFLICT, Problem(detail=refusal.message, code=refusal.code))
    except quotas.QuotaUsedUp as refusal:
        return Status(TOO_MANY, Problem(detail=refusal.message, code="quota_used_up"))
    return Status(201, submission_out(request, made.public_id))


@router.get("/submissions", auth=READ, response=list[SubmissionBrief])
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
        SubmissionBrief(**brief(request, one))
        for one in found.select_related("team")[: max(0, min(limit, 1000))]
    ]


@router.get("/submissions/{submission_id}", auth=READ, response=SubmissionOut)
def get_submission(request: HttpRequest, submission_id: str) -> SubmissionOut:
    """Where it stands: state, place in the queue, estimate, cases done, why it failed."""
    return submission_out(request, submission_id)


@router.post(
    "/submissions/{submission_id}/cancel",
    auth=SUBMIT,
    response={200: SubmissionOut, 409: Problem},
)
def cancel_submission(request: HttpRequest, submission_id: str) -> Status[Any]:
    """Stop it; a running container is stopped within seconds."""
    found = seen(request, submission_id)
    viewer = caller_of(request).viewer
    if not may_cancel(viewer, found) or not lifecycle.cancel(
        submission=found, by=caller_of(request).user
    ):
        return Status(CONFLICT, Problem(detail="It had already ended; nothing was changed."))
    return Status(200, submission_out(request, submission_id))


@router.post(
    "/submissions/{submission_id}/stand",
    auth=SUBMIT,
    response={200: SubmissionOut, 409: Problem},
)
def let_submission_stand(request: HttpRequest, submission_id: str) -> Status[Any]:
    """Where teams choose: it stands on the leaderboard, in place of what stood before."""
    found = seen(request, submission_id)
    user = caller_of(request).user
    if not may_let_stand(user, found):
        raise Http404
    try:
        choosing.let_stand(submission=found, by=user)
    except choosing.NotChosen as refusal:
        return Status(CONFLICT, Problem(detail=refusal.message))
    return Status(200, submission_out(request, submission_id))


@router.get("/submissions/{submission_id}/results", auth=READ, response=ResultsOut)
def get_results(request: HttpRequest, submission_id: str) -> ResultsOut:
    """Every case: its state, its scores where you may see them, time and memory."""
    found = seen(request, submission_id)
    report = selectors.report(caller_of(request).viewer, found)
    keys = report.column_keys
    return ResultsOut(
        submission=found.public_id,
        state=found.state,
        card=report.card.card,
        means={key: one.mean for key, one in zip(keys, report.summaries, strict=False)},
        cases=[case_out(row, keys, detailed=report.detailed) for row in report.rows],
    )


@router.get(
    "/submissions/{submission_id}/results.csv",
    auth=READ,
    openapi_extra={"responses": {200: {"description": "OK", "content": {"text/csv": {}}}}},
)
def get_results_table(request: HttpRequest, submission_id: str) -> HttpResponse:
    """The same as a table, with units in its head."""
    found = seen(request, submission_id)
    answer = HttpResponse(
        selectors.results_csv(caller_of(request).viewer, found), content_type="text/csv"
    )
    answer["Content-Disposition"] = f'attachment; filename="{found.public_id}.csv"'
    return answer


@router.get(
    "/submissions/{submission_id}/cases/{number}/log",
    auth=READ,
    openapi_extra={"responses": {200: {"description": "OK", "content": {"text/plain": {}}}}},
)
def get_log(request: HttpRequest, submission_id: str, number: int) -> HttpResponse:
    """What the program printed on a case, at its last attempt; 404 where that is not for you."""
    text = selectors.log_of(caller_of(request).viewer, seen(request, submission_id), number=number)
    if text is None:
        raise Http404
    return HttpResponse(text, content_type="text/plain; charset=utf-8")
