"""A phase's limits in the units in which they are kept and held: the one place that converts."""

from dataclasses import dataclass, fields
from typing import Literal, Self

from challenges.definition.phases import Limits

_MIB_PER_GIB = 1024


@dataclass(frozen=True)
class PhaseLimits:
    """Of one run, and (seconds_total, failed_in_a_row; None is no limit) of a whole submission.

    Its fields have the names of a Phase row's, so that row and definition give the same limits.
    """

    memory_mib: int
    shm_mib: int
    tmp_mib: int
    cpus: int
    pids: int
    seconds_per_case: int
    seconds_total: int | None
    failed_in_a_row: int | None
    sandbox: Literal["any", "gvisor"]

    @classmethod
    def declared(cls, limits: Limits) -> Self:
        """As ``challenge.yaml`` says them."""
        return cls(
            memory_mib=round(limits.memory_gib * _MIB_PER_GIB),
            shm_mib=round(limits.shm_gib * _MIB_PER_GIB),
            tmp_mib=round(limits.tmp_gib * _MIB_PER_GIB),
            cpus=limits.cpus,
            pids=limits.pids,
            seconds_per_case=max(1, round(limits.minutes_per_case * 60)),
            seconds_total=_seconds(limits.hours_in_all),
            failed_in_a_row=limits.failed_in_a_row,
            sandbox=limits.sandbox,
        )

    @classmethod
    def kept(cls, phase: object) -> Self:
        """As a Phase row has them."""
        return cls(**{field.name: getattr(phase, field.name) for field in fields(cls)})

    @property
    def requires_gvisor(self) -> bool:
        return self.sandbox == "gvisor"


def _seconds(hours: float | None) -> int | None:
    return None if hours is None else max(1, round(hours * 3600))
