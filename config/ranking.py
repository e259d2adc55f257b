"""Rank offline what a platform exported: the same numbers, by the same code."""

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from evaluation.aggregate import Summary
    from evaluation.standings import Analysis, Standing, Uncertainty
    from evaluation.standings.files import Results

console = Console(highlight=False)
_FAILED, _MISUSED = 1, 2
ANALYSIS, RANKS = "analysis.json", "ranks.csv"


def rank(
    results: Annotated[Path, typer.Argument(help="results.csv, as a leaderboard exports it.")],
    spec: Annotated[Path, typer.Option(help="challenge.yaml of the challenge.")],
    out: Annotated[
        Path | None, typer.Option(help="A folder for ranks.csv and analysis.json; made if needed.")
    ] = None,
    figures: Annotated[
        bool, typer.Option(help="Figures too, each as SVG, PNG, PDF and CSV; needs --out.")
    ] = False,
) -> None:
    """Rank exported results on one's own machine, with the ranks and intervals of the server."""
    from challenges.definition import read_definition
    from evaluation.documents import DocumentRefused
    from evaluation.ranking.words import recipe_in_words
    from evaluation.standings import analyse
    from evaluation.standings.files import ResultsRefused, read_results
    from evaluation.uncertainty import board_seed

    if figures and out is None:
        console.print("[red]--figures needs --out: a folder to write them to.[/]")
        raise typer.Exit(_MISUSED)
    try:
        definition = read_definition(spec)
        with results.open(newline="", encoding="utf-8") as file:
            found = read_results(file, definition.evaluation)
    except DocumentRefused as refusal:
        for problem in refusal.problems:
            console.print(f"  {problem}", markup=False, soft_wrap=True)
        console.print(f"[red]{escape(spec.name)}: {len(refusal.problems)} problem(s).[/]")
        raise typer.Exit(_FAILED) from None
    except (ResultsRefused, OSError) as error:
        console.print(f"[red]{escape(str(results))}: {escape(str(error))}[/]", soft_wrap=True)
        raise typer.Exit(_FAILED) from None
    analysis = analyse(
        found.scored,
        seed=board_seed(definition.slug, found.phase, found.edition),
        hidden=False,
        readers=found.readers,
    )
    console.print(" ".join(recipe_in_words(definition.evaluation)), markup=False, soft_wrap=True)
    _tell(analysis, found)
    if out is not None:
        _write(out, analysis, found)
        if figures:
            _draw(out, analysis, found)
        console.print(f"Written to {escape(str(out))}.", soft_wrap=True)
    if analysis.board.refused:
        raise typer.Exit(_FAILED)


def _tell(analysis: "Analysis", results: "Results") -> None:
    scored, sure = results.scored, _sure(analysis)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("rank", "95 %", "tier", "set"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("entry")
    ranked = [
        (at, key)
        for at, (key, (metric, label)) in enumerate(zip(scored.keys, scored.columns, strict=True))
        if scored.spec.ranks(metric, label)
    ]
    for _, key in ranked:
        table.add_column(escape(key), justify="right", no_wrap=True)
    for one in _in_order(analysis):
        known = sure.get(one.key, {})
        table.add_row(
            str(one.rank or "–"),
            known.get("range", "–"),
            known.get("tier", "–"),
            known.get("set", "–"),
            escape(results.names.get(one.key, one.key)) + ("" if one.competes else " (placed)"),
            *(_figure(one.cells[at], scored.columns[at][0].decimals) for at, _ in ranked),
        )
    console.print(table)
    if analysis.board.refused:
        console.print(f"[red]Nothing could be ranked: {escape(analysis.board.refused)}[/]")
    if analysis.uncertainty is not None:
        if beyond := _of_whom(analysis.uncertainty):
            console.print(beyond, soft_wrap=True)
        for what, why in analysis.uncertainty.refused.items():
            console.print(f"{what}: {why}", markup=False, soft_wrap=True)


def _of_whom(of: "Uncertainty") -> str:
    """Where not all that compete are told of."""
    told = len(of.entries)
    if told == of.pool:
        return ""
    ranked = f"all {of.among}" if of.among == of.pool else f"these {of.among} alone"
    return (
        f"The first {told} of {of.pool} competing entries are tested against each other; each "
        f"resample ranks {ranked}."
    )


def _in_order(analysis: "Analysis") -> list["Standing"]:
    """By rank; what has none comes last."""
    return sorted(
        analysis.board.standings,
        key=lambda one: (one.rank is None, one.rank or 0, one.score or 0, one.competes),
    )


def _sure(analysis: "Analysis") -> Mapping[str, Mapping[str, str]]:
    """How sure each rank is, as text, by entry."""
    found: dict[str, dict[str, str]] = {}
    of = analysis.uncertainty
    if of is None:
        return found
    for at, key in enumerate(of.entries):
        told = found.setdefault(key, {})
        if of.resampled is not None:
            told["range"] = _span(of.resampled.ranges[at])
        if of.tested is not None:
            told["set"], told["tier"] = _span(of.tested.rank_sets[at]), str(of.tested.tiers[at])
    return found


def _span(ends: tuple[int, int]) -> str:
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]}–{ends[1]}"


def _figure(cell: "Summary", decimals: int) -> str:
    if cell.shown is None:
        return "–"
    interval = ""
    if cell.low is not None and cell.high is not None:
        interval = f" ({cell.low:.{decimals}f} to {cell.high:.{decimals}f})"
    return f"{cell.shown:.{decimals}f}{interval}"


def _write(out: Path, analysis: "Analysis", results: "Results") -> None:
    from evaluation.spreadsheets import plain_cell

    out.mkdir(parents=True, exist_ok=True)
    (out / ANALYSIS).write_text(json.dumps(asdict(analysis), indent=1, allow_nan=False) + "\n")
    sure, keys = _sure(analysis), results.scored.keys
    with (out / RANKS).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        parts = ("", ":low", ":high", ":n")
        table.writerow(
            ["entry", "name", "competes", "rank", "score", "range", "set", "tier", "cases",
             "failed", *(f"{key}{part}" for key in keys for part in parts)]
        )  # fmt: skip
        for one in _in_order(analysis):
            known = sure.get(one.key, {})
            table.writerow(
                [
                    plain_cell(one.key),
                    plain_cell(results.names.get(one.key, one.key)),
                    "yes" if one.competes else "no",
                    one.rank,
                    one.score,
                    *(known.get(name, "") for name in ("range", "set", "tier")),
                    one.cases,
                    one.failed,
                    *(
                        value
                        for cell in one.cells
                        for value in (cell.shown, cell.low, cell.high, cell.count)
                    ),
                ]
            )


def _draw(out: Path, analysis: "Analysis", results: "Results") -> None:
    from leaderboards.figures.drawing import files_of
    from leaderboards.figures.kinds import DRAWN, Format, kinds_of
    from leaderboards.figures.names import LONGEST, Name, cut
    from leaderboards.figures.numbers import numbers_of

    if analysis.uncertainty is None:
        console.print("Fewer than two entries compete: there is nothing to draw.")
        return
    names = [
        Name(key, results.names.get(key, key), cut(results.names.get(key, key), LONGEST))
        for key in analysis.uncertainty.entries
    ]
    for kind in kinds_of(analysis.uncertainty):
        files = files_of(kind, analysis.uncertainty, names, DRAWN)
        for as_, content in files.items():
            (out / f"{kind}.{as_}").write_bytes(content)
        numbers = numbers_of(kind, analysis.uncertainty, names).csv()
        (out / f"{kind}.{Format.CSV}").write_text(numbers, encoding="utf-8")
