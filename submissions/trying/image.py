"""The image to be tried: one of this machine's engine, or a tarball; judged as an upload is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from docker.errors import ImageNotFound

from submissions.judging.images import inspect_image
from submissions.sandbox.archive import InspectedImage
from submissions.sandbox.engine import Engine, platform_fault
from submissions.trying.refused import TrialRefused


@dataclass(frozen=True)
class TriedImage:
    """archive: the canonical one. name: as it was asked for."""

    name: str
    archive: Path
    inspected: InspectedImage

    @property
    def digest(self) -> str:
        return self.inspected.digest.removeprefix("sha256:")


def image_from(
    given: str, engine: Engine, work: Path, progress: Callable[[str, int], None]
) -> TriedImage:
    """given: a file, else the name of an image. work: an empty folder. progress: told what is done
    ("saving", "checking") and the bytes so far.

    Raises ImageRefused, TrialRefused, SandboxError, OSError.
    """
    upload = Path(given)
    saved = None
    if not upload.is_file():
        upload = saved = work / "saved.tar"
        _save(given, engine, saved, progress)
    target = work / "image.tar"
    inspected = inspect_image(
        upload, target, work=work, progress=lambda done: progress("checking", done)
    )
    if saved is not None:
        saved.unlink()
    return TriedImage(given, target, inspected)


def _save(name: str, engine: Engine, target: Path, progress: Callable[[str, int], None]) -> None:
    with platform_fault("engine_failed"):
        try:
            image = engine.client.images.get(name)
        except ImageNotFound:
            raise TrialRefused(
                f"There is no image “{name}” in this machine's engine, and no file of that name. "
                f"Build it: docker build -t {name} FOLDER"
            ) from None
        done = 0
        with target.open("wb") as file:
            for chunk in image.save():
                file.write(chunk)
                done += len(chunk)
                progress("saving", done)
