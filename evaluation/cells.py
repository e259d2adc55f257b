"""Cells of the table of empty masks that a challenge sets itself, and whether they are fair."""

from collections.abc import Mapping
from typing import Literal

from evaluation.empties import REFERENCE_EMPTY, TABLE, Family, Rule, Situation

Cell = float | Literal["not_applicable", "diagonal"]
_WORST = {
    Rule.DIAGONAL,
    Rule.TWO_HUNDRED,
    Rule.FAILURE_VOLUME,
    Rule.FAILURE_LESIONS,
    Rule.AS_EMPTY,
}
_WITH_LESIONS = {"prediction_empty", "no_result"}
_ZERO_TO_ONE = {Family.OVERLAP, Family.CASE_DETECTION, Family.EMPTY_CASE}
_WITHOUT_FAILURE = {Family.VOLUME, Family.SIGNED_VOLUME_ERROR, Family.SIGNED_RELATIVE_ERROR}
_CHARGED_ELSEWHERE = {"no_result", "no_result_reference_empty"}
"""A missing result is charged through the absolute error in volume."""


def cells_of(row: Mapping[str, Cell]) -> dict[Situation, Rule | float]:
    return {
        Situation(name): Rule(cell) if isinstance(cell, str) else cell for name, cell in row.items()
    }


def _failing_pays(family: str, rules: Mapping[Situation, Rule | float]) -> list[str]:
    """Where a missing result would count for more than an answer."""
    problems = []
    for failed, answers in (
        (Situation.NO_RESULT, [Situation.PREDICTION_EMPTY]),
        (
            Situation.NO_RESULT_REFERENCE_EMPTY,
            [Situation.BOTH_EMPTY, Situation.REFERENCE_EMPTY],
        ),
    ):
        for answer in answers:
            missing, other = rules[failed], rules[answer]
            if Rule.NULL not in (missing, other) and _better(family, missing, other):
                problems.append(
                    f"{family}: {failed.value} is {_shown(missing)} and {answer.value} "
                    f"{_shown(other)}: failing would pay; a missing result counts for no more "
                    "than an answer"
                )
    return problems


def _better(family: str, missing: Rule | float, other: Rule | float) -> bool:
    """Whether ``missing`` may be better than ``other``: of two numbers it is told from them; of
    what the case decides, only the table's own rules for a failure are never better."""
    one, two = _number(missing), _number(other)
    if family in _ZERO_TO_ONE:
        return one is not None and one > (0.0 if two is None else two)
    if isinstance(missing, Rule) and missing in _WORST:
        return False
    return one is None or two is None or one < two


def _shown(rule: Rule | float) -> str:
    return rule.value if isinstance(rule, Rule) else f"{rule:g}"


def _number(rule: Rule | float) -> float | None:
    """The number that a cell stands for in every case; None where the case decides."""
    if not isinstance(rule, Rule):
        return rule
    return {Rule.ZERO: 0.0, Rule.ONE: 1.0, Rule.TWO_HUNDRED: 200.0}.get(rule)


def row_problems(family: str, row: Mapping[str, Cell]) -> list[str]:
    """Whether a metric applies depends on the reference alone, so that nobody is spared a case for
    the answer given; and a value is one that the metric could have."""
    if family not in set(Family):
        return [f"“{family}” is no kind of metric; {', '.join(Family)} are"]
    open_cells = [one.value for one in Situation if one is not Situation.BOTH_DRAWN]
    problems = [
        f"{family}: “{name}” is no situation; {', '.join(open_cells)} are"
        for name in row
        if name not in open_cells
    ]
    if problems:
        return problems
    for name, cell in row.items():
        if cell == "diagonal" and family != Family.DISTANCE:
            problems.append(f"{family}: {name} cannot be a diagonal; only distances can")
        if family == Family.DISTANCE and not isinstance(cell, str) and name in _WITH_LESIONS:
            problems.append(
                f"{family}: {name} is {cell:g}; only the diagonal is farther than any answer"
            )
        if name == "no_result" and family in _ZERO_TO_ONE and cell not in (0, "not_applicable"):
            problems.append(
                f"{family}: {name} is {cell}; 0 is expected, as an answer may be as low"
            )
        if not isinstance(cell, str) and family in _ZERO_TO_ONE:
            if not 0 <= cell <= 1:
                problems.append(f"{family}: {name} is {cell:g}; 0 to 1 is expected")
        elif not isinstance(cell, str) and cell < 0:
            problems.append(f"{family}: {name} is {cell:g}; 0 or more is expected")
    rules = {**TABLE[Family(family)], **cells_of(row)}
    if Family(family) not in _WITHOUT_FAILURE:
        problems += _failing_pays(family, rules)
    for empty in (True, False):
        alike = [one for one in rules if (one in REFERENCE_EMPTY) is empty]
        null = [one.value for one in alike if rules[one] is Rule.NULL]
        spared = _CHARGED_ELSEWHERE if Family(family) in _WITHOUT_FAILURE else set()
        if set(null) - spared and {one.value for one in alike} - set(null) - spared:
            others = ", ".join(one.value for one in alike if rules[one] is not Rule.NULL)
            problems.append(
                f"{family}: {', '.join(null)} would not apply while {others} would; whether a "
                "metric applies depends on the reference alone, so give all or none a value"
            )
    return problems
