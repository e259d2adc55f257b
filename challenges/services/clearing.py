"""Folders of cases that nobody needs: of imports that were killed, and of what was replaced."""

import shutil
from pathlib import Path

import structlog

from challenges.models import Case, Dataset
from challenges.storage import private
from challenges.untouched import Untouched

log = structlog.get_logger(__name__)


def reconcile(untouched: Untouched) -> int:
    """Remove folders that no case lies in and that nobody has touched for long; returns how many.

    untouched: kept from round to round.
    """
    root = Path(private().path("datasets"))
    if not root.is_dir():
        return 0
    datasets = {one for one in root.iterdir() if one.is_dir()}
    wanted = {root / name for name in Dataset.objects.values_list("public_id", flat=True)}
    homes = {home for dataset in datasets & wanted for home in dataset.iterdir()}
    pictures = Case.objects.values_list("picture", flat=True)
    used = {Path(private().path(picture)).parent for picture in pictures}
    removed = 0
    for folder in untouched.among([*(datasets - wanted), *(homes - used)]):
        shutil.rmtree(folder, ignore_errors=True)
        removed += 1
        log.warning("challenge.files_left_behind", folder=str(folder.relative_to(root)))
    return removed
