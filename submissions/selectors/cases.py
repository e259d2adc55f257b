"""One case of a submission, as a viewer may see it."""

import json
import math
from dataclasses import dataclass
from datetime import datetime

from submissions import reasons
from submissions.judging.scores import Columns, row_of_values, total_ml
from submissions.models import Attempt, Prediction, Run
from submissions.reasons import Reason, reason_of

_LOG_SHOWN = 8 * 1024
_COARSE = 1.1
_LINE = 100


@dataclass(frozen=True)
class Try:
    """One attempt at a run. reason: None where it made a mask, or still runs."""

    number: int
    began_at: datetime
    seconds: float | None
    reason: Reason | None


@dataclass(frozen=True)
class CaseRow:
    """One run, as this viewer may see it; values are in the order of the report's columns.

    Resources are of the last attempt, None where unknown; where they were sampled, the true peak
    of memory may be higher. outputs: declared JSON files, by name. tries: none where there is but
    one.
    """

    number: int
    case: str
    state: str
    reason: Reason | None
    values: tuple[float | None, ...]
    reference_ml: float | None
    prediction_ml: float | None
    seconds: float | None
    cpu_seconds: float | None
    memory_mib: float | None
    sampled: bool
    warning: str
    attempts: int
    tries: tuple[Try, ...]
    outputs: tuple[tuple[str, str], ...]
    log: str

    @property
    def has_more(self) -> bool:
        return bool(self.reason or self.warning or self.tries or self.outputs or self.log)


def row_of(
    number: int,
    run: Run,
    columns: Columns,
    *,
    detailed: bool,
    logs: bool,
) -> CaseRow:
    results, attempts = list(run.results.all()), list(run.attempts.all())
    shown = results if detailed else []
    last = attempts[-1] if attempts else None
    prediction = getattr(run, "prediction", None)
    return CaseRow(
        number=number,
        case=run.case.name if detailed else f"case {number}",
        state="excluded" if run.case.excluded_at else Run.State(run.state).label,
        reason=reason_of(run.reason_code, run.reason_text, in_full=logs),
        values=row_of_values([one.metrics for one in shown], columns),
        reference_ml=total_ml([one.reference_ml for one in shown]),
        prediction_ml=total_ml([one.prediction_ml for one in shown]),
        seconds=_seconds(last.seconds if last else None, detailed),
        cpu_seconds=_seconds(last.cpu_seconds if last else None, detailed),
        memory_mib=_memory_mib(last, detailed),
        sampled=bool(last and last.measured == "sampled" and last.peak_memory_bytes is not None),
        warning=_warning(last, in_full=logs),
        attempts=len(attempts),
        tries=_tries(attempts, detailed=detailed, logs=logs) if len(attempts) > 1 else (),
        outputs=_outputs(prediction) if prediction and detailed else (),
        log=last.log[-_LOG_SHOWN:] if last and logs else "",
    )


def _tries(attempts: list[Attempt], *, detailed: bool, logs: bool) -> tuple[Try, ...]:
    return tuple(
        Try(
            number=number,
            began_at=one.claimed_at,
            seconds=_seconds(one.seconds, detailed),
            reason=reason_of(
                one.reason_code, one.reason_text, owner=one.reason_owner, in_full=logs
            ),
        )
        for number, one in enumerate(attempts, start=1)
    )


def _outputs(prediction: Prediction) -> tuple[tuple[str, str], ...]:
    """What was declared beside the mask, and how sure it said it is."""
    found = [(name, _json(value)) for name, value in sorted(prediction.outputs.items())]
    if prediction.stated is not None:
        found.append(("stated probability", f"{prediction.stated:g}"))
    if prediction.probability:
        found.append(("probability map", "kept"))
    return tuple(found)


def _json(value: object) -> str:
    """On one line where it fits."""
    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= _LINE else json.dumps(value, indent=2, ensure_ascii=False)


def _warning(attempt: Attempt | None, *, in_full: bool) -> str:
    if attempt is None or not attempt.warning:
        return ""
    return attempt.warning if in_full else reasons.WARNING


def _seconds(seconds: float | None, detailed: bool) -> float | None:
    """Hidden cases: whole seconds, since each digit could carry data out."""
    return seconds if seconds is None or detailed else round(seconds)


def _memory_mib(attempt: Attempt | None, detailed: bool) -> float | None:
    """Hidden cases: to 10 %, since each digit could carry data out."""
    if attempt is None or attempt.peak_memory_bytes is None:
        return None
    mib = attempt.peak_memory_bytes / 1024**2
    if detailed or mib <= 1:
        return mib if detailed else 1.0
    return float(f"{_COARSE ** round(math.log(mib, _COARSE)):.2g}")
