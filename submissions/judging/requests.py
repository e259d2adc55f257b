"""What a run is asked for: made of the challenge's definition, a case and a phase's limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from challenges.definition import ChallengeDefinition
from challenges.definition.limits import PhaseLimits
from evaluation.geometry import Geometry
from submissions.sandbox.outcome import MIB, InputDocument, InputImage, Limits, RunRequest

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
        writable=tuple(writable),
        limits=limits_of_run(limits, case.grid),
        work=work,
    )


def limits_of_run(limits: PhaseLimits, grid: Geometry) -> Limits:
    """What a run may write grows with its PET."""
    return Limits(
        memory_mib=limits.memory_mib,
        shm_mib=limits.shm_mib,
        tmp_mib=limits.tmp_mib,
        output_mib=1 + -(-grid.voxels * _OUTPUT_BYTES_PER_VOXEL // MIB),
        cpus=limits.cpus,
        pids=limits.pids,
        seconds=limits.seconds_per_case,
    )
