"""Run a submission again, as a new attempt beside the record of the earlier one."""

from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction

from accounts.models import User
from challenges.services.locks import lock_row
from submissions.models import Kind, Submission
from submissions.services.hints import CHECK, hint_after_commit

log = structlog.get_logger(__name__)


class RerunRefused(Exception):
    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def why_it_cannot_be_rerun(submission: Submission) -> str:
    """A sentence, or nothing where it can. That one was made already is no hindrance here."""
    if not submission.has_ended:
        return "It has not ended."
    version = submission.version
    if version.program is not None:
        script = settings.BASELINES / version.program["script"]
        return "" if script.is_file() else "Its program is no longer there."
    if version.image is not None:
        there = Path(version.image.file.path).is_file()
        return "" if there else "Its image is no longer on the platform's disk."
    if version.kind == Kind.PREDICTIONS:
        return "Its masks were made elsewhere: there is nothing to run."
    upload = version.upload
    if upload is not None and upload.file and Path(upload.file.path).is_file():
        return ""
    return "Its image did not pass the checks, and the uploaded file was not kept."


@transaction.atomic
def rerun(*, submission: Submission, by: User) -> Submission:
    """The next attempt; the one that is there where another was quicker. Raises RerunRefused."""
    # Of two at once the later finds what the earlier made.
    lock_row(submission)
    old = Submission.objects.select_related("version__image", "version__upload").get(
        pk=submission.pk
    )
    there = Submission.objects.filter(rerun_of=old).first()
    if there is not None:
        return there
    if reason := why_it_cannot_be_rerun(old):
        raise RerunRefused(reason)
    new = Submission.objects.create(
        version=old.version,
        phase_id=old.phase_id,
        submitted_by_id=old.submitted_by_id,
        team_id=old.team_id,
        is_baseline=old.is_baseline,
        rerun_of=old,
        attempt=old.attempt + 1,
        entered_at=old.entered_at,
    )
    log.info("submission.rerun", old=old.public_id, new=new.public_id, by=by.get_username())
    hint_after_commit(CHECK)
    return new
