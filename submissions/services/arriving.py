"""A large file on its way in: asked for before its first byte, resumable, checked as it comes."""

import errno
import hashlib
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from accounts.models import User
from challenges.models import Phase
from challenges.receiving import (
    Checksum,
    OffsetDiffers,
    TooMuch,
    alone_with,
    write_part,
)
from challenges.room import has_room
from challenges.selectors import phase_state
from challenges.services.locks import lock_row
from challenges.storage import untrusted
from submissions.models import Kind, Upload
from submissions.sandbox.archive import ArchiveRefused, judge_beginning
from submissions.services import quotas

UNTOUCHED = timedelta(days=3)
"""After so long without a part, an upload is given up."""
MOST_UNFINISHED = 5
_JUDGED_FROM = 1024**2
_NO_ROOM = (
    "The server's disk has no room for this file. Nothing is lost: what has arrived is kept, and "
    "goes on once the operator has made room."
)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class UploadRefused(Exception):
    """Why a file is not taken, and what to do; code as in ``submissions.reasons``, where known."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def begin(
    *,
    phase: Phase,
    user: User,
    name: str,
    size_bytes: int,
    kind: str = Kind.CONTAINER,
    sha256: str = "",
    is_baseline: bool = False,
) -> Upload:
    """Room for a file of ``size_bytes``, before any of them is sent.

    sha256: what it will have (hex), where its sender knows. Who may submit was asked before. Raises
    UploadRefused, QuotaUsedUp.
    """
    require_taking(phase, kind)
    if sha256 and not _SHA256.fullmatch(sha256.lower()):
        raise UploadRefused("The SHA-256 of the file is expected as 64 hexadecimal digits.")
    if size_bytes < 1:
        raise UploadRefused("The file is empty.")
    if size_bytes > settings.UPLOAD_BYTES:
        raise UploadRefused(
            f"The file has {filesizeformat(size_bytes)}; at most "
            f"{filesizeformat(settings.UPLOAD_BYTES)} are taken."
        )
    with transaction.atomic():
        if not is_baseline:
            quotas.require_room(phase=phase, user=user)
        unfinished = unfinished_uploads(user)
        if unfinished.count() >= MOST_UNFINISHED:
            raise UploadRefused(
                f"{MOST_UNFINISHED} uploads of yours are unfinished. Go on with one, or discard it."
            )
        _require_disk(size_bytes)
        row = Upload(
            owner=user,
            phase=phase,
            kind=kind,
            name=_printable(Path(name).name) or "upload",
            size_bytes=size_bytes,
            promised_sha256=sha256.lower(),
        )
        row.file.name = f"uploads/{row.public_id}.tar"
        row.save()
        place = path_of(row)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return row


def append(
    *, row: Upload, offset: int, parts: Iterable[bytes], checksum: Checksum | None = None
) -> int:
    """Write ``parts`` at ``offset``; returns where the upload ends now.

    What has arrived is kept when the connection breaks. Raises OffsetDiffers, ChecksumDiffers;
    UploadRefused where it cannot become a submission, and then nothing of it is kept.
    """
    if not has_room(_incoming()):
        raise UploadRefused(_NO_ROOM)
    try:
        with alone_with(path_of(row)) as file:
            row.refresh_from_db()
            if offset != row.received_bytes or is_complete(row):
                raise OffsetDiffers
            own = Upload.objects.filter(pk=row.pk)
            row.received_bytes = write_part(
                file,
                parts,
                offset=offset,
                end=row.size_bytes,
                keep=lambda now: own.update(received_bytes=now, touched_at=timezone.now()),
                checksum=checksum,
            )
        if offset < _JUDGED_FROM <= row.received_bytes or is_complete(row):
            _judge(row)
    except (FileNotFoundError, Upload.DoesNotExist):
        raise UploadRefused("The upload was discarded meanwhile.") from None
    except TooMuch:
        discard(row=row)
        raise UploadRefused(f"More than the announced {row.size_bytes} bytes came.") from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise UploadRefused(_NO_ROOM) from None
    return row.received_bytes


def _judge(row: Upload) -> None:
    if row.kind == Kind.PREDICTIONS:
        with path_of(row).open("rb") as file:
            is_zip = file.read(4) in _ZIP
        if not is_zip:
            discard(row=row)
            raise UploadRefused("The file is no zip; a zip of masks is expected.", "not_a_zip")
        return
    try:
        judge_beginning(path_of(row))
    except ArchiveRefused as refusal:
        discard(row=row)
        raise UploadRefused(refusal.message, refusal.code) from None


def require_taking(phase: Phase, kind: str) -> None:
    """Raises UploadRefused unless the phase is open, and takes this kind of submission."""
    state = phase_state(phase)
    if state != "open":
        raise UploadRefused(f"The phase is {state}: it takes no submissions now.")
    if kind not in phase.takes:
        raise UploadRefused(f"The phase takes {' and '.join(phase.takes)} only.")


def require_promise(row: Upload, beat: Callable[[int], None]) -> None:
    """Fill in the SHA-256 of a file that has arrived. Raises UploadRefused for another than was
    promised. beat: called between reads."""
    if not row.sha256:
        digest = hashlib.sha256()
        with path_of(row).open("rb") as file:
            while piece := file.read(4 * 1024**2):
                digest.update(piece)
                beat(len(piece))
        row.sha256 = digest.hexdigest()
        row.save(update_fields=["sha256"])
    if row.promised_sha256 and row.promised_sha256 != row.sha256:
        raise UploadRefused(
            f"The file arrived with the SHA-256 {row.sha256}, where {row.promised_sha256} was "
            "announced: it was damaged on its way. Upload it again.",
            "checksum_differs",
        )


def discard(*, row: Upload) -> bool:
    """The file, and its row; False where a submission was made of it."""
    with transaction.atomic():
        # A deletion first looks at what hangs on it, and what is submitted in between would hang
        # on nothing.
        lock_row(row)
        deleted, _ = Upload.objects.filter(pk=row.pk, version=None).delete()
    if deleted:
        path_of(row).unlink(missing_ok=True)
    return bool(deleted)


def give_up_untouched() -> int:
    """Discard what nobody went on with; returns how many."""
    old = Upload.objects.filter(version=None, touched_at__lt=timezone.now() - UNTOUCHED)
    return sum(discard(row=row) for row in old)


def unfinished_uploads(user: User) -> QuerySet[Upload]:
    """Of which no submission was made yet, newest first."""
    return Upload.objects.filter(owner=user, version=None).order_by("-received_at", "-pk")


def is_complete(row: Upload) -> bool:
    return row.received_bytes == row.size_bytes


def path_of(row: Upload) -> Path:
    return Path(row.file.path)


def _printable(name: str) -> str:
    return "".join(sign for sign in name if sign.isprintable())[:200]


def _require_disk(size_bytes: int) -> None:
    if not has_room(_incoming(), size_bytes):
        raise UploadRefused(_NO_ROOM)


def _incoming() -> Path:
    return Path(untrusted().path("incoming"))
