"""What a run is asked for: made of the challenge's definition, a case and a phase's limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from challenges.definition import ChallengeDefinition
from challenges.definition.limits import PhaseLimits
from evaluation.geometry import Geometry
from submissions.sandbox.outcome import (
    MIB,
    InputDocument,
    InputImage,
    Limits,
    RunRequest,
    Statement,
)

_OUTPUT_BYTES_PER_VOXEL = 8
_SOCKETS = ("pet", "ct")


@dataclass(frozen=True)
class CaseInput:
    """A case as it is kept. images: MetaImage files by socket (``pet``, ``ct``), on ``grid``.
    documents: the challenge's further inputs, by name."""

    images: Mapping[str, Path]
    documents: Mapping[str, Any]
    grid: Geometry

    @property
    def pet(self) -> Path:
        return self.images["pet"]


def request_of(
    *,
    run: str,
    attempt: int,
    case: CaseInput,
    definition: ChallengeDefinition,
    limits: PhaseLimits,
    writable: Sequence[str],
    work: Path,
) -> RunRequest:
    """run and attempt become labels of what the engine makes; work: a folder, empty or not there.

    Raises KeyError where the case lacks an input that the definition declares.
    """
    asked = definition.evaluation.confidence
    volumes = 2 if asked is not None and asked.is_map else 1
    return RunRequest(
        run=run,
        attempt=attempt,
        images=tuple(
            InputImage(name, case.images[name]) for name in _SOCKETS if name in case.images
        ),
        inputs=tuple(
            InputDocument(one.name, one.title, case.documents[one.name])
            for one in definition.inputs
        ),
        output_slug=definition.output_slug,
        outputs=tuple(one.name for one in definition.outputs),
        confidence=statement_of(definition),
        writable=tuple(writable),
        limits=limits_of_run(limits, case.grid, volumes=volumes),
        work=work,
    )


def statement_of(definition: ChallengeDefinition) -> Statement | None:
    """What may be written beside the mask, for the sandbox."""
    asked = definition.evaluation.confidence
    return None if asked is None else Statement(asked.name, asked.is_map, asked.required)


def asked_of_masks_alone(definition: ChallengeDefinition) -> ChallengeDefinition:
    """For masks that were made elsewhere: what else containers write is not asked for."""
    evaluation = definition.evaluation.model_copy(update={"confidence": None})
    return definition.model_copy(update={"outputs": [], "evaluation": evaluation})


def asked_of_baseline(definition: ChallengeDefinition) -> ChallengeDefinition:
    """A baseline may say how sure it is, and need not."""
    asked = definition.evaluation.confidence
    if asked is None:
        return definition
    asked = asked.model_copy(update={"required": False})
    evaluation = definition.evaluation.model_copy(update={"confidence": asked})
    return definition.model_copy(update={"evaluation": evaluation})


def limits_of_run(limits: PhaseLimits, grid: Geometry, *, volumes: int = 1) -> Limits:
    """What a run may write grows with its PET. volumes: masks and maps that it may write."""
    return Limits(
        memory_mib=limits.memory_mib,
        shm_mib=limits.shm_mib,
        tmp_mib=limits.tmp_mib,
        output_mib=1 + -(-volumes * grid.voxels * _OUTPUT_BYTES_PER_VOXEL // MIB),
        cpus=limits.cpus,
        pids=limits.pids,
        seconds=limits.seconds_per_case,
    )
