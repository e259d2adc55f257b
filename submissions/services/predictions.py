"""A zip of masks that were made elsewhere: one file a case, taken apart before anything is read."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from challenges.ingest.archives import ArchiveRefused, Limits, unpack
from challenges.models import Case, Image
from challenges.selectors import cases_of
from challenges.storage import untrusted
from evaluation.geometry import Geometry
from submissions.models import Submission, Upload
from submissions.sandbox.outcome import Failure, Outcome, RunRequest
from submissions.sandbox.staging import MASK_ENDINGS
from submissions.sandbox.usage import Usage
from submissions.services.arriving import path_of

NOTHING_RUN = "nothing run"
_BYTES_PER_VOXEL = 8
_HEADER_BYTES = 1024**2
_MOST_TOLD = 10
_BESIDE = ("__MACOSX", ".DS_Store", "Thumbs.db")


class PredictionsRefused(Exception):
    """Why no case was looked at: everything that is wrong with the names, at once."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def take_apart(submission: Submission, work: Path, beat: Callable[[int], None]) -> None:
    """One file a case, under the untrusted storage; ``mask_of`` finds it there.

    work: an empty folder. A case without a file counts as one without a result. Raises
    PredictionsRefused, OSError, and what ``beat`` raises, which is told the bytes unpacked so far.
    """
    upload = submission.version.upload
    if upload is None:
        raise ValueError("predictions without an upload")
    cases = {case.name: case for case in cases_of(submission.phase)}
    try:
        unpack(path_of(upload), work / "masks", limits=_limits(cases), progress=beat)
    except ArchiveRefused as refusal:
        raise PredictionsRefused("bad_zip", str(refusal)) from None
    found = _by_case(work / "masks", set(cases))
    folder = work / "by-case"
    folder.mkdir()
    for name, file in found.items():
        ending = next(one for one in MASK_ENDINGS if file.name.endswith(one))
        file.rename(folder / f"{cases[name].public_id}{ending}")
    place = _place(upload)
    shutil.rmtree(place, ignore_errors=True)  # of a check that died
    place.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(place)


def mask_of(upload: Upload, case: Case) -> Path | None:
    """None where the zip held none for this case."""
    return next(iter(_place(upload).glob(f"{case.public_id}.*")), None)


class MadeElsewhere:
    """A mask in the place of a program: nothing is run, and nothing measured."""

    def __init__(self, mask: Path | None) -> None:
        self._mask = mask

    def run(self, request: RunRequest, should_stop: Callable[[], bool]) -> Outcome:
        missing = Failure("no_output", "The zip holds no mask of this case.")
        now = datetime.now(UTC)
        return Outcome(
            sandbox=NOTHING_RUN,
            started_at=now,
            ended_at=now,
            seconds=None,
            exit_code=None,
            signal=None,
            out_of_memory=False,
            usage=Usage(),
            log="",
            mask=self._mask,
            failure=missing if self._mask is None else None,
        )


def _place(upload: Upload) -> Path:
    return Path(untrusted().path(f"predictions/{upload.public_id}"))


def _limits(cases: dict[str, Case]) -> Limits:
    pets = Image.objects.filter(case__in=cases.values(), modality=Image.Modality.PET)
    voxels = sum(Geometry.from_json(one).voxels for one in pets.values_list("geometry", flat=True))
    return Limits(
        entries=4 * len(cases) + 100,
        total_bytes=voxels * _BYTES_PER_VOXEL + len(cases) * _HEADER_BYTES,
    )


def _by_case(folder: Path, names: set[str]) -> dict[str, Path]:
    """By the file's own name, or that of the folder it lies in."""
    found: dict[str, Path] = {}
    problems = []
    for file in _files(folder):
        shown = file.relative_to(folder)
        ending = next((one for one in MASK_ENDINGS if file.name.endswith(one)), None)
        if ending is None:
            problems.append(f"“{shown}” is no {' or '.join(MASK_ENDINGS)} file")
            continue
        name = file.name.removesuffix(ending)
        if name not in names and file.parent != folder:
            name = file.parent.name
        if name not in names:
            problems.append(f"“{shown}” has the name of no case")
        elif name in found:
            problems.append(f"“{shown}” is a second mask of {name}")
        else:
            found[name] = file
    if not found and not problems:
        problems.append("there is no mask")
    if problems:
        more = f"; and {len(problems) - _MOST_TOLD} more" if len(problems) > _MOST_TOLD else ""
        example = min(names)
        raise PredictionsRefused(
            "wrong_files",
            f"{'; '.join(problems[:_MOST_TOLD])}{more}. Expected one file for each case, named as "
            f"the case is: {example}{MASK_ENDINGS[0]}.",
        )
    return found


def _files(folder: Path) -> Iterator[Path]:
    """Without what file managers add by themselves."""
    for path in sorted(folder.rglob("*")):
        beside = any(part in _BESIDE or part.startswith("._") for part in path.parts)
        if path.is_file() and not beside:
            yield path
