"""What a trial found, case by case and over the cases, as a submission's page would show it."""

from dataclasses import dataclass
from typing import Any

from challenges.definition import ChallengeDefinition
from evaluation.aggregate import Summary, summarise
from submissions.judging.scores import (
    NOTHING_STATED,
    Columns,
    Scored,
    Stated,
    TargetScore,
    columns_of,
    row_of_values,
    total_ml,
)
from submissions.reasons import Reason, reason_of
from submissions.sandbox.outcome import Failure, Outcome


@dataclass(frozen=True)
class CaseTrial:
    """One case. failure: why there is no usable mask. outcome: None where it was not run; scored:
    None where it is not scored, as none is after the first case has failed."""

    name: str
    failure: Failure | None = None
    outcome: Outcome | None = None
    scored: Scored | None = None
    sha256: str = ""
    stated: Stated = NOTHING_STATED

    @property
    def reason(self) -> Reason | None:
        """In full: the log, and all that is in it, is the developer's own."""
        if self.failure is None:
            return None
        return reason_of(self.failure.code, self.failure.message, in_full=True)

    @property
    def has_score(self) -> bool:
        return self.scored is not None and self.failure is None


@dataclass(frozen=True)
class CaseFigures:
    """values: in the order of the columns."""

    values: tuple[float | None, ...]
    reference_ml: float | None
    prediction_ml: float | None


@dataclass(frozen=True)
class Results:
    definition: ChallengeDefinition
    cases: tuple[CaseTrial, ...]

    @property
    def columns(self) -> Columns:
        return columns_of(self.definition.evaluation)

    def figures(self, case: CaseTrial) -> CaseFigures:
        found = [one.values for one in _targets(case)]
        return CaseFigures(
            values=row_of_values([one["metrics"] for one in found], self.columns),
            reference_ml=total_ml([one["reference_ml"] for one in found]),
            prediction_ml=total_ml([one["prediction_ml"] for one in found]),
        )

    def summaries(self) -> tuple[Summary, ...]:
        """Over the cases that are scored; those that failed count as the worst values."""
        rows = [self.figures(case).values for case in self.cases]
        return tuple(summarise(column) for column in zip(*rows, strict=True))

    @property
    def every_case_has_a_score(self) -> bool:
        return bool(self.cases) and all(case.has_score for case in self.cases)

    def to_json(self) -> dict[str, Any]:
        """cases in their order; metrics[metric][label] of each target as the server keeps them."""
        means = zip(self.columns, self.summaries(), strict=True) if self.cases else ()
        return {
            "challenge": self.definition.slug,
            "every_case_has_a_score": self.every_case_has_a_score,
            "cases": [self._case(case) for case in self.cases],
            "means": [
                {"metric": metric.id, "label": label, "mean": one.mean, "cases": one.count}
                for (metric, label), one in means
            ],
        }

    def _case(self, case: CaseTrial) -> dict[str, Any]:
        outcome, reason, figures = case.outcome, case.reason, self.figures(case)
        return {
            "name": case.name,
            "code": case.failure.code if case.failure else "",
            "title": reason.title if reason else "",
            "text": reason.text if reason else "",
            "to_do": reason.to_do if reason else "",
            "sandbox": outcome.sandbox if outcome else "",
            "seconds": outcome.seconds if outcome else None,
            "cpu_seconds": outcome.usage.cpu_seconds if outcome else None,
            "peak_memory_bytes": outcome.usage.peak_memory_bytes if outcome else None,
            "measured": outcome.usage.measured if outcome else "",
            "exit_code": outcome.exit_code if outcome else None,
            "warning": outcome.warning if outcome else "",
            "mask_sha256": case.sha256,
            "reference_ml": figures.reference_ml,
            "prediction_ml": figures.prediction_ml,
            "stated": case.stated.value,
            "metrics": [one.values["metrics"] for one in _targets(case)],
            "counts": [one.values["counts"] for one in _targets(case)],
        }


def _targets(case: CaseTrial) -> tuple[TargetScore, ...]:
    return case.scored.targets if case.scored else ()
