"""Take the next run, put its container through the sandbox, and keep what came out."""

import hashlib
import shutil
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from challenges import leases
from challenges.definition import ChallengeDefinition
from challenges.definition.limits import PhaseLimits
from challenges.models import Phase
from challenges.selectors import definition_of
from challenges.storage import private, untrusted
from evaluation.isolated import IsolatedProcessFailed, IsolatedProcessStopped
from submissions.judging.outcomes import Accepted, judge, own_doing
from submissions.judging.requests import asked_of_baseline, asked_of_masks_alone, request_of
from submissions.models import Attempt, Kind, Prediction, Run
from submissions.sandbox.container import ContainerProgram
from submissions.sandbox.engine import GVISOR, Engine
from submissions.sandbox.outcome import (
    Failure,
    Outcome,
    Owner,
    Program,
    SandboxError,
    Stopped,
    Stopwatch,
)
from submissions.sandbox.places import Places
from submissions.sandbox.process import BaselineProcess
from submissions.services import hosts, lifecycle, quotas
from submissions.services.checking import stored_config
from submissions.services.hints import RUN, SCORE, hint, hint_after_commit
from submissions.services.predictions import MadeElsewhere, mask_of
from submissions.services.scoring import input_of

log = structlog.get_logger(__name__)
State = Run.State


def run_next(*, worker: str, engine: Engine | None) -> bool:
    """Run the first queued run that this host can run; False when there is none.

    Canaries first, so that a broken container fails in seconds; then in order of receipt. Without
    an engine only the project's own baselines and masks that were made elsewhere are taken, and an
    uploaded container waits; so do runs that require gVisor where the engine lacks it.
    """
    if hosts.takes_nothing_new(worker):
        return False
    queued = (
        Run.objects.filter(
            lifecycle.eligible(), state=State.QUEUED, submission__state__in=lifecycle.LIVE
        )
        .exclude(submission__in=quotas.waiting_for_their_turn())
        .select_related(
            "submission__version__image",
            "submission__version__upload",
            "submission__phase__challenge",
            "case",
        )
        .order_by("-is_canary", "submission__received_at", "submission_id", "case__position")
    )
    if engine is None:
        queued = queued.filter(submission__version__image=None)
    elif GVISOR not in engine.runtimes:
        queued = queued.exclude(
            submission__version__image__isnull=False,
            submission__phase__sandbox=Phase.Sandbox.GVISOR,
        )
    for run in queued[:20]:
        if leases.claim(run, source=State.QUEUED, target=State.RUNNING, worker=worker):
            lifecycle.advance(submission=run.submission)
            _execute(run, worker, engine)
            hint(RUN)
            return True
    return False


def _execute(run: Run, worker: str, engine: Engine | None) -> None:
    """One attempt. Only here is a fault of the platform told from one of the algorithm."""
    case, definition = input_of(run.case), _asked_of(run)
    request = request_of(
        run=run.public_id,
        attempt=run.fence,
        case=case,
        definition=definition,
        limits=PhaseLimits.kept(run.submission.phase),
        writable=run.submission.version.writable,
        work=Path(untrusted().path(f"work/run-{run.public_id}-{run.fence}")),
    )
    image = run.submission.version.image
    attempt = Attempt.objects.create(
        run=run,
        fence=run.fence,
        worker=worker,
        limits=request.limits.to_json(),
        image_digest=image.digest if image else "",
        input_sha256=_joined_hash(run),
    )
    heart = leases.Heart(run, state=State.RUNNING)
    request.work.mkdir(parents=True)
    try:
        outcome = _program(run, engine).run(request, heart.stopped)
        clock = Stopwatch()
        with clock.stage("decode"):
            judged = judge(outcome, definition, case.grid, heart.stopped)
        if isinstance(judged, Accepted):
            _write(run, judged)
        else:
            judged = _own_doing(run, judged)
        outcome.stages.update(clock.stages)
    except (Stopped, IsolatedProcessStopped):
        log.info("run.stopped", run=run.public_id, fence=run.fence)
        return
    except (SandboxError, IsolatedProcessFailed) as error:
        log.warning("run.platform_fault", run=run.public_id, code=error.code, error=error.message)
        _platform_fault(run, attempt, Failure(error.code, error.message, Owner.PLATFORM))
        return
    except OSError as error:
        log.exception("run.disk_fault", run=run.public_id)
        text = f"The platform could not read or write a file ({error.strerror})."
        _platform_fault(run, attempt, Failure("disk_fault", text, Owner.PLATFORM))
        return
    finally:
        shutil.rmtree(request.work, ignore_errors=True)  # gone, where the lease was lost
    if isinstance(judged, Failure) and judged.owner is Owner.PLATFORM:
        _platform_fault(run, attempt, judged, outcome)
    elif _finish(run, attempt, outcome, judged):
        _after(run)


def _asked_of(run: Run) -> ChallengeDefinition:
    definition = definition_of(run.submission.phase.challenge)
    if run.submission.version.kind == Kind.PREDICTIONS:
        return asked_of_masks_alone(definition)
    if run.submission.version.program is not None:
        return asked_of_baseline(definition)
    return definition


