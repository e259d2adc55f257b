"""What ``./uptake try`` shows: how it goes on, why a case failed, and a table of scores."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from challenges.definition import PhaseSpec
from challenges.templatetags.figures import NONE, duration, figure, memory
from submissions.judging.hints import hints_of
from submissions.judging.scores import Columns
from submissions.sandbox.usage import Usage
from submissions.trying.results import CaseTrial, Results
from submissions.trying.running import Trial, Watcher

_MIB = 1024**2
_LOG_LINES = 20
_CASE_WIDTH, _COLUMN_WIDTH = 24, 16


class Screen(Watcher):
    """One line that tells what is being done, and a line for each case that is done."""

    def __init__(self, console: Console, cases: int) -> None:
        self._console = console
        self._cases = cases
        self._where = ""
        self._status = console.status("Asking the engine …")

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._status.stop()

    def image(self, stage: str, done_bytes: int) -> None:
        self._status.update(f"Image: {stage}, {done_bytes / _MIB:.0f} MiB")

    def stage(self, number: int, case: str, stage: str) -> None:
        self._where = f"Case {number} of {self._cases}, {escape(case)}"
        self._status.update(f"{self._where}: {stage}")

    def running(self, seconds: float, usage: Usage) -> None:
        used = usage.peak_memory_bytes
        room = f", {used / _MIB:.0f} MiB" if used is not None else ""
        self._status.update(f"{self._where}: running for {seconds:.0f} s{room}")

    def ended(self, trial: CaseTrial) -> None:
        mark = "[green]scored[/]" if trial.has_score else "[red]failed[/]"
        told = [escape(trial.name), *_resources(trial)]
        if trial.reason is not None:
            told.append(escape(trial.reason.title))
        self._console.print(f"  {mark}  {', '.join(told)}")


def _resources(trial: CaseTrial) -> Iterator[str]:
    if trial.outcome is None:
        return
    yield duration(trial.outcome.seconds)
    if (used := trial.outcome.usage.peak_memory_bytes) is not None:
        sampled = "≥\u00a0" if trial.outcome.usage.measured == "sampled" else ""
        yield f"{sampled}{used / _MIB:.0f}\u00a0MiB"


def show_trial(
    console: Console,
    trial: Trial,
    phase: PhaseSpec,
    *,
    held: Sequence[str],
    warnings: Sequence[str],
) -> None:
    """What is tried on what, within which limits, and what to know of it."""
    limits, image = trial.limits, trial.image
    console.print(f"[bold]{escape(trial.definition.title)}[/], {escape(phase.title)}")
    console.print(
        f"  {escape(image.name)}, sha256:{image.digest[:12]}, "
        f"{image.inspected.unpacked_bytes / _MIB:,.0f} MiB unpacked, contained by {trial.runtime}"
    )
    console.print(
        f"  a case may take {duration(limits.seconds_per_case)}, {memory(limits.memory_mib)} of "
        f"memory and {limits.cpus} CPU{'' if limits.cpus == 1 else 's'}"
    )
    for protection in held:
        console.print(f"  [green]held[/]  {escape(protection)}")
    for warning in filter(None, warnings):
        console.print(f"  [yellow]note[/]  {escape(warning)}")
    for hint in hints_of(image.inspected.config, trial.definition, trial.writable):
        console.print(f"  [yellow]hint[/]  {escape(str(hint))}")


def show_results(console: Console, results: Results, kept: Path | None) -> None:
    for case in results.cases:
        _show_failure(console, case, kept)
    if any(case.scored for case in results.cases):
        for table in score_tables(results, console.width):
            console.print(table)
    elif len(results.cases) > 1:
        console.print(
            "The first case failed, which ends a submission: the others were not run, and nothing "
            "is scored."
        )
    if kept is not None:
        console.print(f"Masks, logs and results: {escape(str(kept))}")


def _show_failure(console: Console, case: CaseTrial, kept: Path | None) -> None:
    outcome, reason = case.outcome, case.reason
    if outcome is not None and outcome.warning:
        console.print(f"\n[yellow]warning[/], {escape(case.name)}: {escape(outcome.warning)}")
    if reason is None:
        return
    console.print(
        f"\n[red]{escape(case.name)}: {escape(reason.title)}[/]  [dim](stage: {reason.stage})[/]"
    )
    console.print(escape(reason.text))
    if reason.to_do:
        console.print(escape(reason.to_do))
    lines = outcome.log.splitlines() if outcome is not None else []
    if lines and lines[-1] not in reason.text:  # some reasons end with the log's last words
        where = f"{kept / case.name / 'log.txt'}" if kept else "--keep FOLDER keeps all of it"
        console.print(f"[dim]End of its log ({escape(where)}):[/]")
        for line in lines[-_LOG_LINES:]:
            console.print(f"  {line}", markup=False)


def score_tables(results: Results, width: int) -> Iterator[Table]:
    """One, or where the metrics are too many for the width, several side by side."""
    columns = results.columns
    size = max(1, (width - _CASE_WIDTH) // _COLUMN_WIDTH)
    parts = [slice(start, start + size) for start in range(0, len(columns), size)]
    for number, part in enumerate(parts):
        yield _table(results, columns, part, last=number == len(parts) - 1)


def _table(results: Results, columns: Columns, part: slice, *, last: bool) -> Table:
    table = Table(box=None, pad_edge=False, show_footer=True, padding=(0, 2, 0, 0))
    table.add_column("Case", footer="Mean ± SD")
    several = len(results.definition.evaluation.labels) > 1
    summaries = results.summaries()
    for (metric, label), summary in zip(columns[part], summaries[part], strict=True):
        name = f"{metric.short} ({label})" if several else metric.short
        spread = (
            f" ± {figure(summary.deviation, metric.decimals)}"
            if summary.deviation is not None
            else ""
        )
        table.add_column(
            f"{escape(name)}\n[dim]{escape(metric.unit or '0–1')}[/]",
            footer=f"{figure(summary.mean, metric.decimals)}{spread}",
            justify="right",
        )
    if last:
        table.add_column("Reference\n[dim]ml[/]", justify="right")
        table.add_column("Predicted\n[dim]ml[/]", justify="right")
    for case in results.cases:
        figures = results.figures(case)
        cells = [
            figure(value, metric.decimals)
            for value, (metric, _) in zip(figures.values[part], columns[part], strict=True)
        ]
        if last:
            cells += [figure(figures.reference_ml, 1), figure(figures.prediction_ml, 1)]
        if case.scored is None:
            cells = [NONE] * len(cells)
        mark = "" if case.has_score else " [red]failed[/]"
        table.add_row(f"{escape(case.name)}{mark}", *cells)
    return table
