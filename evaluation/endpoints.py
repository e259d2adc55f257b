"""How well a predicted number ranks patients by what became of them, with a bootstrap interval.

One row per patient, or several that carry the patient's name. Both measures are shares of
comparable pairs of rows in which the one at more risk has the higher risk; a tie in risk counts ½.
A missing prediction loses every comparable pair that it is part of, so that no submission gains by
failing.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError

RESAMPLES = 1000
_MOST_ROUNDS = 100


class EndpointRefused(EvaluationError):
    """Outcomes or predictions that cannot be compared."""


@dataclass(frozen=True)
class Interval:
    """value: 0 to 1, None where no pair is comparable. low, high: 2.5 and 97.5 % quantiles (linear)
    of ``resamples`` values; None where there are none.

    redrawn: resamples that held no comparable pair and were drawn again.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    resamples: int = 0
    redrawn: int = 0


@dataclass(frozen=True, eq=False)
class Pairs:
    """``[i, j]``: whether row i, at more risk, is comparable with row j, and what that earns: 1, ½
    or 0."""

    comparable: NDArray[np.bool_]
    earned: NDArray[np.float64]

    def over(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """``[resamples, rows]``, how often each row counts → the share that is earned,
        ``[resamples]``; NaN where no pair is comparable."""
        number = ((weights @ self.comparable.astype(np.float64)) * weights).sum(axis=1)
        won = ((weights @ self.earned) * weights).sum(axis=1)
        share = np.full(len(weights), np.nan)
        np.divide(won, number, out=share, where=number > 0.0)
        return share


def concordance_pairs(
    times: Sequence[float],
    events: Sequence[bool],
    predictions: Sequence[float | None],
    *,
    higher_is_risk: bool,
) -> Pairs:
    """Of which ``concordance_index`` is the share; errors as it has them."""
    _same_lengths(times, events, predictions)
    at = _finite(times, "time")
    if (at < 0.0).any():
        raise EndpointRefused("not_a_number", f"A time of {at.min():g}; expected 0 or more.")
    event = np.array(events, dtype=bool)
    earlier = (at[:, None] < at) | ((at[:, None] == at) & ~event)
    comparable = event[:, None] & earlier
    return Pairs(comparable, comparable * _credit(predictions, higher_is_risk))


def auc_pairs(
    outcomes: Sequence[bool], predictions: Sequence[float | None], *, higher_is_risk: bool
) -> Pairs:
    """Of which ``auc`` is the share; errors as it has them."""
    _same_lengths(outcomes, predictions)
    yes = np.array(outcomes, dtype=bool)
    comparable = yes[:, None] & ~yes
    return Pairs(comparable, comparable * _credit(predictions, higher_is_risk))


def concordance_index(
    times: Sequence[float],
    events: Sequence[bool],
    predictions: Sequence[float | None],
    *,
    higher_is_risk: bool,
    patients: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Harrell's C-index, JAMA 1982: do patients with earlier events have the higher risk?

    times: from 0, in any unit, to the event or, where ``events`` is false, to the end of follow-up.
    Comparable are an event and any row of a later time, and an event and a row censored at the same
    time; not two events at the same time (as in the package lifelines). patients: whose each row
    is; a resample draws patients with all their rows, and one drawn k times counts k times. Memory
    and time grow with the square of the rows.

    Raises EndpointRefused where numbers of values differ (code different_lengths) or one is not
    finite or a time is negative (not_a_number).
    """
    _same_lengths(times, events, predictions, patients)
    pairs = concordance_pairs(times, events, predictions, higher_is_risk=higher_is_risk)
    rows = _patient_of_each_row(len(events), patients)
    strata = [np.unique(rows)] if rows.size else []
    return _interval(pairs, rows, strata, resamples, seed)


def auc(
    outcomes: Sequence[bool],
    predictions: Sequence[float | None],
    *,
    higher_is_risk: bool,
    patients: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Area under the ROC curve: the share of pairs of a yes and a no in which the yes has the
    higher risk. Hanley & McNeil, Radiology 1982.

    A missing prediction of a yes ranks lowest, that of a no highest. Resamples are stratified: each
    holds as many patients of either outcome (and of both, where a patient's rows differ) as there
    are, so that each is defined. ``patients`` and errors as ``concordance_index``.
    """
    _same_lengths(outcomes, predictions, patients)
    yes = np.array(outcomes, dtype=bool)
    rows = _patient_of_each_row(len(outcomes), patients)
    outcomes_of: dict[int, set[bool]] = {}
    for patient, outcome in zip(rows.tolist(), yes.tolist(), strict=True):
        outcomes_of.setdefault(patient, set()).add(outcome)
    strata = [
        np.array([patient for patient, found in outcomes_of.items() if found == kind], np.intp)
        for kind in ({True}, {False}, {True, False})
    ]
    pairs = auc_pairs(outcomes, predictions, higher_is_risk=higher_is_risk)
    return _interval(pairs, rows, strata, resamples, seed)


def _credit(predictions: Sequence[float | None], higher_is_risk: bool) -> NDArray[np.float64]:
    """``[i, j]``: 1 where row i has the higher risk, ½ where both are equal, else 0."""
    answered = np.array([value is not None for value in predictions], dtype=bool)
    risk = _finite([0.0 if value is None else value for value in predictions], "prediction")
    if not higher_is_risk:
        risk = -risk
    credit = (risk[:, None] > risk) + 0.5 * (risk[:, None] == risk)
    return np.asarray(credit * (answered[:, None] & answered), np.float64)


def _interval(
    pairs: Pairs,
    rows: NDArray[np.intp],
    strata: Sequence[NDArray[np.intp]],
    resamples: int,
    seed: int,
) -> Interval:
    if not pairs.comparable.any():
        return Interval(None)
    random = np.random.default_rng(seed)
    patients = int(rows.max()) + 1
    found: list[float] = []
    redrawn = 0
    # Where one pair is comparable, some two fifths of all resamples or more hold one: the cap is
    # never met, but no input can make this last.
    for _ in range(_MOST_ROUNDS):
        if len(found) >= resamples:
            break
        times_drawn = np.zeros((resamples - len(found), patients))
        for members in strata:
            if members.size:
                evenly = np.full(members.size, 1.0 / members.size)
                times_drawn[:, members] = random.multinomial(
                    members.size, evenly, size=len(times_drawn)
                )
        values = pairs.over(times_drawn[:, rows])
        defined = ~np.isnan(values)
        found += values[defined].tolist()
        redrawn += int(np.count_nonzero(~defined))
    value = float(pairs.earned.sum() / pairs.comparable.sum())
    if not found:
        return Interval(value, redrawn=redrawn)
    low, high = np.quantile(found, [0.025, 0.975])
    return Interval(value, float(low), float(high), len(found), redrawn)


def _patient_of_each_row(count: int, patients: Sequence[Hashable] | None) -> NDArray[np.intp]:
    """Patients are numbered from 0 in the order of their first rows."""
    if patients is None:
        return np.arange(count)
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(one, len(numbers)) for one in patients], dtype=np.intp)


def _finite(values: Iterable[float], what: str) -> NDArray[np.float64]:
    array = np.array(list(values), dtype=np.float64)
    if not np.isfinite(array).all():
        raise EndpointRefused(
            "not_a_number",
            f"A {what} is NaN or infinity; expected a number"
            + (", and None for a missing one." if what == "prediction" else "."),
        )
    return array


def _same_lengths(*columns: Sequence[object] | None) -> None:
    lengths = [len(column) for column in columns if column is not None]
    if len(set(lengths)) > 1:
        raise EndpointRefused(
            "different_lengths",
            f"Columns of {', '.join(map(str, lengths))} values; expected one value of each per "
            "row, None for a missing prediction.",
        )
