"""One untrusted image on one case: stage, wait for a place, start, watch, collect, remove."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from docker.models.containers import Container

from submissions.sandbox.archive import ImageConfig
from submissions.sandbox.creation import (
    Names,
    create_algorithm,
    create_keeper,
    create_volumes,
    remove_all,
    tasks_limit,
)
from submissions.sandbox.engine import (
    ENGINE_ERRORS,
    Engine,
    ImageUnusable,
    closing_stream,
    platform_fault,
)
from submissions.sandbox.outcome import (
    MIB,
    Failure,
    Limits,
    Outcome,
    RunRequest,
    SandboxError,
    Stopped,
    Stopwatch,
)
from submissions.sandbox.places import Places
from submissions.sandbox.staging import collect_output, input_stream
from submissions.sandbox.usage import Group, Usage
from submissions.sandbox.verdict import Ending, failure_of, signal_of, warning_of
from submissions.sandbox.writable import WritableTooLarge, fill_writable

log = logging.getLogger(__name__)
GRACE_SECONDS = 5
_UNKILLABLE_SECONDS = 120
_LOG_BYTES = 64 * 1024
_SAMPLE_SECONDS = 1.0
_TELL_SECONDS = 0.5


@dataclass
class _Watch:
    """What is known of a run so far. group: where the kernel counts what it uses, if to be seen."""

    timed_out: bool = False
    usage: Usage = field(default_factory=Usage)
    group: Group | None = None
    clock: Stopwatch = field(default_factory=Stopwatch)


class Observer(Protocol):
    """Whoever watches a run on the own machine; nothing that it does changes the outcome."""

    def running(self, seconds: float, usage: Usage) -> None:
        """Told about twice a second, while the program runs."""

    def logged(self, chunks: Iterable[bytes]) -> None:
        """All of the log that the engine has kept, once the program has ended."""


@dataclass(frozen=True)
class _Ended:
    started_at: datetime
    seconds: float
    state: dict[str, Any]


class ContainerProgram:
    """An uploaded image. archive gives the canonical tarball when the engine lacks the image.

    runtime: what contains it, one of ``engine.runtimes``. places: where it waits, once it is
    staged, until it may run. observer: told of the run while it goes on.
    """

    def __init__(
        self,
        engine: Engine,
        digest: str,
        config: ImageConfig,
        archive: Callable[[], Path],
        *,
        runtime: str,
        places: Places,
        observer: Observer | None = None,
    ) -> None:
        self._engine = engine
        self._digest = digest
        self._config = config
        self._archive = archive
        self._runtime = runtime
        self._places = places
        self._observer = observer

    def run(self, request: RunRequest, should_stop: Callable[[], bool]) -> Outcome:
        watch = _Watch()
        names = Names.of(self._engine, request)
        try:
            with watch.clock.stage("load"):
                image = self._load(should_stop)
            with (
                platform_fault("engine_failed"),
                self._prepared(image, request, names, watch) as container,
            ):
                with ExitStack() as place:
                    with watch.clock.stage("place"):
                        reserved = self._places.reserve(request.limits.cpus, should_stop)
                        cpus = place.enter_context(reserved)
                    ended = self._execute(container, cpus, request.limits, watch, should_stop)
                # The place is free again: the next run starts while this one is collected.
                with watch.clock.stage("collect"):
                    return self._collect(container, request, names, ended, watch, should_stop)
        except ImageUnusable as error:
            return _not_started("image_unusable", f"The engine refuses the image: {error}", watch)
        except WritableTooLarge as error:
            return _not_started("writable_too_large", str(error), watch)

    def _load(self, should_stop: Callable[[], bool]) -> str:
        """In a thread, since a large image takes minutes, in which the lease has to be kept.

        An engine does not stop loading half-way; so it is waited for even when asked to stop.
        """
        with ThreadPoolExecutor(1) as pool:
            loading = pool.submit(self._engine.ensure_image, self._digest, self._archive)
            stopped = False
            while not wait([loading], timeout=0.5).done:
                stopped = should_stop()
            if stopped:
                raise Stopped
            return loading.result()

    @contextmanager
    def _prepared(
        self, image: str, request: RunRequest, names: Names, watch: _Watch
    ) -> Iterator[Container]:
        """The volumes, the keeper that holds them, and the container that is to be started; all
        removed whatever happens."""
        try:
            with watch.clock.stage("stage"):
                create_volumes(self._engine, request, names)
                keeper = create_keeper(self._engine, request, names)
                keeper.put_archive("/input", input_stream(request.images, request.inputs))
                keeper.start()
                account = self._engine.resolve_user(
                    self._digest,
                    image,
                    self._config.user,
                    run=request.run,
                    attempt=request.attempt,
                )
                fill_writable(self._engine, image, account, keeper, request, names)
                container = create_algorithm(
                    self._engine, image, self._config, account, request, names, self._runtime
                )
                keeper.reload()
                watch.group = Group.of(keeper.attrs["State"]["Pid"], names.base)
            yield container
        finally:
            with watch.clock.stage("remove"):
                remove_all(self._engine, names)

    def _execute(
        self,
        container: Container,
        cpus: tuple[int, ...],
        limits: Limits,
        watch: _Watch,
        should_stop: Callable[[], bool],
    ) -> _Ended:
        with watch.clock.stage("start"):
            container.update(cpuset_cpus=",".join(map(str, cpus)))
            started, clock = datetime.now(UTC), time.monotonic()
            container.start()
        with watch.clock.stage("wait"):
            state = self._wait(container, limits, watch, should_stop)
        return _Ended(started, time.monotonic() - clock, state)

    def _wait(
        self,
        container: Container,
        limits: Limits,
        watch: _Watch,
        should_stop: Callable[[], bool],
    ) -> dict[str, Any]:
        """Watch until it ends by itself, exceeds its time, or is asked to stop."""
        api, name = self._engine.client.api, container.name or ""
        start, next_sample, next_told = time.monotonic(), 0.1, 0.0
        killed = False
        while True:
            state: dict[str, Any] = api.inspect_container(name)["State"]
            if not state["Running"]:
                return state
            elapsed = time.monotonic() - start
            if should_stop():
                raise Stopped
            over = elapsed - limits.seconds
            if over > _UNKILLABLE_SECONDS:
                raise SandboxError("unkillable", "The container survived SIGKILL.")
            if over > 0 and not watch.timed_out:
                watch.timed_out = True
                _signal(container, "SIGTERM")
            if over > GRACE_SECONDS and not killed:
                killed = True
                _signal(container, "SIGKILL")
            if watch.group is None and elapsed > next_sample:
                next_sample = elapsed + _SAMPLE_SECONDS
                watch.usage = _sampled(api.stats(name, stream=False, one_shot=True), watch.usage)
            if self._observer is not None and elapsed > next_told:
                next_told = elapsed + _TELL_SECONDS
                self._observer.running(elapsed, watch.group.usage() if watch.group else watch.usage)
            time.sleep(min(0.2, 0.01 + elapsed * 0.02))

    def _collect(
        self,
        container: Container,
        request: RunRequest,
        names: Names,
        ended: _Ended,
        watch: _Watch,
        should_stop: Callable[[], bool],
    ) -> Outcome:
        if watch.group is not None:
            watch.usage = watch.group.usage()
        if self._observer is not None:
            self._observer.logged(container.logs(stream=True, follow=False))
        text = container.logs(tail=500)[-_LOG_BYTES:].decode("utf-8", "replace")
        stream, _ = self._engine.client.containers.get(names.keeper).get_archive("/output")
        with closing_stream(stream):
            collected = collect_output(
                stream,
                slug=request.output_slug,
                documents=request.outputs,
                confidence=request.confidence,
                target=request.work / "mask",
                limit_bytes=request.limits.output_mib * MIB,
                should_stop=should_stop,
            )
        ending = Ending(
            state=ended.state,
            runtime=self._runtime,
            timed_out=watch.timed_out,
            seconds=ended.seconds,
            output_bytes=collected.bytes_used,
            usage=watch.usage,
            tasks_limit=tasks_limit(request.limits, self._runtime),
            log=text,
        )
        failure = failure_of(ending, request.limits) or collected.failure
        return Outcome(
            sandbox=f"docker/{self._runtime}",
            started_at=ended.started_at,
            ended_at=datetime.now(UTC),
            seconds=ended.seconds,
            exit_code=ending.exit_code,
            signal=signal_of(ending.exit_code),
            out_of_memory=ending.out_of_memory,
            usage=watch.usage,
            log=text,
            mask=collected.mask if failure is None else None,
            documents=collected.documents if failure is None else {},
            confidence=collected.confidence if failure is None else None,
            failure=failure,
            warning=warning_of(ending),
            stages=watch.clock.stages,
        )


def _not_started(code: str, text: str, watch: _Watch) -> Outcome:
    now = datetime.now(UTC)
    return Outcome(
        sandbox="",
        started_at=now,
        ended_at=now,
        seconds=0.0,
        exit_code=None,
        signal=None,
        out_of_memory=False,
        usage=Usage(),
        log="",
        mask=None,
        failure=Failure(code, text),
        stages=watch.clock.stages,
    )


def _signal(container: Container, name: str) -> None:
    try:
        container.kill(name)
    except ENGINE_ERRORS:
        log.info("could not send %s to %s: has it ended?", name, container.name, exc_info=True)


def _sampled(stats: dict[str, Any], before: Usage) -> Usage:
    memory = stats.get("memory_stats", {})
    seen = memory.get("max_usage") or memory.get("usage")
    used = stats.get("cpu_stats", {}).get("cpu_usage", {}).get("total_usage")
    peak = max(int(seen or 0), before.peak_memory_bytes or 0) or None
    return Usage(peak, int(used) / 1e9 if used else before.cpu_seconds, "sampled")
