"""What a container's end means: from what the platform observed, not from the exit code alone."""

from dataclasses import dataclass
from typing import Any

from submissions.sandbox.engine import GVISOR
from submissions.sandbox.outcome import MIB, Failure, Limits, Owner
from submissions.sandbox.usage import Usage

# What the init process ends with when it cannot start the program.
_NOT_STARTED = {126: "not executable", 127: "not found"}
_KILLED = {137: 9, 143: 15}
_FULL = 0.98
_LOG_LINES = 12
_LOG_CHARACTERS = 1500


@dataclass(frozen=True)
class Ending:
    """state: the engine's own. seconds: wall time of the program. output_bytes: all in /output.
    tasks_limit: processes and threads that the kernel allowed, a sandbox's own included."""

    state: dict[str, Any]
    runtime: str
    timed_out: bool
    seconds: float
    output_bytes: int
    usage: Usage
    tasks_limit: int
    log: str

    @property
    def exit_code(self) -> int:
        return int(self.state["ExitCode"])

    @property
    def out_of_memory(self) -> bool:
        return bool(self.state["OOMKilled"])


def failure_of(ending: Ending, limits: Limits) -> Failure | None:
    """None for exit status 0: a child killed for memory is no failure when the program went on."""
    code = ending.exit_code
    if ending.timed_out:
        return Failure(
            "time_limit",
            f"Stopped after {ending.seconds:.0f} s; the limit is {limits.seconds} s a case. "
            "Make it faster, or ask the organiser about the limit.",
        )
    if code == 0:
        return None
    if ending.out_of_memory:
        files = limits.engine_memory_bytes // MIB - limits.memory_mib
        return Failure(
            "out_of_memory",
            f"Killed for memory{_reached(ending.usage)}; {limits.memory_mib} MiB are for the "
            f"program, and {files} MiB for what it writes to /tmp, /dev/shm and /output. Work on "
            "parts of the image, or use smaller types.",
        )
    tasks = ending.usage.peak_tasks
    # The keeper, which sits in the same group, is one more.
    too_many = tasks is not None and tasks > ending.tasks_limit
    if ending.runtime == GVISOR and too_many:
        return Failure(
            "sandbox_died",
            f"gVisor, which contained the program, ended: the program started more processes or "
            f"threads than it may ({limits.pids}).",
        )
    if ending.runtime == GVISOR and _sandbox_died(ending):
        return Failure(
            "sandbox_died",
            "gVisor, which contained the program, ended before it.",
            Owner.PLATFORM,
        )
    if code in _KILLED:
        return Failure(
            "killed_from_outside",
            f"The program was ended by signal {_KILLED[code]}, and neither by its limits nor by "
            "this platform.",
            Owner.PLATFORM,
        )
    if code in _NOT_STARTED:
        return Failure(
            "cannot_start",
            f"The entry point could not be started (exit status {code}: {_NOT_STARTED[code]}). "
            "Try it with docker run --read-only --network none.",
        )
    if ending.output_bytes >= limits.output_mib * MIB * _FULL:
        return Failure(
            "output_too_large",
            f"/output is full: {limits.output_mib} MiB may be written. Write one mask, as uint8.",
        )
    return Failure(
        "exit_code",
        f"The program ended with exit status {code}; 0 is success.{_last_lines(ending)}",
    )


def warning_of(ending: Ending) -> str:
    """What the developer of a program that succeeded should still know."""
    if ending.exit_code == 0 and ending.out_of_memory:
        return (
            f"A part of the program was killed for memory{_reached(ending.usage)}; the program "
            "went on, and its mask was taken as it is."
        )
    return ""


def signal_of(exit_code: int) -> int | None:
    """The signal that ended a program, as its init process tells of it."""
    return exit_code - 128 if 128 < exit_code <= 128 + 64 else None


def _reached(usage: Usage) -> str:
    """With what lies in /tmp, /dev/shm and /output, which counts as memory."""
    if usage.peak_memory_bytes is None:
        return ""
    return f" at {usage.peak_memory_bytes / MIB:.0f} MiB"


def _sandbox_died(ending: Ending) -> bool:
    return bool(ending.state.get("Error")) or ending.exit_code == 128


def _last_lines(ending: Ending) -> str:
    lines = "\n".join(ending.log.strip().splitlines()[-_LOG_LINES:])[-_LOG_CHARACTERS:]
    return f" Its last words:\n{lines}" if lines else " It wrote nothing to its log."
