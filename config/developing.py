"""Commands of those who develop an algorithm: try its container, and begin a new one."""

import json
import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from config.starter import Kind, StarterRefused, write_starter

if TYPE_CHECKING:
    from submissions.sandbox.engine import Engine
    from submissions.trying.results import Results
    from submissions.trying.running import Trial
    from submissions.trying.stopping import Interruption

console = Console(highlight=False)
FAILED, NOT_TRIED, INTERRUPTED = 1, 2, 130
_NO_ENGINE = (
    "No Docker engine answers on this machine. Install one (Debian, Ubuntu: sudo apt-get install "
    "docker.io), start it, and see that you may use it: docker run --rm hello-world. "
    "./uptake doctor says more."
)


class Runtime(StrEnum):
    AUTO = "auto"
    RUNC = "runc"
    GVISOR = "gvisor"


def try_image(
    image: Annotated[
        str, typer.Argument(help="An image of this machine's Docker, or a tarball of one.")
    ],
    challenge: Annotated[
        str,
        typer.Option(help="challenge.yaml, a folder with one, or the address of its page."),
    ],
    cases: Annotated[
        Path, typer.Option(help="Cases with references: a download of the challenge, unpacked.")
    ],
    phase: Annotated[str, typer.Option(help="Whose limits hold, where there are several.")] = "",
    case: Annotated[
        list[str] | None, typer.Option(help="Only this case, by its name; repeatable.")
    ] = None,
    writable: Annotated[
        list[str] | None,
        typer.Option(help="A folder of the image that its program writes to; repeatable."),
    ] = None,
    runtime: Annotated[
        Runtime, typer.Option(help="auto: gVisor where this machine has it, as on a server.")
    ] = Runtime.AUTO,
    keep: Annotated[
        Path | None, typer.Option(help="A new folder for masks, logs in full and results.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="A file for the results, as JSON.")
    ] = None,
) -> None:
    """Run a container on cases as the server would: same sandbox, limits, reasons and scores.

    Ends with 0 where every case has a score, with 1 where the algorithm failed, and with 2 where it
    could not be tried.
    """
    from evaluation.isolated import IsolatedProcessFailed, IsolatedProcessStopped
    from submissions.judging.images import ImageRefused
    from submissions.sandbox.outcome import SandboxError, Stopped
    from submissions.trying.refused import TrialRefused
    from submissions.trying.stopping import Interrupted, interruptible

    try:
        with interruptible() as interruption:
            results = _tried(
                image,
                challenge=challenge,
                cases=cases,
                phase=phase,
                names=case or [],
                writable=writable or [],
                runtime=runtime,
                keep=keep,
                json_file=json_file,
                interruption=interruption,
            )
    except TrialRefused as refusal:
        raise _not_tried(*refusal.problems) from None
    except ImageRefused as refusal:
        _show_refused_image(refusal)
        raise typer.Exit(FAILED) from None
    except (SandboxError, IsolatedProcessFailed) as error:
        text = _NO_ENGINE if error.code == "engine_unreachable" else ""
        raise _not_tried(f"This machine could not do its part: {error.message}", text) from None
    except OSError as error:
        raise _not_tried(f"A file cannot be read or written: {error}") from None
    except (Interrupted, Stopped, IsolatedProcessStopped):
        console.print("Stopped; nothing of it is left.")
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(0 if results.every_case_has_a_score else FAILED)


def new_algorithm(
    name: Annotated[str, typer.Argument(help="Of its image: small letters, digits, hyphens.")],
    folder: Annotated[
        Path | None, typer.Option(help="A new folder; by default one of that name, here.")
    ] = None,
    kind: Annotated[
        Kind, typer.Option("--with", help="What the program reads and writes images with.")
    ] = Kind.NUMPY,
) -> None:
    """Write a container that works: program, Dockerfile, and a simulated case to try it on."""
    target = folder or Path(name)
    try:
        write_starter(name, target, kind)
    except StarterRefused as refusal:
        raise _not_tried(str(refusal)) from None
    place = escape(str(target))
    console.print(f"{place} is ready; its README.md says more.\n")
    if kind is Kind.NNUNET:
        console.print(f"  put your trained model's folder to {place}/model, then:")
    console.print(f"  docker build -t {name} {place}", soft_wrap=True)
    console.print(
        f"  ./uptake try {name} --challenge {place}/challenge.yaml --cases {place}/cases",
        soft_wrap=True,
    )


def _tried(
    image: str,
    *,
    challenge: str,
    cases: Path,
    phase: str,
    names: Sequence[str],
    writable: Sequence[str],
    runtime: Runtime,
    keep: Path | None,
    json_file: Path | None,
    interruption: "Interruption",
) -> "Results":
    from challenges.definition.limits import PhaseLimits
    from config.trial_screen import Screen, show_results, show_trial
    from submissions.judging.writable import refused_paths
    from submissions.sandbox.volumes import declared_volumes
    from submissions.trying.cases import cases_in
    from submissions.trying.challenge import definition_from, phase_from
    from submissions.trying.image import image_from
    from submissions.trying.keeping import Keeping
    from submissions.trying.place import own_engine, own_folder
    from submissions.trying.refused import TrialRefused
    from submissions.trying.results import Results
    from submissions.trying.running import Means, Trial, run_trial

    if refused := refused_paths(writable):
        raise TrialRefused(refused)
    definition = definition_from(challenge)
    chosen_phase = phase_from(definition, phase)
    keeping = Keeping(keep)
    with own_folder(interruption) as folder:
        chosen = cases_in(cases, definition, chosen_phase, names, folder)
        with (
            own_engine(folder, interruption) as engine,
            Screen(console, len(chosen.cases)) as shown,
        ):
            limits = PhaseLimits.declared(chosen_phase.limits)
            trial = Trial(
                definition=definition,
                limits=limits,
                cases=chosen.cases,
                image=image_from(image, engine, folder, shown.image),
                writable=tuple(declared_volumes(writable)),
                runtime=_runtime(engine, runtime),
            )
            with interruption.held():
                held, unheld = _protections(engine, trial.runtime)
            warnings = [chosen.notice, *_differences(trial), *unheld]
            show_trial(console, trial, chosen_phase, held=held, warnings=warnings)
            done = run_trial(trial, Means(engine, folder, keeping, shown, interruption))
    results = Results(definition, done)
    document = {
        "image": trial.image.digest,
        "phase": chosen_phase.slug,
        "runtime": trial.runtime,
        **results.to_json(),
    }
    keeping.results(document)
    if json_file is not None:
        json_file.write_text(json.dumps(document, indent=1), "utf-8")
    show_results(console, results, keep)
    return results


def _runtime(engine: "Engine", wanted: Runtime) -> str:
    """The one that a server would choose, or the one that was asked for."""
    from submissions.sandbox.engine import GVISOR
    from submissions.trying.refused import TrialRefused

    if wanted is Runtime.GVISOR and GVISOR not in engine.runtimes:
        raise TrialRefused(
            "This machine's engine has no gVisor. Install it (sudo apt-get install runsc), and add "
            'it to /etc/docker/daemon.json: {"runtimes": {"runsc": {"path": "/usr/bin/runsc"}}}'
        )
    return engine.runtime_for(gvisor=wanted is not Runtime.RUNC, required=False)


def _differences(trial: "Trial") -> list[str]:
    """Where this machine has less than a run may use."""
    from submissions.sandbox.engine import GVISOR

    found = []
    if trial.limits.requires_gvisor and trial.runtime != GVISOR:
        found.append(
            "The phase requires gVisor; this trial runs without it. There a program may behave in "
            "another way: some system calls are missing, files and processes are slower."
        )
    if (cpus := len(os.sched_getaffinity(0))) < trial.limits.cpus:
        found.append(f"A run may use {trial.limits.cpus} CPUs; this machine has {cpus}.")
    memory_mib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024**2
    if memory_mib < trial.limits.memory_mib:
        found.append(
            f"A run may use {trial.limits.memory_mib} MiB of memory; this machine has {memory_mib}."
        )
    return found


def _protections(engine: "Engine", runtime: str) -> tuple[list[str], list[str]]:
    """Those that hold, as the kernel tells of a container, and what is to be known of the rest."""
    from config.finding import Verdict
    from config.protections import judge
    from submissions.sandbox.probe import probe

    told: dict[bool, list[str]] = {True: [], False: []}
    for finding in judge(probe(engine, runtime), engine.info):
        told[finding.verdict is Verdict.GOOD].append(f"{finding.what}: {finding.found}")
    return told[True], told[False]


def _show_refused_image(refusal: Exception) -> None:
    from submissions.judging.images import STAGE, ImageRefused
    from submissions.reasons import reason_of

    if not isinstance(refusal, ImageRefused):
        raise TypeError(type(refusal))
    reason = reason_of(refusal.code, refusal.message, of_image=True, stage=STAGE, in_full=True)
    if reason is not None:
        console.print(f"[red]{escape(reason.title)}[/]  [dim](stage: {reason.stage})[/]")
        console.print(escape(reason.text))


def _not_tried(*problems: str) -> typer.Exit:
    for problem in filter(None, problems):
        Console(stderr=True, highlight=False).print(f"[red]{escape(problem)}[/]", soft_wrap=True)
    return typer.Exit(NOT_TRIED)
