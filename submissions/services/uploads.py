"""Receive an image tarball: kept on disk, hashed, and a submission made of it."""

import hashlib
from collections.abc import Sequence
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Max

from accounts.identifiers import new_public_id
from accounts.models import User
from challenges.models import Phase
from submissions.models import Algorithm, AlgorithmVersion, Submission, Upload
from submissions.services import quotas
from submissions.services.hints import CHECK, hint_after_commit


def submit_upload(
    *,
    phase: Phase,
    user: User,
    title: str,
    file: "UploadedFile[Any]",
    writable: Sequence[str] = (),
    is_baseline: bool = False,
) -> Submission:
    """Keep ``file`` untouched under the untrusted storage and queue its checks.

    A title that the user has used before gives a new version of that algorithm. Raises QuotaUsedUp,
    and keeps nothing then.
    """
    digest = _sha256(file)
    name = (file.name or "image.tar")[:200]
    stored = Upload(owner=user, name=name, size_bytes=file.size or 0, sha256=digest)
    # Not wrapped in another File: so a temporary upload on the same disk is moved, not copied.
    stored.file.save(f"uploads/{new_public_id()}.tar", file, save=False)
    try:
        with transaction.atomic():
            if not is_baseline:
                quotas.require_room(phase=phase, user=user)
            stored.save()
            version = _new_version(user=user, title=title, upload=stored, writable=writable)
            submission = Submission.objects.create(
                version=version, phase=phase, submitted_by=user, is_baseline=is_baseline
            )
            hint_after_commit(CHECK)
    except BaseException:
        stored.file.delete(save=False)
        raise
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
    newest = algorithm.versions.aggregate(newest=Max("number"))["newest"] or 0
    return AlgorithmVersion.objects.create(
        algorithm=algorithm,
        number=newest + 1,
        upload=upload,
        program=program,
        writable=list(writable),
    )


def _sha256(file: "UploadedFile[Any]") -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(1024 * 1024):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()
