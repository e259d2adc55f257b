"""Check one case's images and write them as they will be kept. No database: runs in parallel.

Memory is bounded by one case: its PET as float32, a mask a reader, and for a while its CT.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from challenges.definition import ChallengeDefinition, content_hash
from challenges.ingest.cases import CaseFiles
from challenges.ingest.pictures import coronal_projection, outlined_projections
from challenges.ingest.quality import Facts, QualityFinding, check_case, measure_case, minutes
from challenges.ingest.sources import Source, read_ct, read_mask, read_pet
from evaluation.documents import Problem
from evaluation.errors import EvaluationError
from evaluation.geometry import Geometry, side_by_side
from evaluation.masks import DrawnMask, label_values
from evaluation.readers import reference_masks
from evaluation.volumes import Volume, write_mha

PREPARATION = 1
"""Of what is kept of a case and how it is measured: where this rises, an import begun again
prepares every case anew."""
_INPUT_BYTES = 1024 * 1024
Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class KeptFile:
    """name: relative to the folder that the case was prepared into. sha256: ``Volume.sha256`` of an
    image, which no compression alters; of the bytes of a picture."""

    name: str
    sha256: str


@dataclass(frozen=True)
class KeptReference:
    """What is scored against; reader: whose mask it is, where there is no consensus."""

    file: KeptFile
    volume_ml: float
    reader: str | None


@dataclass(frozen=True)
class PreparedCase:
    """A case whose files stand in their final form.

    outlined: the projections with each reader's outline. conversion: how DICOM became SUV; empty
    for images that came as SUV. findings: those of the case by itself; ``check_cohort`` has those
    among all. source_sha256: as the function of that name.
    """

    files: CaseFiles
    geometry: dict[str, Any]
    pet: KeptFile
    ct: KeptFile | None
    annotations: tuple[tuple[str, KeptFile], ...]
    references: tuple["KeptReference", ...]
    picture: KeptFile
    outlined: KeptFile
    inputs: dict[str, Any]
    facts: Facts
    findings: tuple[QualityFinding, ...]
    conversion: dict[str, Any]
    source_sha256: str


def source_sha256(files: CaseFiles, definition: ChallengeDefinition) -> str:
    """Hex, of everything that a prepared case is made of: the bytes of its files whatever these are
    called, its row of cases.csv, and what the definition says of modalities, labels, readers,
    consensus and pictures. Nothing is decoded. Raises OSError.
    """
    return content_hash(
        {
            "preparation": PREPARATION,
            "pet": files.pet.sha256(),
            "ct": files.ct and files.ct.sha256(),
            "annotations": {reader: one.sha256() for reader, one in files.annotations.items()},
            "auxiliary": {name: one.sha256() for name, one in files.auxiliary.items()},
            "inputs": {
                name: hashlib.sha256(path.read_bytes()).hexdigest()
                for name, path in files.inputs.items()
            },
            "row": [files.patient, files.split, files.metadata],
            "modalities": definition.modalities,
            "labels": definition.evaluation.labels,
            "readers": [reader.name for reader in definition.readers],
            "consensus": definition.consensus.value,
            "picture_suv_max": definition.picture_suv_max,
        }
    )


def prepare_case(
    files: CaseFiles, definition: ChallengeDefinition, target: Path
) -> PreparedCase | tuple[Problem, ...]:
    """Read, check, measure and write one case into the new folder ``target``, or return all its
    problems and leave nothing behind.

    PET becomes float32 SUVbw, CT int16 HU on the PET grid, masks uint8, all MetaImage; with three
    readers or more the reference is their consensus, per label, with two it is each of them.
    Raises OSError where ``target`` cannot be written, and leaves nothing there either.
    """
    read = _Reading(files, definition)
    if read.problems or read.pet is None:
        return tuple(read.problems)
    try:
        targets = reference_masks(list(read.masks.values()), definition.consensus)
    except EvaluationError as error:
        return (Problem(files.name, error.message),)
    try:
        sources = source_sha256(files, definition)
    except OSError as error:
        return (Problem(files.name, f"cannot be read again: {error.strerror}"),)
    target.mkdir(parents=True)
    try:
        return _written(read, read.pet, targets, _Folder(target, read.pet.geometry), sources)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


@dataclass(frozen=True)
class _Folder:
    path: Path
    grid: Geometry

    def keep(self, name: str, content: bytes, sha256: str = "") -> KeptFile:
        (self.path / name).write_bytes(content)
        return KeptFile(name, sha256 or hashlib.sha256(content).hexdigest())

    def keep_volume(self, name: str, voxels: NDArray[np.generic]) -> KeptFile:
        volume = Volume(voxels, self.grid)
        return self.keep(name, write_mha(volume), volume.sha256())


def _written(
    read: "_Reading", pet: Volume, targets: tuple[Labels, ...], folder: _Folder, sources: str
) -> PreparedCase:
    files, definition = read.files, read.definition
    suv = pet.voxels.astype(np.float32, copy=False)
    ct = read.take_ct(pet.geometry)
    facts = measure_case(
        suv,
        pet.geometry,
        read.masks,
        targets,
        ct=ct,
        auxiliary=read.auxiliary,
        uptake_min=_uptake_min(files.metadata, read.conversion),
    )
    kept_ct = None if ct is None else folder.keep_volume("ct.mha", ct)
    del ct
    shown = definition.picture_suv_max
    outlined = outlined_projections(suv, pet.geometry, read.masks, suv_max=shown)
    several = len(targets) > 1
    return PreparedCase(
        files=files,
        geometry=pet.geometry.to_json(),
        pet=folder.keep_volume("pet.mha", suv),
        ct=kept_ct,
        annotations=tuple(
            (reader, folder.keep_volume(f"annotation-{number}.mha", mask))
            for number, (reader, mask) in enumerate(read.masks.items())
        ),
        references=tuple(
            KeptReference(
                file=folder.keep_volume(
                    f"reference-{number}.mha" if several else "reference.mha", mask
                ),
                volume_ml=int(np.count_nonzero(mask)) * pet.geometry.voxel_volume_ml,
                reader=reader if several else None,
            )
            for number, (reader, mask) in enumerate(zip(read.masks, targets, strict=False))
        ),
        picture=folder.keep("projection.png", coronal_projection(suv, pet.geometry, suv_max=shown)),
        outlined=folder.keep("outlined.png", outlined.png),
        inputs=read.inputs,
        facts=facts,
        findings=(
            *check_case(
                facts,
                files.metadata,
                conversion_warnings=read.conversion.get("warnings", ()),
            ),
            *read.findings,
        ),
        conversion=read.conversion,
        source_sha256=sources,
    )


class _Reading:
    """Everything of a case in memory, and every problem of it."""

    def __init__(self, files: CaseFiles, definition: ChallengeDefinition) -> None:
        self.files, self.definition = files, definition
        self.problems: list[Problem] = []
        self.findings: list[QualityFinding] = []
        self.conversion: dict[str, Any] = {}
        self.pet = self._pet()
        self.masks: dict[str, Labels] = {}
        for reader, source in files.annotations.items():
            mask = self._mask(source)
            if mask is not None:
                self.masks[reader] = mask
        self._ct = None if files.ct is None else self._ct_volume(files.ct)
        self.inputs = {name: self._json(path) for name, path in files.inputs.items()}
        self.auxiliary = dict(self._auxiliary())

    def take_ct(self, grid: Geometry) -> NDArray[np.int16] | None:
        """HU on the PET's grid; the CT itself, the largest of all arrays, is let go."""
        if self._ct is None:
            return None
        # SimpleITK costs seconds to import, and only a challenge with CT needs it.
        from challenges.ingest.resample import ct_on_grid

        ct, self._ct = self._ct, None
        return ct_on_grid(ct, grid)

    @property
    def _grid(self) -> Geometry | None:
        return None if self.pet is None else self.pet.geometry

    def _refuse(self, place: str, text: str) -> None:
        self.problems.append(Problem(f"{self.files.name}/{place}", text))

    def _pet(self) -> Volume | None:
        try:
            volume, self.conversion = read_pet(self.files.pet)
        except EvaluationError as error:
            self._refuse(self.files.pet.name, error.message)
            return None
        with np.errstate(over="ignore"):
            suv = volume.voxels.astype(np.float32, copy=False)
        if not np.isfinite(suv).all():
            self._refuse(self.files.pet.name, "the PET holds NaN or infinity")
        return Volume(suv, volume.geometry)

    def _ct_volume(self, source: Source) -> Volume | None:
        try:
            volume = read_ct(source)
        except EvaluationError as error:
            self._refuse(source.name, error.message)
            return None
        # Whole numbers are finite, and a float copy of a CT is the largest array of all.
        if volume.voxels.dtype.kind == "f":
            with np.errstate(over="ignore"):
                finite = bool(np.isfinite(volume.voxels.astype(np.float32, copy=False)).all())
            if not finite:
                self._refuse(source.name, "the CT holds NaN or infinity")
        return volume

    def _mask(self, source: Source) -> Labels | None:
        if self.pet is None and source.kind == "rtstruct":
            return None  # drawn on the PET's grid, which there is none of; that is told already
        try:
            mask = read_mask(source, self._grid)
        except EvaluationError as error:
            self._refuse(source.name, error.message)
            return None
        if self.pet is None:
            return None
        differences = self.pet.geometry.differences(mask.geometry)
        if differences:
            self._refuse(
                source.name,
                f"differs from the PET in {', '.join(differences)}; draw or resample it on the "
                f"PET grid.\n{side_by_side(self.pet.geometry, mask.geometry)}",
            )
            return None
        try:
            return label_values(mask.voxels, self.definition.evaluation.labels.values())
        except EvaluationError as error:
            self._refuse(source.name, error.message)
            return None

    def _auxiliary(self) -> list[tuple[str, DrawnMask]]:
        """Masks that nobody declared keep no case out: what is wrong with one is a finding."""
        found = []
        for name, source in self.files.auxiliary.items():
            try:
                mask = read_mask(source, self._grid)
            except EvaluationError as error:
                text = f"{source.name} cannot be compared with the reference: {error.message}"
                self.findings.append(QualityFinding("auxiliary_place", name, "warning", text))
                continue
            drawn = (mask.voxels != 0).astype(np.uint8)
            found.append((name, DrawnMask.from_array(drawn, mask.geometry)))
        return found

    def _json(self, path: Path) -> Any:  # noqa: ANN401
        def refuse(constant: str) -> NoReturn:
            raise ValueError(f"it holds {constant}, which JSON does not know")

        try:
            if path.stat().st_size > _INPUT_BYTES:
                raise ValueError(f"it has more than {_INPUT_BYTES // 1024} KiB")
            return json.loads(path.read_text("utf-8"), parse_constant=refuse)
        except (ValueError, RecursionError) as error:
            self._refuse(path.name, f"is not a JSON file to be given: {error}")
        except OSError as error:
            self._refuse(path.name, f"cannot be read: {error.strerror}")
        return None


def _uptake_min(metadata: Mapping[str, str], conversion: Mapping[str, Any]) -> float | None:
    """By cases.csv, else by the times in the DICOM headers; None where neither has a number."""
    told = minutes(metadata.get("uptake_min", ""))
    measured: float | None = conversion.get("times", {}).get("uptake_minutes")
    return measured if told is None else told
