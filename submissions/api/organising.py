"""What organisers do with a submission."""

from typing import Any

from django.http import Http404, HttpRequest
from ninja import Router, Status

from accounts.callers import ORGANISE, caller_of
from submissions.api.answers import (
    CONFLICT,
    Problem,
    SubmissionOut,
    seen,
    submission_out,
)
from submissions.policies import may_release_logs, may_rerun
from submissions.services import logs, rerunning

router = Router(tags=["For organisers"])


@router.post(
    "/submissions/{submission_id}/rerun",
    auth=ORGANISE,
    response={201: SubmissionOut, 409: Problem},
)
def rerun_submission(request: HttpRequest, submission_id: str) -> Status[Any]:
    """Run it again as a new attempt."""
    found = seen(request, submission_id)
    if not may_rerun(caller_of(request).viewer, found):
        raise Http404
    try:
        again = rerunning.rerun(submission=found, by=caller_of(request).user)
    except rerunning.RerunRefused as refusal:
        return Status(CONFLICT, Problem(detail=refusal.message))
    return Status(201, submission_out(request, again.public_id))


@router.post(
    "/submissions/{submission_id}/logs/release",
    auth=ORGANISE,
    response={200: SubmissionOut, 409: Problem},
)
def release_logs(request: HttpRequest, submission_id: str) -> Status[Any]:
    """Let the participant read the logs of hidden cases; read them yourself before."""
    return _logs(request, submission_id, release=True)


@router.post(
    "/submissions/{submission_id}/logs/withhold",
    auth=ORGANISE,
    response={200: SubmissionOut, 409: Problem},
)
def withhold_logs(request: HttpRequest, submission_id: str) -> Status[Any]:
    """Take that back."""
    return _logs(request, submission_id, release=False)


def _logs(request: HttpRequest, submission_id: str, *, release: bool) -> Status[Any]:
    found = seen(request, submission_id)
    if not may_release_logs(caller_of(request).viewer, found):
        raise Http404
    change = logs.release if release else logs.withhold
    if not change(submission=found, by=caller_of(request).user):
        return Status(
            CONFLICT, Problem(detail="Nothing was changed: it still runs, or was done before.")
        )
    return Status(200, submission_out(request, submission_id))
