"""Scores and metrics as tables for the terminal, CSV and JSON."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

from pydantic.fields import FieldInfo
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evaluation.aggregate import Summary, summarise
from evaluation.batch import Outcome, mean_of
from evaluation.confidence import ConfidenceSpec
from evaluation.empties import TOLD
from evaluation.geometry import Geometry
from evaluation.metrics import CohortMetric, CohortValue, Metric
from evaluation.scoring import CaseScore
from evaluation.spec import EvaluationSpec

Cohort = Mapping[str, Mapping[str, CohortValue]]
NONE = "–"


def number(value: float | None, decimals: int) -> str:
    return NONE if value is None else f"{value:.{decimals}f}"


def _table(*columns: str, right: int = 1) -> Table:
    """Columns from ``right`` on are numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold", collapse_padding=True)
    for place, column in enumerate(columns):
        is_number = place >= right
        justify: Literal["left", "right"] = "right" if is_number else "left"
        table.add_column(escape(column), justify=justify, no_wrap=is_number)
    return table


def print_scores(
    console: Console,
    outcomes: Sequence[Outcome],
    cohort: Cohort,
    spec: EvaluationSpec,
    *,
    single: bool,
) -> None:
    if single:
        _print_single(console, outcomes[0], spec)
        if cohort:
            console.print("", _of_cohort(cohort, spec))
        return
    cells = [(metric, label) for metric in spec.shown for label in spec.labels]
    by_case = _by_case(outcomes, cells, spec)
    # A number is never cut short: what is wider than the terminal is left to --csv.
    if (
        console.measure(by_case, options=console.options.update(width=10_000)).maximum
        <= console.width
    ):
        console.print(by_case, "")
    else:
        console.print("The scores of each case are too wide for this screen; --csv has them.\n")
    _print_summary(console, outcomes, cells, spec)
    if cohort:
        console.print("", _of_cohort(cohort, spec))
    failed = sum(bool(one.reason_code) for one in outcomes)
    console.print(
        f"\n{len(outcomes)} case{'s' * (len(outcomes) != 1)}, {failed} without a usable result"
        f"{', counted as the worst value of each metric' if failed else ''}."
    )


def _print_single(console: Console, outcome: Outcome, spec: EvaluationSpec) -> None:
    labels = list(spec.labels)
    table = _table("metric", "", *(labels if len(labels) > 1 else ["value"]), "unit", right=2)
    table.columns[-1].justify = "left"
    table.add_column("better")
    found = outcome.metrics
    for metric in spec.shown:
        values = [number(found[metric.id][label].value, metric.decimals) for label in labels]
        direction = metric.direction.words.split(";")[0].removesuffix(" is better")
        table.add_row(metric.id, metric.title, *values, metric.unit, direction)
    console.print(table)
    for label in labels:
        reference = outcome.scores[0].reference_ml[label]
        console.print(f"{label}: reference {reference:.3f} ml; {NONE} is not applicable")


def _name(metric: Metric | CohortMetric, label: str, spec: EvaluationSpec) -> str:
    return f"{metric.id} ({label})" if len(spec.labels) > 1 else metric.id


def _by_case(
    outcomes: Sequence[Outcome], cells: Sequence[tuple[Metric, str]], spec: EvaluationSpec
) -> Table:
    table = _table("case", *(_name(metric, label, spec) for metric, label in cells))
    for outcome in outcomes:
        values = [
            number(outcome.metrics[metric.id][label].value, metric.decimals)
            for metric, label in cells
        ]
        name = escape(outcome.name)
        table.add_row(f"[red]{name} (failed)[/]" if outcome.reason_code else name, *values)
    return table


def _print_summary(
    console: Console,
    outcomes: Sequence[Outcome],
    cells: Sequence[tuple[Metric, str]],
    spec: EvaluationSpec,
) -> None:
    readers = sorted({name for outcome in outcomes for name in outcome.readers})
    heads = ("mean", "SD", "median", "quartiles", "cases")
    table = _table("metric", *heads, *(f"{name} (reader)" for name in readers), "unit")
    table.columns[-1].justify = "left"
    for metric, label in cells:
        found = summarise(one.metrics[metric.id][label].value for one in outcomes)
        others = [_of_reader(outcomes, name, metric, label) for name in readers]
        table.add_row(
            _name(metric, label, spec),
            number(found.mean, metric.decimals),
            number(found.deviation, metric.decimals),
            number(found.median, metric.decimals),
            f"{number(found.lower_quartile, metric.decimals)} to "
            f"{number(found.upper_quartile, metric.decimals)}",
            str(found.count),
            *(f"{number(other.mean, metric.decimals)} (n = {other.count})" for other in others),
            metric.unit,
        )
    console.print(table)


def _of_reader(outcomes: Sequence[Outcome], name: str, metric: Metric, label: str) -> Summary:
    """Of the cases that this reader read, against the consensus of the others."""
    return summarise(
        mean_of(outcome.readers[name])[metric.id][label].value
        for outcome in outcomes
        if name in outcome.readers
    )


def _of_cohort(cohort: Cohort, spec: EvaluationSpec) -> Table:
    table = _table("over the cohort", "value", "interval", "cases", "unit")
    table.columns[-1].justify = "left"
    table.add_column("")
    for metric in spec.cohort:
        for label, found in cohort[metric.id].items():
            interval = ""
            if found.low is not None and found.high is not None:
                interval = (
                    f"{number(found.low, metric.decimals)} to {number(found.high, metric.decimals)}"
                )
            table.add_row(
                _name(metric, label, spec),
                number(found.value, metric.decimals),
                interval,
                str(found.cases),
                metric.unit,
                escape("; ".join(filter(None, [metric.interval, found.note]))),
            )
    return table


