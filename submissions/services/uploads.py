"""Make a submission of what arrived: an image's tarball, or a zip of masks."""

import hashlib
from collections.abc import Sequence
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from accounts.identifiers import new_public_id
from accounts.models import User
from challenges.definition import AlgorithmCard
from challenges.models import Phase
from challenges.services.locks import lock_row
from submissions.models import Algorithm, AlgorithmVersion, CardRevision, Kind, Submission, Upload
from submissions.services import quotas
from submissions.services.arriving import UploadRefused, discard, is_complete, require_taking
from submissions.services.cards import save_card
from submissions.services.hints import CHECK, hint_after_commit


def submit_upload(
    *,
    phase: Phase,
    user: User,
    title: str,
    file: "UploadedFile[Any]",
    kind: str = Kind.CONTAINER,
    writable: Sequence[str] = (),
    is_baseline: bool = False,
) -> Submission:
    """Keep ``file``, of a plain form, untouched under the untrusted storage, and submit it.

    Raises what ``submit`` raises, and keeps nothing then.
    """
    size = file.size or 0
    stored = Upload(
        owner=user,
        phase=phase,
        kind=kind,
        name=(file.name or "upload")[:200],
        size_bytes=size,
        received_bytes=size,
        sha256=_sha256(file),
    )
    # Not wrapped in another File: so a temporary upload on the same disk is moved, not copied.
    stored.file.save(f"uploads/{new_public_id()}.tar", file, save=False)
    try:
        stored.save()
        return submit(
            upload=stored, user=user, title=title, writable=writable, is_baseline=is_baseline
        )
    except BaseException:
        discard(row=stored)
        raise


def submit(
    *,
    upload: Upload,
    user: User,
    title: str,
    writable: Sequence[str] = (),
    is_baseline: bool = False,
    card: AlgorithmCard | None = None,
) -> Submission:
    """Queue the checks of what has arrived whole, in the phase that it was uploaded for.

    A title that the user has used before gives a new version of that algorithm. Asked twice, it
    gives the same submission. Raises UploadRefused and QuotaUsedUp; the upload is kept then.
    """
    phase = upload.phase
    if phase is None or upload.owner_id != user.pk or not is_complete(upload):
        raise UploadRefused(
            f"The upload has {upload.received_bytes} of {upload.size_bytes} bytes: send the rest."
        )
    with transaction.atomic():
        # Of two at once the later finds the other's submission.
        if not lock_row(upload):
            raise UploadRefused("The upload was discarded meanwhile. Upload the file again.")
        made = Submission.objects.filter(version__upload=upload, rerun_of=None).first()
        if made is not None:
            return made
        require_taking(phase, upload.kind)
        team = None if is_baseline else quotas.require_room(phase=phase, user=user)
        version = _new_version(user=user, title=title, upload=upload, writable=writable)
        submission = Submission.objects.create(
            version=version, phase=phase, submitted_by=user, team=team, is_baseline=is_baseline
        )
        if card is not None:
            save_card(version=version, card=card, by=user)
        hint_after_commit(CHECK)
    return submission


def submit_program(
    *, phase: Phase, user: User, title: str, script: str, environment: dict[str, str]
) -> Submission:
    """One of the project's own baselines as a plain process; no address of the web leads here."""
    with transaction.atomic():
        program: dict[str, object] = {"script": script, "environment": environment}
        version = _new_version(user=user, title=title, program=program)
        submission = Submission.objects.create(
            version=version, phase=phase, submitted_by=user, is_baseline=True
        )
        hint_after_commit(CHECK)
    return submission


def _new_version(
    *,
    user: User,
    title: str,
    upload: Upload | None = None,
    program: dict[str, object] | None = None,
    writable: Sequence[str] = (),
) -> AlgorithmVersion:
    algorithm, _ = Algorithm.objects.get_or_create(owner=user, title=title)
    before = algorithm.versions.order_by("number").last()
    version = AlgorithmVersion.objects.create(
        algorithm=algorithm,
        number=before.number + 1 if before else 1,
        card=before.card if before else {},
        kind=upload.kind if upload else Kind.CONTAINER,
        upload=upload,
        program=program,
        writable=list(writable),
    )
    if version.card:
        CardRevision.objects.create(version=version, card=version.card, saved_by=user)
    return version


def _sha256(file: "UploadedFile[Any]") -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(1024 * 1024):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()
