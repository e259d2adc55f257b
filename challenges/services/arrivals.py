"""Files of an import before they are cases: the archive, and what it was unpacked to."""

import shutil
from pathlib import Path

import structlog

from challenges.models import DataImport
from challenges.storage import untrusted
from challenges.untouched import Untouched

log = structlog.get_logger(__name__)


def place_of_arrivals() -> Path:
    return Path(untrusted().path("imports"))


def archive_of(row: DataImport) -> Path:
    return place_of_arrivals() / f"{row.public_id}.archive"


def folder_of(row: DataImport) -> Path:
    """What the archive was unpacked to; beside it, “.partial”, what is being unpacked."""
    return place_of_arrivals() / row.public_id


def clear(row: DataImport) -> None:
    """What is still being written at this moment is found by ``reconcile``."""
    folder = folder_of(row)
    archive_of(row).unlink(missing_ok=True)
    for one in (folder, folder.with_name(f"{folder.name}.partial")):
        shutil.rmtree(one, ignore_errors=True)


def reconcile(untouched: Untouched) -> int:
    """Remove what no import waits for and nobody has touched for long; returns how much.

    untouched: kept from round to round.
    """
    place = place_of_arrivals()
    if not place.is_dir():
        return 0
    rows = DataImport.objects.exclude(state__in=DataImport.ENDS)
    wanted = set(rows.values_list("public_id", flat=True))
    left = [path for path in place.iterdir() if path.name.partition(".")[0] not in wanted]
    found = untouched.among(left)
    for path in found:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        log.warning("import.files_left_behind", name=path.name)
    return len(found)
