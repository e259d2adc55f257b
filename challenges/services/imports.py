"""Data on their way into a challenge: received, looked through, confirmed by a person, imported.

Each step is claimed like any work (``challenges.leases``), may die anywhere, and is done again.
"""

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import F
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from accounts.models import User
from challenges import leases
from challenges.definition import ChallengeDefinition
from challenges.hints import BRING_DATA, hint, hint_after_commit
from challenges.ingest import FolderRefused
from challenges.models import Challenge, DataImport
from challenges.receiving import OffsetDiffers, TooMuch, alone_with, write_part
from challenges.room import has_room
from challenges.services.arrivals import archive_of, clear, folder_of, place_of_arrivals
from challenges.services.drafting import definition_for_data
from challenges.services.publishing import NotReady
from challenges.services.storing import FROZEN
from challenges.services.working import LeaseLost, kept
from evaluation.documents import Problem

log = structlog.get_logger(__name__)
State = DataImport.State
PLATFORM_FAULTS = 3


class UploadRefused(Exception):
    """Why an upload cannot be taken."""


def begin_upload(*, challenge: Challenge, user: User, name: str, size_bytes: int) -> DataImport:
    """Raises UploadRefused before anything is sent."""
    if challenge.published_at is not None:
        raise UploadRefused(f"The challenge {FROZEN}.")
    if not 0 < size_bytes <= settings.DATA_UPLOAD_BYTES:
        raise UploadRefused(
            f"The archive has {filesizeformat(size_bytes)}; at most "
            f"{filesizeformat(settings.DATA_UPLOAD_BYTES)} are taken. Bring it in several "
            "archives, or with ./uptake import-challenge on the server."
        )
    root = place_of_arrivals()
    root.mkdir(parents=True, exist_ok=True)
    if not has_room(root, size_bytes):
        raise UploadRefused(
            f"The server has no room for {filesizeformat(size_bytes)} and what becomes of them; "
            "its operator has to make some."
        )
    row = DataImport(
        challenge=challenge, started_by=user, name=Path(name).name[:200], size_bytes=size_bytes
    )
    row.archive.name = f"imports/{row.public_id}.archive"
    row.save()
    archive_of(row).touch()
    return row


def append(*, row: DataImport, offset: int, parts: Iterable[bytes]) -> int:
    """Write ``parts`` at ``offset``; returns where the upload ends now.

    What has arrived is kept when the connection breaks. Raises OffsetDiffers; UploadRefused where
    more comes than was announced.
    """
    with alone_with(archive_of(row)) as file:
        row.refresh_from_db()
        if row.state != State.RECEIVING or offset != row.received_bytes:
            raise OffsetDiffers
        own = DataImport.objects.filter(pk=row.pk)
        try:
            offset = write_part(
                file,
                parts,
                offset=offset,
                end=row.size_bytes,
                keep=lambda reached: own.update(received_bytes=reached),
            )
        except TooMuch:
            raise UploadRefused(f"More than the announced {row.size_bytes} bytes came.") from None
    row.received_bytes = offset
    if offset == row.size_bytes:
        _move_on(row, State.RECEIVING, State.RECEIVED)
    return offset


def take_file(*, challenge: Challenge, user: User, file: "UploadedFile[Any]") -> DataImport:
    """A whole upload by a plain form. Raises UploadRefused."""
    row = begin_upload(
        challenge=challenge, user=user, name=file.name or "archive", size_bytes=file.size or 0
    )
    append(row=row, offset=0, parts=file.chunks())
    return row


def confirm(*, row: DataImport, choices: dict[str, Any]) -> bool:
    """Import what was found; False where it is no longer waiting for that."""
    row.choices = choices
    waiting = DataImport.objects.filter(pk=row.pk, state=State.SURVEYED)
    changed = waiting.update(state=State.QUEUED, choices=choices)
    if changed:
        hint_after_commit(BRING_DATA)
    return bool(changed)


def look_again(*, row: DataImport, choices: dict[str, Any]) -> bool:
    """Look through the data with other choices."""
    changed = DataImport.objects.filter(pk=row.pk, state=State.SURVEYED).update(
        state=State.RECEIVED, choices=choices
    )
    if changed:
        hint_after_commit(BRING_DATA)
    return bool(changed)


def cancel(*, row: DataImport) -> bool:
    """Cases that are stored stay; the archive goes."""
    changed = (
        DataImport.objects.filter(pk=row.pk)
        .exclude(state__in=DataImport.ENDS)
        .update(state=State.CANCELLED, leased_by="", beat_at=None, ended_at=timezone.now())
    )
    if changed:
        clear(row)
    return bool(changed)


