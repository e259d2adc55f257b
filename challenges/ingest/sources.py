"""Where one image or mask of a case is read from: files, and what part of them."""

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from evaluation.errors import EvaluationError
from evaluation.geometry import Geometry
from evaluation.volumes import Volume, read_volume

Kind = Literal["volume", "dicom_pet", "dicom_ct", "rtstruct", "seg"]

_CHUNK_BYTES = 1024 * 1024
_FEW = 3


@dataclass(frozen=True)
class Source:
    """paths: one file, or those of one DICOM series in any order. part: the name of an RTSTRUCT's
    ROI or the label of a SEG's segment; empty for all else."""

    paths: tuple[Path, ...]
    kind: Kind = "volume"
    part: str = ""

    @property
    def name(self) -> str:
        """For messages: file names alone, never a path on this machine."""
        named = ", ".join(path.name for path in self.paths[:_FEW])
        if len(self.paths) > _FEW:
            named = f"{self.paths[0].name} and {len(self.paths) - 1} more files"
        return f"{named}, “{self.part}”" if self.part else named

    def sha256(self) -> str:
        """Hex, of kind, part and the bytes of the files, whatever these are called and in whatever
        order they come. Raises OSError."""
        whole = hashlib.sha256(f"{self.kind}\0{self.part}\0".encode())
        for digest in sorted(_digest(path) for path in self.paths):
            whole.update(digest)
        return whole.hexdigest()


def read_pet(source: Source) -> tuple[Volume, dict[str, Any]]:
    """SUVbw (g/ml) ``[z, y, x]``, and how DICOM became that: rule, factor and its unit, decay,
    times and the tags that say so, dose, weight, half-life, warnings; empty for a volume.

    Raises EvaluationError (for DICOM SuvRefused, with every problem at once and its tag).
    """
    if source.kind == "volume":
        return _volume(source), {}
    if source.kind != "dicom_pet":
        raise ValueError(f"a source of kind {source.kind} is no PET")
    from evaluation.dicom import read_pet_series

    volume, made = read_pet_series(source.paths)
    return volume, _json(asdict(made))


def read_ct(source: Source) -> Volume:
    """HU ``[z, y, x]`` on its own grid. Raises EvaluationError."""
    if source.kind == "volume":
        return _volume(source)
    if source.kind != "dicom_ct":
        raise ValueError(f"a source of kind {source.kind} is no CT")
    from evaluation.dicom import read_ct_series

    return read_ct_series(source.paths)


def read_mask(source: Source, grid: Geometry | None) -> Volume:
    """One reader's mask, which may lie on another grid than the PET's, ``grid``.

    A volume is as it is. Contours are drawn on ``grid``: a voxel belongs to the mask where its
    centre lies inside, by the even-odd rule. A SEG whose frames lie on slices of ``grid`` is filled
    up to it, as frames that hold nothing are left out of such files; any other has its own grid.
    Raises EvaluationError; for contours too where there is no grid.
    """
    if source.kind == "volume":
        return _volume(source)
    if source.kind == "rtstruct":
        from evaluation.dicom import read_rtstruct

        if grid is None:
            raise EvaluationError("no_grid", "is drawn on the grid of the PET, which is not read")
        return read_rtstruct(_only(source), source.part, grid)
    if source.kind == "seg":
        from evaluation.dicom import read_seg

        return read_seg(_only(source), source.part, grid)
    raise ValueError(f"a source of kind {source.kind} is no mask")


def _volume(source: Source) -> Volume:
    path = _only(source)
    try:
        return read_volume(path)
    except OSError as error:
        raise EvaluationError("unreadable", f"cannot be read: {error.strerror}") from error


def _only(source: Source) -> Path:
    if len(source.paths) != 1:
        raise ValueError(f"{source.name}: one file is expected")
    return source.paths[0]


def _digest(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.digest()


def _json(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {key: _json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_json(one) for one in value]
    return value.isoformat() if isinstance(value, datetime) else value