def cohort_json(cohort: Cohort) -> dict[str, Any]:
    return {
        metric: {label: asdict(value) for label, value in labels.items()}
        for metric, labels in cohort.items()
    }


def as_csv(outcomes: Sequence[Outcome], spec: EvaluationSpec) -> str:
    """A row for each case, label and target, with every digit; what does not apply is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [metric.id for metric in spec.shown]
    head = ["case", "scored", "label", "reason", "reference_ml", "prediction_ml"]
    writer.writerow([*head, *names])
    for outcome in outcomes:
        for target, one in zip(outcome.targets, outcome.scores, strict=True):
            what = "prediction"
            if len(outcome.scores) > 1:
                what = f"prediction against {target}"
            writer.writerows(_rows(outcome, what, outcome.reason_code, one, names))
        for reader, scores in outcome.readers.items():
            for one in scores:
                writer.writerows(_rows(outcome, f"reader {reader}", "", one, names))
    return text.getvalue()


def _rows(
    outcome: Outcome, what: str, reason: str, score: CaseScore, names: Sequence[str]
) -> list[list[object]]:
    return [
        [
            outcome.name,
            what,
            label,
            reason,
            counts.reference_ml,
            counts.prediction_ml,
            *(score.metrics[name][label].value for name in names),
        ]
        for label, counts in score.counts.items()
    ]


def grid_words(grid: Geometry) -> str:
    size = " × ".join(map(str, grid.size))
    spacing = " × ".join(f"{one:.4g}" for one in grid.spacing)
    return f"{size} voxels of {spacing} mm"


def needs(metric: Metric | CohortMetric) -> str:
    if isinstance(metric, CohortMetric):
        if metric.needs_confidence:
            return "all cases, and a probability map or a stated probability of each"
        columns = [one.id for one in metric.parameters if one.default is None]
        return f"all cases, and {' and '.join(columns)} of each" if columns else "all cases"
    return "masks and PET" if metric.needs_pet else "masks"


def metric_json(metric: Metric | CohortMetric) -> dict[str, Any]:
    return {
        "id": metric.id,
        "title": metric.title,
        "unit": metric.unit,
        "direction": metric.direction.value,
        "definition": metric.definition,
        "advice": metric.advice,
        "over": "cohort" if isinstance(metric, CohortMetric) else "case",
        "needs": needs(metric),
        "ranked": metric.rankable,
        "parameters": [asdict(one) for one in metric.parameters],
    }


def print_catalogue(console: Console, metrics: Sequence[Metric | CohortMetric]) -> None:
    table = _table("id", "unit", "better", "needs", "what it is", right=5)
    table.columns[0].no_wrap = True
    for metric in metrics:
        better = metric.direction.words.split(";")[0].removesuffix(" is better")
        what = f"[bold]{escape(metric.title)}[/]. {escape(metric.definition)}"
        table.add_row(metric.id, metric.unit, better, needs(metric), what)
    console.print(table)


def print_metric(console: Console, metric: Metric | CohortMetric) -> None:
    console.print(f"[bold]{metric.id}[/]  {metric.title}")
    console.print(escape(metric.definition))
    console.print(escape(metric.advice))
    ranked = "may be ranked" if metric.rankable else "never ranked"
    unit = metric.unit or "no unit"
    console.print(f"{unit}; {metric.direction.words}; {ranked}; needs {needs(metric)}")
    for one in metric.parameters:
        console.print(f"  {one.id}: {escape(one.meaning)} {one.default_words}")


def markdown(groups: Mapping[str, Sequence[Metric | CohortMetric]]) -> str:
    """The catalogue as a part of the documentation."""
    lines: list[str] = []
    for title, metrics in groups.items():
        lines += [f"### {title}", ""]
        for metric in metrics:
            lines += [
                f"#### `{metric.id}` · {metric.title}",
                "",
                f"![{metric.title}](../static/metrics/{metric.id}.svg)",
                "",
                metric.definition,
                "",
                metric.advice,
                "",
                f"{metric.unit or '0–1'} · {metric.direction.words} · needs {needs(metric)}",
                "",
            ]
            lines += [
                f"- `{one.id}`: {one.meaning} {one.default_words}" for one in metric.parameters
            ]
            lines += [""] if metric.parameters else []
    return "\n".join(lines)


def policy_markdown(spec: EvaluationSpec) -> str:
    """The table of empty masks in force, as a part of the documentation."""
    situations = [situation.words for situation in TOLD]
    lines = [f"| metrics | {' | '.join(situations)} |", f"| --- {'| --- ' * len(situations)}|"]
    for row in spec.policy:
        ids = ", ".join(f"`{name}`" for name in row.ids)
        lines.append(f"| {row.words}: {ids} | {' | '.join(row.cells)} |")
    return "\n".join(lines) + "\n"


def confidence_markdown() -> str:
    """What a challenge may ask for beside the mask, as a part of the documentation."""
    rows = [
        f"| `confidence.{name}` | {one.description} | {_needed(one)} |"
        for name, one in ConfidenceSpec.model_fields.items()
    ]
    return "\n".join(["| key | what | default |", "| --- | --- | --- |", *rows])


def _needed(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    return "see there" if field.default is None else str(field.default).lower()
