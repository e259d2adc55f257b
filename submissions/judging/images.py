"""Whether an uploaded image may run at all: judged before any engine sees it."""

from collections.abc import Callable
from pathlib import Path

from submissions.sandbox.archive import ArchiveRefused, InspectedImage, canonicalise
from submissions.sandbox.volumes import refused_volumes

STAGE = "image check"


class ImageRefused(Exception):
    """By a code of ``submissions.reasons.OF_IMAGES``, and words for who made the image."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def inspect_image(
    upload: Path, target: Path, *, work: Path, progress: Callable[[int], None]
) -> InspectedImage:
    """Write the canonical archive of ``upload`` to ``target``; what is known of it.

    work: an empty folder for what is unpacked on the way. progress: told the bytes done; what it
    raises ends the work. Raises ImageRefused, OSError.
    """
    try:
        inspected = canonicalise(upload, target, work=work, progress=progress)
    except ArchiveRefused as refusal:
        raise ImageRefused(refusal.code, refusal.message) from refusal
    refused = refused_volumes(inspected.config.volumes)
    if refused:
        raise ImageRefused(
            "volumes_refused",
            f"The image declares volumes that no run can be given: {', '.join(refused)}. "
            "Remove VOLUME from the Dockerfile; /tmp is writable.",
        )
    return inspected