def bring_data_next(*, worker: str) -> bool:
    """Take the next step of the first import that waits; False when there is none."""
    for source, target, step in (
        (State.QUEUED, State.IMPORTING, _import),
        (State.RECEIVED, State.SURVEYING, _survey),
    ):
        waiting = DataImport.objects.filter(state=source).select_related("challenge__dataset")
        for row in waiting.order_by("created_at", "pk")[:20]:
            if leases.claim(row, source=source, target=target, worker=worker):
                _work(row, source, target, step)
                hint(BRING_DATA)
                return True
    return False


def reconcile(watch: leases.Watch) -> None:
    """Give back what a dead worker held, and hint again at what waits. watch: kept."""
    back = {State.SURVEYING: State.RECEIVED, State.IMPORTING: State.QUEUED}
    leased = DataImport.objects.filter(state__in=back, folder="")
    for row in watch.silent(leased):
        log.warning("import.lease_expired", row=row.public_id, worker=row.leased_by)
        text = "The workers that took it in died one after another."
        _fault(row, back[State(row.state)], State(row.state), text)
    if DataImport.objects.filter(state__in=(State.RECEIVED, State.QUEUED)).exists():
        hint(BRING_DATA)


def _work(row: DataImport, source: State, target: State, step: Any) -> None:  # noqa: ANN401
    try:
        with kept(row, target) as lost:
            step(row, lost)
    except LeaseLost:
        log.info("import.stopped", row=row.public_id, fence=row.fence)
    except FolderRefused as refusal:
        problems = [{"place": one.place, "text": one.text} for one in refusal.problems]
        if leases.leave(
            row, source=target, target=State.REFUSED, problems=problems, ended_at=timezone.now()
        ):
            clear(row)
    except OSError as error:
        log.exception("import.disk_fault", row=row.public_id)
        _fault(row, source, target, f"The server could not read or write: {error.strerror}.")
    except Exception:
        log.exception("import.failed", row=row.public_id)
        _fault(row, source, target, "The server made a mistake; its operator finds it in the log.")


def _fault(row: DataImport, source: State, target: State, text: str) -> None:
    if row.platform_faults + 1 < PLATFORM_FAULTS:
        leases.leave(row, source=target, target=source, platform_faults=F("platform_faults") + 1)
        return
    problem = {"place": "the server", "text": f"{text} What was stored is kept; upload it again."}
    if leases.leave(
        row, source=target, target=State.REFUSED, problems=[problem], ended_at=timezone.now()
    ):
        clear(row)


def _survey(row: DataImport, lost: threading.Event) -> None:
    from challenges.ingest.archives import ArchiveRefused, unpack
    from challenges.ingest.layouts import Choices, Wanted, look_through

    folder = folder_of(row)
    if not folder.is_dir():

        def written(_: int) -> None:
            if lost.is_set():
                raise LeaseLost

        try:
            unpack(archive_of(row), folder, progress=written)
        except ArchiveRefused as refusal:
            raise NotReady([Problem(row.name, str(refusal))]) from None
    definition = definition_for_data(row.challenge)
    wanted = Wanted.of(definition)
    found = look_through(folder, choices=Choices.from_json(row.choices), wanted=wanted)
    if found.problems:
        raise NotReady(list(found.problems))
    leases.leave(row, source=State.SURVEYING, target=State.SURVEYED, survey=found.to_json())


def _import(row: DataImport, lost: threading.Event) -> None:
    from challenges.ingest.layouts import Choices, Wanted, look_through
    from challenges.services.importing import import_cases

    if row.challenge.published_at is not None:
        raise NotReady([Problem(row.challenge.slug, FROZEN)])
    definition: ChallengeDefinition = definition_for_data(row.challenge)
    found = look_through(
        folder_of(row), choices=Choices.from_json(row.choices), wanted=Wanted.of(definition)
    )
    if found.problems:
        raise NotReady(list(found.problems))

    def done(cases: int, total: int) -> None:
        if lost.is_set():
            raise LeaseLost
        DataImport.objects.filter(pk=row.pk, fence=row.fence).update(
            cases_done=cases, cases_total=total
        )

    done(0, len(found.cases))
    problems = import_cases(
        dataset=row.challenge.dataset,
        definition=definition,
        cases=list(found.cases),
        root=folder_of(row),
        progress=done,
    )
    if leases.leave(
        row,
        source=State.IMPORTING,
        target=State.DONE,
        problems=[{"place": one.place, "text": one.text} for one in problems],
        notices=list(found.notices),
        ended_at=timezone.now(),
    ):
        clear(row)


def _move_on(row: DataImport, source: State, target: State) -> None:
    if DataImport.objects.filter(pk=row.pk, state=source).update(state=target):
        row.state = target
        hint_after_commit(BRING_DATA)
