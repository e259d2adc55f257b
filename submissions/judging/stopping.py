"""When the rest of a submission is not run."""

from challenges.definition.limits import PhaseLimits
from submissions.sandbox.outcome import Failure


def ends_submission(*, is_canary: bool, code: str) -> bool:
    """Only the first case's failure does; another case's counts as the worst value. code: its
    reason, empty where there is a mask."""
    return is_canary and bool(code)


def limit_reached(limits: PhaseLimits, *, seconds: float, failed_in_a_row: int) -> Failure | None:
    """Why what has not run yet is not run; None where nothing speaks against it.

    seconds: of all ended attempts together, failed_in_a_row: of the last of them; in both, faults
    of the platform do not count.
    """
    if limits.seconds_total is not None and seconds >= limits.seconds_total:
        return Failure(
            "not_run",
            f"Not run: the cases before it took {seconds:.0f} s in all; the phase allows a "
            f"submission {limits.seconds_total} s.",
        )
    if limits.failed_in_a_row is not None and failed_in_a_row >= limits.failed_in_a_row:
        return Failure(
            "not_run",
            f"Not run: {limits.failed_in_a_row} cases failed one after another, after which the "
            "phase stops a submission.",
        )
    return None