def _own_doing(run: Run, failure: Failure) -> Failure:
    return own_doing(failure, run.attempts.filter(reason_code=failure.code).count())


def _program(run: Run, engine: Engine | None) -> Program:
    submission, version = run.submission, run.submission.version
    places = Places(Path(settings.STATE) / "places", settings.SANDBOX_SLOTS)
    if version.program is not None:
        script = settings.BASELINES / version.program["script"]
        return BaselineProcess(script, version.program["environment"], places)
    if version.kind == Kind.PREDICTIONS and version.upload is not None:
        return MadeElsewhere(mask_of(version.upload, run.case))
    if version.image is None or engine is None:
        raise SandboxError("no_engine", "This host has no Docker engine.")
    archive = Path(version.image.file.path)
    return ContainerProgram(
        engine,
        version.image.digest,
        stored_config(version.image),
        lambda: archive,
        runtime=engine.runtime_for(
            gvisor=settings.GVISOR == "auto",
            required=submission.phase.sandbox == Phase.Sandbox.GVISOR,
        ),
        places=places,
    )


def _finish(run: Run, attempt: Attempt, outcome: Outcome, judged: Accepted | Failure) -> bool:
    """Store the outcome, if the run is still ours."""
    name = _prediction_name(run)
    failure = judged if isinstance(judged, Failure) else None
    with transaction.atomic():
        ours = leases.leave(
            run,
            source=State.RUNNING,
            target=State.COLLECTED,
            reason_code=failure.code if failure else "",
            reason_text=failure.message if failure else "",
            platform_faults=0,
        )
        if ours:
            _record(attempt, outcome, failure)
            if isinstance(judged, Accepted):
                Prediction.objects.create(
                    run=run,
                    attempt=attempt,
                    file=name,
                    sha256=judged.sha256,
                    sketch=judged.sketch,
                    outputs=judged.outputs,
                    probability=_map_name(run) if judged.probability else "",
                    probability_sha256=judged.probability.sha256 if judged.probability else "",
                    stated=judged.stated,
                )
                attempt.output_sha256 = judged.sha256
                attempt.save(update_fields=["output_sha256"])
    if not ours and isinstance(judged, Accepted):
        for file in _files(run, judged):
            file.unlink()
    return ours


def _prediction_name(run: Run) -> str:
    """With the fence, so that a late writer does not touch its successor's."""
    return f"predictions/{run.submission.public_id}/{run.public_id}-{run.fence}.mha"


def _map_name(run: Run) -> str:
    return _prediction_name(run).removesuffix(".mha") + ".probability.mha"


def _files(run: Run, accepted: Accepted) -> dict[Path, bytes]:
    """All that is kept of a mask that was accepted."""
    files = {Path(private().path(_prediction_name(run))): accepted.content}
    if accepted.probability is not None:
        files[Path(private().path(_map_name(run)))] = accepted.probability.content
    return files


def _write(run: Run, accepted: Accepted) -> None:
    files = _files(run, accepted)
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError:
        for path in files:
            path.unlink(missing_ok=True)
        raise


def _record(attempt: Attempt, outcome: Outcome, failure: Failure | None) -> None:
    attempt.sandbox = outcome.sandbox
    attempt.started_at = outcome.started_at
    attempt.ended_at = outcome.ended_at
    attempt.seconds = outcome.seconds
    attempt.exit_code = outcome.exit_code
    attempt.signal = outcome.signal
    attempt.out_of_memory = outcome.out_of_memory
    attempt.peak_memory_bytes = outcome.usage.peak_memory_bytes
    attempt.cpu_seconds = outcome.usage.cpu_seconds
    attempt.measured = outcome.usage.measured
    attempt.warning = outcome.warning
    attempt.stages = outcome.stages
    attempt.log = outcome.log.replace("\x00", "")
    if failure is not None:
        attempt.reason_code, attempt.reason_text = failure.code, failure.message
        attempt.reason_owner = failure.owner.value
    attempt.save()


def _after(run: Run) -> None:
    if run.is_canary:
        lifecycle.conclude_canary(canary=run)
    lifecycle.stop_what_is_too_much(submission=run.submission)
    lifecycle.advance(submission=run.submission)
    hint(SCORE)


@transaction.atomic
def _platform_fault(
    run: Run, attempt: Attempt, failure: Failure, outcome: Outcome | None = None
) -> None:
    """Try again, a little later; after PLATFORM_FAULTS times the submission fails, as ours."""
    again = lifecycle.try_again_or_fail(
        row=run,
        source=State.RUNNING,
        target=State.QUEUED,
        stage="run",
        code=failure.code,
        text=failure.message,
    )
    if outcome is not None and again:
        _record(attempt, outcome, failure)
    # A late writer finds its attempt ended by the reconciler, and leaves it as it is.
    Attempt.objects.filter(pk=attempt.pk, fence=run.fence, ended_at=None).update(
        ended_at=timezone.now(),
        reason_code=failure.code,
        reason_text=failure.message,
        reason_owner=failure.owner.value,
    )
    if again:
        hint_after_commit(RUN)


def _joined_hash(run: Run) -> str:
    hashes = run.case.images.order_by("modality").values_list("sha256", flat=True)
    return hashlib.sha256("".join(hashes).encode()).hexdigest()
