"""Run an image on one case after the other, by the rules by which a server runs a submission."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from challenges.definition import ChallengeDefinition
from challenges.definition.limits import PhaseLimits
from challenges.ingest import CaseFiles
from submissions.judging.outcomes import Accepted, is_maybe_its_own, judge, own_doing
from submissions.judging.requests import request_of
from submissions.judging.scores import Stated, score_against
from submissions.judging.stopping import ends_submission, limit_reached
from submissions.sandbox.container import ContainerProgram
from submissions.sandbox.engine import Engine
from submissions.sandbox.outcome import Failure, Owner, SandboxError
from submissions.sandbox.places import Places
from submissions.sandbox.usage import Usage
from submissions.trying.cases import ReadyCase, prepare
from submissions.trying.image import TriedImage
from submissions.trying.keeping import Keeping
from submissions.trying.results import CaseTrial
from submissions.trying.stopping import Interruption

# It decides nothing, and here the log is the developer's own: more of it is kept than on a server.
_LOG_MIB = 64


class Watcher:
    """Told how a trial goes on; this one does nothing with it."""

    def stage(self, number: int, case: str, stage: str) -> None:
        """stage: preparing, running, reading, scoring. number: of the case, from 1."""

    def running(self, seconds: float, usage: Usage) -> None:
        """Of the program that runs."""

    def ended(self, trial: CaseTrial) -> None:
        """One case is done."""


@dataclass(frozen=True)
class Trial:
    """What is tried, on what, within which limits. runtime: what contains it."""

    definition: ChallengeDefinition
    limits: PhaseLimits
    cases: tuple[CaseFiles, ...]
    image: TriedImage
    writable: tuple[str, ...]
    runtime: str


@dataclass(frozen=True)
class Means:
    """What a trial is done with. work: an empty folder."""

    engine: Engine
    work: Path
    keeping: Keeping
    watcher: Watcher
    interruption: Interruption


class _Observing:
    """Of one case, for who watches and who keeps."""

    def __init__(self, means: Means, case: str) -> None:
        self._means = means
        self._case = case

    def running(self, seconds: float, usage: Usage) -> None:
        self._means.watcher.running(seconds, usage)

    def logged(self, chunks: Iterable[bytes]) -> None:
        self._means.keeping.log(self._case, chunks)


def run_trial(trial: Trial, means: Means) -> tuple[CaseTrial, ...]:
    """Every case in turn; the first one's failure ends it, and so do the phase's own limits.

    Raises TrialRefused for a case that cannot be prepared; SandboxError and IsolatedProcessFailed
    where this machine, not the algorithm, is at fault; Stopped or Interrupted after a signal;
    OSError.
    """
    done: list[CaseTrial] = []
    seconds, failed_in_a_row, reached = 0.0, 0, None
    for number, files in enumerate(trial.cases, start=1):
        tell = _teller(means, number, files.name)
        tell("preparing")
        folder = means.work / f"case-{number}"
        case = prepare(files, trial.definition, folder)
        if reached is None:
            found = _run(trial, means, number, case, tell)
            seconds += (found.outcome.seconds or 0.0) if found.outcome else 0.0
            failed_in_a_row = failed_in_a_row + 1 if found.failure else 0
        else:
            found = CaseTrial(files.name, failure=reached)
        code = found.failure.code if found.failure else ""
        ended = ends_submission(is_canary=number == 1, code=code)
        if not ended:
            tell("scoring")
            found = _score(trial, means, found, case, folder / "mask.mha")
        shutil.rmtree(folder)
        done.append(found)
        means.watcher.ended(found)
        if ended:
            return (*done, *(CaseTrial(one.name) for one in trial.cases[1:]))
        reached = reached or limit_reached(
            trial.limits, seconds=seconds, failed_in_a_row=failed_in_a_row
        )
    return tuple(done)


def _teller(means: Means, number: int, case: str) -> Callable[[str], None]:
    return lambda stage: means.watcher.stage(number, case, stage)


def _run(
    trial: Trial, means: Means, number: int, case: ReadyCase, tell: Callable[[str], None]
) -> CaseTrial:
    """As often as the server would try; its mask, where there is one, lies beside the images."""
    program = ContainerProgram(
        means.engine,
        trial.image.digest,
        trial.image.inspected.config,
        lambda: trial.image.archive,
        runtime=trial.runtime,
        places=Places(means.work / "places", 1),
        observer=_Observing(means, case.name),
    )
    before: Counter[str] = Counter()
    while True:
        tell("running")
        work = means.work / "run"
        work.mkdir()
        attempt = sum(before.values()) + 1
        request = request_of(
            run=f"case{number}",
            attempt=attempt,
            case=case.input,
            definition=trial.definition,
            limits=trial.limits,
            writable=trial.writable,
            work=work,
        )
        request = replace(request, limits=replace(request.limits, log_mib=_LOG_MIB))
        with means.interruption.held():
            outcome = program.run(request, means.interruption)
        tell("reading")
        judged = judge(outcome, trial.definition, case.input.grid, means.interruption)
        if isinstance(judged, Failure):
            judged = own_doing(judged, before[judged.code])
        means.keeping.outcome(case.name, outcome, judged if isinstance(judged, Accepted) else None)
        shutil.rmtree(work)
        if isinstance(judged, Accepted):
            (case.input.pet.parent / "mask.mha").write_bytes(judged.content)
            return CaseTrial(
                case.name,
                outcome=outcome,
                sha256=judged.sha256,
                stated=_stated(judged, case.input.pet.parent / "probability.mha"),
            )
        if judged.owner is not Owner.PLATFORM:
            return CaseTrial(case.name, failure=judged, outcome=outcome)
        if not is_maybe_its_own(judged):
            raise SandboxError(judged.code, judged.message)
        before[judged.code] += 1


def _stated(accepted: Accepted, target: Path) -> Stated:
    """Its map, where there is one, is written to ``target``."""
    if accepted.probability is None:
        return Stated(value=accepted.stated)
    target.write_bytes(accepted.probability.content)
    return Stated(target)


def _score(trial: Trial, means: Means, found: CaseTrial, case: ReadyCase, mask: Path) -> CaseTrial:
    scored = score_against(
        case.targets,
        mask if found.failure is None else None,
        case.input,
        trial.definition.evaluation,
        means.interruption,
        stated=found.stated,
    )
    return replace(found, scored=scored, failure=found.failure or scored.failure)
