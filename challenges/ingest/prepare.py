"""Check one case's images and write them as they will be kept. No database: runs in parallel."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from challenges.definition import ChallengeDefinition
from challenges.ingest.folder import CaseFiles
from challenges.ingest.pictures import coronal_projection
from challenges.ingest.sources import Source, read_ct, read_mask, read_pet
from evaluation.documents import Problem
from evaluation.errors import EvaluationError
from evaluation.geometry import side_by_side
from evaluation.masks import label_values
from evaluation.readers import reference_masks
from evaluation.volumes import Volume, write_mha

_INPUT_BYTES = 1024 * 1024


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
    """A case whose files stand in their final form."""

    files: CaseFiles
    geometry: dict[str, Any]
    pet: KeptFile
    ct: KeptFile | None
    annotations: tuple[tuple[str, KeptFile], ...]
    references: tuple["KeptReference", ...]
    picture: KeptFile
    inputs: dict[str, Any]


def prepare_case(
    files: CaseFiles, definition: ChallengeDefinition, target: Path
) -> PreparedCase | tuple[Problem, ...]:
    """Read, check and write one case into ``target/<position>/``, or return all its problems.

    PET becomes float32 SUVbw, CT int16 HU on the PET grid, masks uint8, all MetaImage; with three
    readers or more the reference is their consensus, per label, with two it is each of them.
    """
    problems: list[Problem] = []
    pet = _finite(files.pet, files.name, "PET", problems)
    masks: dict[str, NDArray[np.uint8]] = {}
    values = definition.evaluation.labels.values()
    for reader, source in files.annotations.items():
        try:
            mask = read_mask(source, None if pet is None else pet.geometry)
        except EvaluationError as error:
            problems.append(Problem(f"{files.name}/{source.name}", error.message))
            continue
        if pet is None:
            continue
        differences = pet.geometry.differences(mask.geometry)
        if differences:
            problems.append(
                Problem(
                    f"{files.name}/{source.name}",
                    f"differs from the PET in {', '.join(differences)}; draw or resample it on the "
                    f"PET grid.\n{side_by_side(pet.geometry, mask.geometry)}",
                )
            )
            continue
        try:
            masks[reader] = label_values(mask.voxels, values)
        except EvaluationError as error:
            problems.append(Problem(f"{files.name}/{source.name}", error.message))
    ct = None if files.ct is None else _finite(files.ct, files.name, "CT", problems)
    inputs = {name: _read_json(files, path, problems) for name, path in files.inputs.items()}
    if problems or pet is None:
        return tuple(problems)
    try:
        targets = reference_masks(list(masks.values()), definition.consensus)
    except EvaluationError as error:
        return (Problem(files.name, error.message),)

    folder = target / str(files.position)
    folder.mkdir(parents=True)

    def keep(name: str, content: bytes, sha256: str = "") -> KeptFile:
        (folder / name).write_bytes(content)
        return KeptFile(f"{files.position}/{name}", sha256 or hashlib.sha256(content).hexdigest())

    def keep_volume(name: str, voxels: NDArray[np.generic]) -> KeptFile:
        volume = Volume(voxels, pet.geometry)
        return keep(name, write_mha(volume), volume.sha256())

    suv = pet.voxels.astype(np.float32, copy=False)
    kept_ct = None
    if ct is not None:
        # SimpleITK costs seconds to import, and only a challenge with CT needs it.
        from challenges.ingest.resample import ct_on_grid

        kept_ct = keep_volume("ct.mha", ct_on_grid(ct, pet.geometry))
    several = len(targets) > 1
    references = [
        KeptReference(
            file=keep_volume(f"reference-{number}.mha" if several else "reference.mha", mask),
            volume_ml=int(np.count_nonzero(mask)) * pet.geometry.voxel_volume_ml,
            reader=reader if several else None,
        )
        for number, (reader, mask) in enumerate(zip(masks, targets, strict=False))
    ]
    return PreparedCase(
        files=files,
        geometry=pet.geometry.to_json(),
        pet=keep_volume("pet.mha", suv),
        ct=kept_ct,
        annotations=tuple(
            (reader, keep_volume(f"annotation-{number}.mha", mask))
            for number, (reader, mask) in enumerate(masks.items())
        ),
        references=tuple(references),
        picture=keep(
            "projection.png",
            coronal_projection(suv, pet.geometry, suv_max=definition.picture_suv_max),
        ),
        inputs=inputs,
    )


def _read_json(files: CaseFiles, path: Path, problems: list[Problem]) -> Any:  # noqa: ANN401
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"it holds {constant}, which JSON does not know")

    try:
        if path.stat().st_size > _INPUT_BYTES:
            raise ValueError(f"it has more than {_INPUT_BYTES // 1024} KiB")
        return json.loads(path.read_text("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        problems.append(Problem(_place(files, path), f"is not a JSON file to be given: {error}"))
    except OSError as error:
        problems.append(Problem(_place(files, path), f"cannot be read: {error.strerror}"))
    return None


def _finite(source: Source, case: str, modality: str, problems: list[Problem]) -> Volume | None:
    """A volume whose voxels are finite as float32, in which they are worked on."""
    try:
        volume = read_pet(source)[0] if modality == "PET" else read_ct(source)
    except EvaluationError as error:
        problems.append(Problem(f"{case}/{source.name}", error.message))
        return None
    with np.errstate(over="ignore"):
        voxels = volume.voxels.astype(np.float32, copy=False)
    if not np.isfinite(voxels).all():
        problems.append(Problem(f"{case}/{source.name}", f"the {modality} holds NaN or infinity"))
    return Volume(voxels, volume.geometry)


def _place(files: CaseFiles, path: Path) -> str:
    return f"{files.name}/{path.name}"
