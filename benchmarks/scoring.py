"""Scoring pairs of masks: Uptake against the libraries that others score with, in one run.

    UPTAKE_DATA=FOLDER .venv/bin/python -m benchmarks.scoring --peers PYTHON \\
        --metrics-reloaded FOLDER [--cohort] [--output FILE]

The peers have an environment of their own (``pip install -r benchmarks/peers.txt``), PYTHON is its
interpreter. Every tool reads the same gzip NIfTI files each time, in a process of its own per pair.
"""

import argparse
import json
import math
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from benchmarks.scoring_inputs import Input, inputs, whole_body, write_pair
from evaluation import batch, pair
from evaluation.cases import CaseFiles
from evaluation.metrics import REGISTRY
from evaluation.spec import DEFAULT_METRICS, EvaluationSpec

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 1800
COHORT_CASES = 50
STAGE_RUNS = 9
AGREE = 1e-5  # of the value: MONAI counts in float32
COLUMNS = (
    "",
    "s",
    "first run, s",
    "runs",
    "Uptake, same metrics, s",
    "× Uptake, same metrics",
    "× Uptake, all metrics",
    "peak, GB",
)
WITHOUT_PET = [name for name, metric in REGISTRY.items() if not metric.needs_pet]


@dataclass(frozen=True)
class Peer:
    """differing: metrics whose definition is not Uptake's, so that numbers need not agree."""

    tool: str
    title: str
    differing: frozenset[str] = frozenset()


PEERS = (
    Peer("medpy", "medpy", frozenset({"assd"})),
    Peer("metrics-reloaded", "MetricsReloaded"),
    Peer("monai", "MONAI"),
    Peer("simpleitk", "SimpleITK", frozenset({"hd"})),
    Peer("surface-distance", "surface-distance", frozenset({"hd", "hd95", "assd", "nsd"})),
    Peer("autopet", "FPV and FNV by a loop"),
)


@dataclass(frozen=True)
class Measured:
    """problem: why there is nothing else."""

    seconds: float = 0.0
    first: float = 0.0
    runs: int = 0
    peak_bytes: int = 0
    values: tuple[tuple[str, float], ...] = ()
    versions: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Row:
    peer: Peer
    found: Measured
    uptake: Measured
    """Uptake on the metrics that the peer has."""


@dataclass(frozen=True)
class Table:
    pair: Input
    rows: tuple[Row, ...]
    catalogue: Measured

    @property
    def told(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if not row.found.problem)

    def disagreements(self) -> Iterator[str]:
        ours = dict(self.catalogue.values)
        for row in self.told:
            for name, value in row.found.values:
                other = ours.get(name, math.nan)
                if name in row.peer.differing or abs(value - other) <= AGREE * abs(other):
                    continue
                where = f"{self.pair.name}, `{name}`"
                yield f"{where}: {row.peer.title} {value:.9g}, Uptake {other:.9g}"


