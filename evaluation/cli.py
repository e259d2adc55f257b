"""Score masks on one's own machine: ``python -m evaluation`` or ``./uptake``, without Django."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from evaluation import tables
from evaluation.batch import Outcome, cohort_of, score_cases
from evaluation.case_table import read_case_table
from evaluation.cases import CaseFiles, FoldersRefused, pair_up
from evaluation.confidence import ConfidenceSpec, Kind
from evaluation.documents import DocumentRefused, Problem, read_document
from evaluation.errors import EvaluationError
from evaluation.files import geometry_of
from evaluation.metrics import COHORT, GROUPS, REGISTRY, CohortMetric, Metric
from evaluation.readers import Recipe
from evaluation.resampling import read_on_grid
from evaluation.scoring import scored_with
from evaluation.spec import LABEL_NAME, EvaluationSpec

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Score PET segmentations with the numbers of a platform.",
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
FAILED, MISUSED = 1, 2

Spec = Annotated[
    Path | None,
    typer.Option(help="challenge.yaml: labels, metrics with parameters, empty-mask rules."),
]
Label = Annotated[
    list[str] | None,
    typer.Option(help="name=value of a label in the masks; default: lesion=1. Repeatable."),
]


@app.command()
def score(
    reference: Annotated[Path | None, typer.Argument(help="The reference mask.")] = None,
    prediction: Annotated[Path | None, typer.Argument(help="The mask to score.")] = None,
    references: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of reference masks; once for each reader."),
    ] = None,
    predictions: Annotated[Path | None, typer.Option(help="Folder of masks to score.")] = None,
    pet: Annotated[
        Path | None,
        typer.Option(help="The PET (SUVbw) on the reference's grid, or a folder of them."),
    ] = None,
    probability: Annotated[
        Path | None,
        typer.Option(help="A probability map on the reference's grid, or a folder of them."),
    ] = None,
    spec: Spec = None,
    label: Label = None,
    cases: Annotated[
        Path | None,
        typer.Option(help="cases.csv with case_id and outcomes, for C-index and AUC."),
    ] = None,
    recipe: Annotated[
        Recipe, typer.Option(help="How three or more readers' masks become one reference.")
    ] = Recipe.MAJORITY,
    readers: Annotated[
        bool, typer.Option("--readers", help="Score each reader against the others, too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="A row for each case and label.")] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Default: as many as there are CPUs.")
    ] = None,
) -> None:
    """Score one mask, or a folder of them, against references.

    Exit status: 0 when every case has a result, 1 when one failed, 2 when nothing could be scored.
    """
    if as_json and as_csv:
        raise _misused("Choose --json or --csv.")
    try:
        found = _cases(reference, prediction, references or [], predictions, pet, probability)
        chosen = _spec(
            spec,
            label or [],
            pet=pet is not None,
            several=not reference,
            probability=probability is not None,
        )
        metadata = {} if reference else _metadata(cases, chosen, [one.name for one in found])
        _tell_tolerance(chosen, found[0])
        outcomes = _score(found, chosen, recipe, readers=readers, processes=processes)
        cohort = cohort_of(outcomes, chosen, metadata) if not reference or probability else {}
    except (DocumentRefused, FoldersRefused) as refusal:
        raise _misused("\n".join(map(str, refusal.problems))) from None
    except EvaluationError as error:
        raise _misused(error.message) from None
    except OSError as error:
        raise _misused(f"{error.filename or 'A file'}: {error.strerror}") from None
    except KeyboardInterrupt:
        raise _misused("Interrupted; nothing is printed of the cases that were done.") from None
    if as_json:
        document = {
            "scored_with": dict(scored_with()),
            "evaluation": chosen.model_dump(mode="json", exclude={"ranking"}),
            "cases": [outcome.to_json() for outcome in outcomes],
            "cohort": tables.cohort_json(cohort),
        }
        typer.echo(json.dumps(document, indent=2, allow_nan=False))
    elif as_csv:
        typer.echo(tables.as_csv(outcomes, chosen), nl=False)
    else:
        tables.print_scores(out, outcomes, cohort, chosen, single=reference is not None)
    failed = [one for one in outcomes if one.reason_code]
    for one in failed:
        err.print(
            f"[red]{escape(one.name)} failed[/] ({one.reason_code}): {escape(one.reason)}",
            soft_wrap=True,
        )
    raise typer.Exit(FAILED if failed else 0)


@app.command()
def check(
    prediction: Annotated[Path, typer.Argument(help="The mask.")],
    against: Annotated[Path, typer.Option(help="The image (or reference) it was drawn on.")],
    spec: Spec = None,
    label: Label = None,
) -> None:
    """Say whether a mask would be accepted, and if not, why.

    Exit status: 0 when it would, 1 when not, 2 when that cannot be told.
    """
    try:
        chosen = _spec(spec, label or [], pet=None, several=False)
        grid, labels = geometry_of(against), chosen.labels
    except DocumentRefused as refusal:
        raise _misused("\n".join(map(str, refusal.problems))) from None
    except EvaluationError as error:
        raise _misused(f"{against}: {error.message}") from None
    except OSError as error:
        raise _misused(f"{error.filename}: {error.strerror}") from None
    try:
        mask = read_on_grid(prediction, grid, labels.values(), chosen.resample)
    except EvaluationError as refusal:
        out.print(f"[red]refused[/] ({refusal.code}): {escape(refusal.message)}", soft_wrap=True)
        raise typer.Exit(FAILED) from None
    except OSError as error:
        raise _misused(f"{prediction}: {error.strerror}") from None
    out.print(f"[green]accepted[/]: {escape(str(prediction))}")
    out.print(tables.grid_words(grid))
    for name, value in labels.items():
        count = mask.where(value).size
        out.print(
            f"{name} (value {value}): {count:,} voxels, {count * grid.voxel_volume_ml:.3f} ml"
        )


@app.command()
def metrics(
    name: Annotated[str | None, typer.Argument(help="One metric, in full.")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="As it stands in docs/metrics.md.")
    ] = False,
    empty_masks: Annotated[
        bool, typer.Option("--empty-masks", help="What counts where a mask is empty or missing.")
    ] = False,
    confidence: Annotated[
        bool,
        typer.Option("--confidence", help="What a challenge may ask for beside the mask."),
    ] = False,
) -> None:
    """The catalogue of metrics: id, title, unit, direction, definition, and what each needs."""
    every: list[Metric | CohortMetric] = [*REGISTRY.values(), *COHORT.values()]
    if name is not None:
        every = [metric for metric in every if metric.id == name]
        if not every:
            known = [*REGISTRY, *COHORT]
            close = get_close_matches(name, known, n=3, cutoff=0.5) or known
            raise _misused(f"There is no metric “{name}”. Did you mean {', '.join(close)}?")
    if empty_masks:
        spec = EvaluationSpec(metrics=list(REGISTRY))
        typer.echo(tables.policy_markdown(spec), nl=False)
    elif confidence:
        typer.echo(tables.confidence_markdown())
    elif as_markdown:
        typer.echo(tables.markdown(GROUPS), nl=False)
    elif as_json:
        typer.echo(json.dumps([tables.metric_json(metric) for metric in every], indent=2))
    elif name is not None:
        tables.print_metric(out, every[0])
    else:
        tables.print_catalogue(out, every)


def _misused(text: str) -> typer.Exit:
    err.print(f"[red]{escape(text)}[/]", soft_wrap=True)
    return typer.Exit(MISUSED)


def _cases(
    reference: Path | None,
    prediction: Path | None,
    references: Sequence[Path],
    predictions: Path | None,
    pet: Path | None,
    probability: Path | None,
) -> list[CaseFiles]:
    if reference and prediction and not references and not predictions:
        if not prediction.is_file():
            raise EvaluationError("not_found", f"{prediction} is no file.")
        return [CaseFiles(prediction.name, {"reference": reference}, prediction, pet, probability)]
    if references and predictions and not reference:
        cases, notices = pair_up(references, predictions, pet, probability)
        for notice in notices:
            err.print(f"[yellow]note[/]: {escape(notice)}", soft_wrap=True)
        return cases
    raise EvaluationError(
        "misused",
        "Give two files, REFERENCE and PREDICTION, or two folders, --references and --predictions.",
    )


def _spec(
    file: Path | None,
    labels: Sequence[str],
    *,
    pet: bool | None,
    several: bool,
    probability: bool = False,
) -> EvaluationSpec:
    """What the file says; without one, every metric that can be had. pet: whether there is one;
    None where nothing is scored. probability: whether there are maps."""
    if file is not None:
        if labels:
            raise EvaluationError("misused", "Labels stand in the file; leave --label out.")
        spec = read_document(file, EvaluationSpec, part="evaluation")
        if spec.needs_pet and pet is False:
            wanting = ", ".join(metric.id for metric in spec.shown if metric.needs_pet)
            raise EvaluationError("needs_pet", f"{wanting}: give the PET with --pet.")
        if probability and not (spec.confidence and spec.confidence.is_map):
            raise EvaluationError(
                "misused", f"{file} asks for no probability map; leave --probability out."
            )
        return spec
    named: dict[str, int] = {}
    for text in labels:
        name, value = _label(text)
        if name in named or value in named.values():
            raise EvaluationError("bad_label", f"--label {text}: the name or the value is taken.")
        named[name] = value
    chosen = [metric.id for metric in REGISTRY.values() if pet or not metric.needs_pet]
    if several:
        # Outcomes of patients are columns that only a specification can name.
        chosen += [
            m.id
            for m in COHORT.values()
            if all(p.default is not None for p in m.parameters) and not m.needs_confidence
        ]
    if not probability:
        return EvaluationSpec(labels=named or {"lesion": 1}, metrics=list(chosen))
    if len(named) > 1:
        raise EvaluationError("misused", "A map is of one label; give one --label beside it.")
    chosen += [metric.id for metric in COHORT.values() if metric.needs_confidence]
    return EvaluationSpec(
        labels=named or {"lesion": 1},
        metrics=list(chosen),
        confidence=ConfidenceSpec(kind=Kind.PROBABILITY_MAP, name="probability"),
    )


def _label(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    number = int(value) if re.fullmatch("[0-9]{1,3}", value) else 0
    if not re.fullmatch(LABEL_NAME, name) or not 1 <= number <= 255:
        raise EvaluationError(
            "bad_label",
            f"--label {text}: name=value is expected, such as node=2: a name of small letters, "
            "digits, “-” and “_”, and a value from 1 to 255.",
        )
    return name, number


def _metadata(
    file: Path | None, spec: EvaluationSpec, names: Sequence[str]
) -> Mapping[str, Mapping[str, str]]:
    columns = {
        str(metric.settings[one.id])
        for metric in spec.cohort
        for one in metric.parameters
        if one.default is None
    }
    if file is None:
        if columns:
            raise EvaluationError(
                "needs_cases",
                f"Metrics ask for the columns {', '.join(sorted(columns))}: give --cases.",
            )
        return {}
    problems: list[Problem] = []
    metadata = {row["case_id"]: row for row in read_case_table(file, problems)}
    found = set(next(iter(metadata.values()))) if metadata else columns
    problems += [Problem(file.name, f"has no column {one}") for one in sorted(columns - found)]
    if not set(metadata) & set(names):
        problems.append(Problem(file.name, "has no row of any case that is scored"))
    if problems:
        raise DocumentRefused(problems)
    for name, row in metadata.items():
        for metric in spec.cohort:
            try:
                metric.check(row)
            except EvaluationError as error:
                problems.append(Problem(f"{file.name}, case {name}", error.message))
    if problems:
        raise DocumentRefused(problems)
    return metadata


def _tell_tolerance(spec: EvaluationSpec, case: CaseFiles) -> None:
    """An import refuses such a tolerance; here it is only said."""
    edge = max(geometry_of(next(iter(case.references.values()))).spacing)
    for metric in spec.shown:
        tolerance = metric.settings.get("tolerance_mm")
        if tolerance is not None and float(tolerance) < edge:
            err.print(
                f"[yellow]note[/]: {metric.id} has a tolerance of {tolerance:g} mm, less than the "
                f"voxels’ {edge:.3g} mm; --spec may choose another.",
                soft_wrap=True,
            )


def _score(
    cases: Sequence[CaseFiles],
    spec: EvaluationSpec,
    recipe: Recipe,
    *,
    readers: bool,
    processes: int | None,
) -> list[Outcome]:
    cpus = _cpus()
    used = min(processes or cpus, len(cases))
    scoring = score_cases(
        cases,
        spec,
        recipe=recipe,
        readers=readers,
        processes=used,
        threads=max(1, cpus // used) if processes is None else 1,
    )
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=len(cases) < 3) as progress:
        done = list(progress.track(scoring, len(cases), description="Scoring"))
    return sorted(done, key=lambda one: one.name)


def _cpus() -> int:
    """Those that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