def measure(command: list[str], tool: str, one: Input, options: dict[str, Any]) -> Measured:
    arguments = [tool, str(one.reference), str(one.prediction), json.dumps(options)]
    print(f"{one.name}: {tool}", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            [*command, *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Measured(problem=f"stopped after {PATIENCE_SECONDS} s")
    except OSError as error:
        return Measured(problem=f"missing: {command[0]}: {error.strerror}")
    if done.returncode or not done.stdout:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return Measured(problem=f"failed: {last}")
    found = json.loads(done.stdout.splitlines()[-1])
    if "values" in found:
        found["values"] = tuple(found["values"].items())
        found["versions"] = tuple(found["versions"])
    return Measured(**found)


def table(one: Input, peers: Path, options: dict[str, Any]) -> Table:
    @cache
    def uptake(metrics: tuple[str, ...]) -> Measured:
        command = [sys.executable, "-m", "benchmarks.peers"]
        return measure(command, "uptake", one, {**options, "metrics": metrics})

    catalogue = uptake(tuple(WITHOUT_PET))
    rows = []
    for peer in PEERS:
        # Isolated, so that nothing of this environment is on its path.
        command = [str(peers), "-I", str(ROOT / "benchmarks" / "peers.py")]
        found = measure(command, peer.tool, one, options)
        same = tuple(name for name, _ in found.values)
        beside = uptake(same) if same else Measured()
        if beside.problem:
            found = Measured(problem=f"Uptake {beside.problem}")
        rows.append(Row(peer, found, beside))
    return Table(one, tuple(rows), catalogue)


def times(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"


def report(found: Table) -> Iterator[str]:
    ours = found.catalogue
    yield f"### {found.pair.name}: {found.pair.words}\n"
    if found.pair.absent:
        yield f"{found.pair.absent}\n"
        return
    if ours.problem:
        yield f"Uptake {ours.problem}\n"
        return
    yield f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}"
    for row in found.rows:
        if row.found.problem:
            yield f"| {row.peer.title} | {row.found.problem} | | | | | | |"
            continue
        seconds, same = row.found.seconds, row.uptake.seconds
        yield (
            f"| {row.peer.title} | {seconds:.2f} | {row.found.first:.2f} | {row.found.runs} "
            f"| {same:.3f} | {times(seconds / same)} | {times(seconds / ours.seconds)} "
            f"| {row.found.peak_bytes / 1e9:.2f} |"
        )
    yield (
        f"| Uptake, {len(WITHOUT_PET)} metrics | {ours.seconds:.3f} | {ours.first:.2f} "
        f"| {ours.runs} | | | 1 | {ours.peak_bytes / 1e9:.2f} |\n"
    )


def agreement(tables: list[Table]) -> Iterator[str]:
    compared = sum(
        name not in row.peer.differing
        for one in tables
        for row in one.told
        for name, _ in row.found.values
    )
    wrong = [line for one in tables for line in one.disagreements()]
    yield (
        f"{compared} numbers of peers compared where definitions are equal; "
        f"differing by more than {AGREE:g} of the value: {len(wrong) or 'none'}.\n"
    )
    yield from (f"- {line}" for line in wrong)
    if wrong:
        yield ""


def least_ratios(tables: list[Table]) -> Iterator[str]:
    ratios = [
        (row.found.seconds / one.catalogue.seconds, row.peer.title, one.pair.name)
        for one in tables
        for row in one.told
    ]
    if ratios:
        ratio, peer, where = min(ratios)
        yield f"Least ratio to all of Uptake's metrics: {ratio:.1f} ({peer}, {where}).\n"


def timed(inner: list[float], seconds: dict[str, float], stage: str, run: Callable) -> Callable:
    """``run``, its time added to ``stage`` without that of timed parts inside it."""

    def run_timed(*args, **kwargs):
        inner.append(0.0)
        start = time.perf_counter()
        try:
            return run(*args, **kwargs)
        finally:
            taken = time.perf_counter() - start
            seconds[stage] = seconds.get(stage, 0.0) + taken - inner.pop()
            if inner:
                inner[-1] += taken

    return run_timed


def stages(one: Input) -> dict[str, float]:
    """Median seconds of each stage of the whole catalogue; for a process that ends afterwards, as
    the clocks stay where they were put."""
    seconds: dict[str, float] = {}
    clock = partial(timed, [], seconds)
    pair._framed = clock("frame", pair._framed)
    for stage, owner, name in (
        ("frame", pair.Pair, "_cells"),
        ("borders", pair.Pair, "borders"),
        ("neighbours", pair.Pair, "reference_to_prediction_mm"),
        ("neighbours", pair.Pair, "prediction_to_reference_mm"),
        ("components", pair.Side, "lesions"),
        ("components", pair.Pair, "overlaps"),
    ):
        vars(owner)[name].func = clock(stage, vars(owner)[name].func)
    vars(batch)["score_masks"] = clock("other measures", vars(batch)["score_masks"])
    case = CaseFiles("pair", {"reference": one.reference}, one.prediction, None)
    spec = EvaluationSpec(metrics=[*WITHOUT_PET])
    runs = []
    for _ in range(STAGE_RUNS + 1):
        seconds.clear()
        start = time.perf_counter()
        batch.score_case_files(case, spec, threads=2)
        total = time.perf_counter() - start
        runs.append({"read": total - sum(seconds.values()), **seconds, "in all": total})
    return {stage: statistics.median(run[stage] for run in runs[1:]) for stage in runs[-1]}


def report_stages(one: Input) -> Iterator[str]:
    with fresh(1) as pool:
        found = pool.submit(stages, one).result()
    yield f"### Where Uptake's time goes: {one.name}, {len(WITHOUT_PET)} metrics\n"
    yield "| | s | share |\n| --- | --- | --- |"
    for stage, seconds in found.items():
        yield f"| {stage} | {seconds:.4f} | {seconds / found['in all']:.0%} |"
    yield ""


def cohort(cases: list[CaseFiles], metrics: list[str]) -> float:
    """Seconds for all cases on two processes."""
    start = time.perf_counter()
    for outcome in batch.score_cases(cases, EvaluationSpec(metrics=[*metrics]), processes=2):
        assert not outcome.reason, outcome.reason
    return time.perf_counter() - start


def report_cohort(folder: Path) -> Iterator[str]:
    print(f"cohort: drawing {COHORT_CASES} cases", file=sys.stderr, flush=True)
    with fresh(2) as pool:
        cases = list(pool.map(partial(draw_case, folder), range(100, 100 + COHORT_CASES)))
    yield f"### A cohort of {COHORT_CASES} cases like whole-body, two processes\n"
    yield "| | s for all | s per case |\n| --- | --- | --- |"
    for words, metrics in (
        ("default metrics", list(DEFAULT_METRICS)),
        (f"{len(WITHOUT_PET)} metrics", WITHOUT_PET),
    ):
        print(f"cohort: {words}", file=sys.stderr, flush=True)
        with fresh(1) as pool:
            seconds = pool.submit(cohort, cases, metrics).result()
        yield f"| {words} | {seconds:.2f} | {seconds / COHORT_CASES:.3f} |"
    yield ""


def draw_case(folder: Path, seed: int) -> CaseFiles:
    name = f"case-{seed}"
    reference, prediction = write_pair(folder, name, whole_body(seed))
    return CaseFiles(name, {"reference": reference}, prediction, None)


def fresh(processes: int) -> ProcessPoolExecutor:
    """Processes that have imported nothing more than this module."""
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))


def machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start"


def versions(tables: list[Table]) -> str:
    told = {
        one: None
        for found in tables
        for measured in (found.catalogue, *(row.found for row in found.rows))
        for one in measured.versions
    }
    return ", ".join([f"Python {platform.python_version()}", *told])


def metrics_of(tables: list[Table]) -> Iterator[str]:
    """What each peer was asked for."""
    told = {row.peer.title: row.found.values for one in tables for row in one.told}
    for title, values in told.items():
        yield f"- {title}: {', '.join(f'`{name}`' for name, _ in values)}"
    yield ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", type=Path, default=Path(sys.executable), metavar="PYTHON")
    parser.add_argument("--metrics-reloaded", default="", metavar="FOLDER")
    parser.add_argument(
        "--runs", type=int, default=3, help="at least so many after the first (default: 3)"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="INPUT")
    parser.add_argument("--cohort", action="store_true", help="50 cases on two processes, too")
    parser.add_argument("--output", type=Path, metavar="FILE")
    chosen = parser.parse_args()
    options = {"runs": chosen.runs, "metrics_reloaded": chosen.metrics_reloaded}
    where = machine()
    tables: list[Table] = []
    parts: list[str] = []
    with tempfile.TemporaryDirectory(prefix="uptake-benchmark-") as name:
        folder = Path(name)
        for one in inputs(folder):
            if chosen.only and one.name not in chosen.only:
                continue
            tables.append(
                Table(one, (), Measured()) if one.absent else table(one, chosen.peers, options)
            )
            parts += report(tables[-1])
            if one.name == "whole-body":
                parts += report_stages(one)
        if chosen.cohort:
            parts += report_cohort(folder)
    told = [one for one in tables if not one.pair.absent and not one.catalogue.problem]
    head = [f"Measured {datetime.now(UTC):%Y-%m-%d} on {where}. {versions(tables)}.\n"]
    text = "\n".join([*head, *metrics_of(told), *agreement(told), *least_ratios(told), *parts])
    print(text)
    if chosen.output:
        chosen.output.write_text(text)


if __name__ == "__main__":
    main()
