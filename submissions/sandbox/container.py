"""One untrusted image on one case: stage, start, watch, collect, remove."""

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from docker.errors import APIError
from docker.models.containers import Container
from docker.types import LogConfig, Mount, Ulimit

from submissions.sandbox.archive import ImageConfig
from submissions.sandbox.cpus import reserve
from submissions.sandbox.engine import (
    ENGINE_ERRORS,
    NOBODY,
    Engine,
    ImageUnusable,
    platform_fault,
)
from submissions.sandbox.keeper import IMAGE as KEEPER_IMAGE
from submissions.sandbox.outcome import (
    MIB,
    Failure,
    Limits,
    Outcome,
    Owner,
    RunRequest,
    SandboxError,
    Stopped,
    Stopwatch,
)
from submissions.sandbox.staging import Collected, collect_output, input_stream
from submissions.sandbox.volumes import declared_volumes

log = logging.getLogger(__name__)
GRACE_SECONDS = 5
_UNKILLABLE_SECONDS = 120
# What the init process ends with when it cannot start the program.
_NOT_STARTED = {126: "not executable", 127: "not found"}
_LOG_BYTES = 64 * 1024
_SAMPLE_SECONDS = 1.0
_OUTPUT_FILES = 4096


@dataclass
class _Watch:
    """What was seen of a container while it ran; samples, so peaks may have been missed."""

    timed_out: bool = False
    peak_memory_bytes: int | None = None
    cpu_seconds: float | None = None
    clock: Stopwatch = field(default_factory=Stopwatch)


class ContainerProgram:
    """An uploaded image. archive gives the canonical tarball when the engine lacks the image."""

    def __init__(
        self, engine: Engine, digest: str, config: ImageConfig, archive: Callable[[], Path]
    ) -> None:
        self._engine = engine
        self._digest = digest
        self._config = config
        self._archive = archive

    def run(self, request: RunRequest, should_stop: Callable[[], bool]) -> Outcome:
        watch = _Watch()
        with reserve(request.limits.cpus, self._engine.folder, should_stop) as cpus:
            try:
                with watch.clock.stage("load"):
                    image = self._load(should_stop)
                with platform_fault("engine_failed"), self._prepared(request, watch) as names:
                    with watch.clock.stage("start"):
                        container = self._create(image, request, cpus, names)
                    return self._execute(container, request, names, watch, should_stop)
            except ImageUnusable as error:
                failure = Failure("image_unusable", f"The engine refuses the image: {error}")
                now = datetime.now(UTC)
                return self._outcome("", now, 0.0, None, watch, "", None, failure)

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
    def _prepared(self, request: RunRequest, watch: "_Watch") -> Iterator["_Names"]:
        """The run's two volumes and the keeper that holds them, removed whatever happens."""
        names = _Names.of(self._engine, request)
        try:
            with watch.clock.stage("stage"):
                self._stage(request, names)
            yield names
        finally:
            with watch.clock.stage("remove"):
                self._remove(names)

    def _remove(self, names: "_Names") -> None:
        """What cannot be removed now is left to the reconciler; the outcome is worth more."""
        steps = (
            (self._engine.remove_container, names.algorithm),
            (self._engine.remove_container, names.keeper),
            (self._engine.remove_volume, names.input),
            (self._engine.remove_volume, names.output),
        )
        for remove, name in steps:
            try:
                remove(name)
            except ENGINE_ERRORS:
                log.warning("could not remove %s", name, exc_info=True)

    def _stage(self, request: RunRequest, names: "_Names") -> None:
        client, labels = self._engine.client, self._engine.labels(request.run, request.attempt)
        client.volumes.create(names.input, labels=labels)
        options = f"size={request.limits.output_mib}m,nr_inodes={_OUTPUT_FILES},mode=0777"
        client.volumes.create(
            names.output,
            driver="local",
            driver_opts={"type": "tmpfs", "device": "tmpfs", "o": f"{options},nosuid,nodev"},
            labels=labels,
        )
        keeper = client.containers.create(
            KEEPER_IMAGE,
            name=names.keeper,
            labels=labels,
            network_mode="none",
            read_only=True,
            user=f"{NOBODY}:{NOBODY}",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            pids_limit=64,  # the runtime itself needs some threads to start it
            mem_limit="64m",
            mounts=[
                Mount("/input", names.input, type="volume"),
                Mount("/output", names.output, type="volume", no_copy=True),
            ],
        )
        keeper.put_archive("/input", input_stream(request.images))
        keeper.start()

    def _create(
        self, image: str, request: RunRequest, cpus: tuple[int, ...], names: "_Names"
    ) -> Container:
        limits, config = request.limits, self._config
        account = self._engine.resolve_user(
            self._digest, image, config.user, run=request.run, attempt=request.attempt
        )
        environment = dict(pair.partition("=")[::2] for pair in config.environment)
        environment.setdefault("HOME", account.home)
        memory = (
            limits.engine_memory_bytes
            + len(declared_volumes(config.volumes)) * limits.tmp_mib * MIB
        )
        # Beyond what the mounts hold, so that a full one says that it is full.
        largest = 2 * max(limits.tmp_mib, limits.shm_mib, limits.output_mib) * MIB
        try:
            container = self._engine.client.containers.create(
                image,
                name=names.algorithm,
                labels=self._engine.labels(request.run, request.attempt),
                user=f"{account.uid}:{account.gid}",
                environment=environment,
                network_mode="none",
                read_only=True,
                init=True,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                privileged=False,
                ipc_mode="private",
                pids_limit=limits.pids,
                mem_limit=memory,
                memswap_limit=memory,
                mem_swappiness=0,
                cpuset_cpus=",".join(map(str, cpus)),
                shm_size=limits.shm_mib * MIB,
                ulimits=[
                    Ulimit(name="nofile", soft=limits.open_files, hard=limits.open_files),
                    Ulimit(name="core", soft=0, hard=0),
                    # A sparse file may claim any length without taking room; the kernel refuses it.
                    Ulimit(name="fsize", soft=largest, hard=largest),
                ],
                mounts=[
                    Mount("/input", names.input, type="volume", read_only=True),
                    Mount("/output", names.output, type="volume", no_copy=True),
                    _tmpfs("/tmp", limits),  # noqa: S108
                    *(_tmpfs(path, limits) for path in declared_volumes(config.volumes)),
                ],
                log_config=LogConfig(
                    type="json-file", config={"max-size": f"{limits.log_mib}m", "max-file": "1"}
                ),
                healthcheck={"test": ["NONE"]},
                stop_signal="SIGTERM",
            )
        except APIError as error:
            if error.status_code == 400:  # a path or a variable that no engine takes
                raise ImageUnusable(str(error.explanation or error)) from error
            raise
        mounted = container.attrs["Mounts"] if container.attrs else []
        strange = [
            one["Destination"]
            for one in mounted
            if one["Type"] != "tmpfs" and one.get("Name") not in (names.input, names.output)
        ]
        if strange:
            self._engine.remove_container(names.algorithm)
            raise SandboxError(
                "unlimited_mount", f"The engine mounted {strange} without a limit of size."
            )
        return container

    def _execute(
        self,
        container: Container,
        request: RunRequest,
        names: "_Names",
        watch: "_Watch",
        should_stop: Callable[[], bool],
    ) -> Outcome:
        started, clock = datetime.now(UTC), time.monotonic()
        with watch.clock.stage("start"):
            container.start()
        with watch.clock.stage("wait"):
            state = self._wait(container, request.limits, watch, should_stop)
        seconds = time.monotonic() - clock
        with watch.clock.stage("collect"):
            log, collected = self._collect(container, request, names, should_stop)
        failure = _failure(state, watch, seconds, request.limits, collected.bytes_used)
        failure = failure or collected.failure
        mask = collected.mask if failure is None else None
        sandbox = f"docker/{container.attrs['HostConfig'].get('Runtime') or 'default'}"
        return self._outcome(sandbox, started, seconds, state, watch, log, mask, failure)

    def _collect(
        self,
        container: Container,
        request: RunRequest,
        names: "_Names",
        should_stop: Callable[[], bool],
    ) -> tuple[str, Collected]:
        log = container.logs(tail=500)[-_LOG_BYTES:].decode("utf-8", "replace")
        keeper = self._engine.client.containers.get(names.keeper)
        stream, _ = keeper.get_archive("/output")
        return log, collect_output(
            stream,
            slug=request.output_slug,
            target=request.work / "mask",
            limit_bytes=request.limits.output_mib * MIB,
            should_stop=should_stop,
        )

    def _outcome(
        self,
        sandbox: str,
        started: datetime,
        seconds: float,
        state: dict[str, Any] | None,
        watch: _Watch,
        log: str,
        mask: Path | None,
        failure: Failure | None,
    ) -> Outcome:
        return Outcome(
            sandbox=sandbox,
            started_at=started,
            ended_at=datetime.now(UTC),
            seconds=seconds,
            exit_code=None if state is None else int(state["ExitCode"]),
            out_of_memory=bool(state and state["OOMKilled"]),
            peak_memory_bytes=watch.peak_memory_bytes,
            cpu_seconds=watch.cpu_seconds,
            log=log,
            mask=mask,
            failure=failure,
            stages=watch.clock.stages,
        )

    def _wait(
        self,
        container: Container,
        limits: Limits,
        watch: _Watch,
        should_stop: Callable[[], bool],
    ) -> dict[str, Any]:
        """Watch until it ends by itself, exceeds its time, or is asked to stop."""
        api = self._engine.client.api
        start, next_sample = time.monotonic(), 0.1
        while True:
            state: dict[str, Any] = api.inspect_container(container.name or "")["State"]
            if not state["Running"]:
                return state
            elapsed = time.monotonic() - start
            if should_stop():
                raise Stopped
            if elapsed > limits.seconds + _UNKILLABLE_SECONDS:
                raise SandboxError("unkillable", "The container survived SIGKILL.")
            if elapsed > limits.seconds and not watch.timed_out:
                watch.timed_out = True
                # SIGTERM, and SIGKILL where it is ignored.
                container.stop(timeout=GRACE_SECONDS)
                continue
            if elapsed > next_sample:
                next_sample = elapsed + _SAMPLE_SECONDS
                _sample(api.stats(container.name or "", stream=False, one_shot=True), watch)
            time.sleep(min(0.2, 0.01 + elapsed * 0.05))


@dataclass(frozen=True)
class _Names:
    algorithm: str
    keeper: str
    input: str
    output: str

    @classmethod
    def of(cls, engine: Engine, request: RunRequest) -> "_Names":
        base = f"{engine.prefix}{request.run}-{request.attempt}"
        return cls(f"{base}-algorithm", f"{base}-keeper", f"{base}-input", f"{base}-output")


def _tmpfs(path: str, limits: Limits) -> Mount:
    return Mount(path, None, type="tmpfs", tmpfs_size=limits.tmp_mib * MIB, tmpfs_mode=0o1777)


def _failure(
    state: dict[str, Any], watch: _Watch, seconds: float, limits: Limits, output_bytes: int
) -> Failure | None:
    """From what the platform observed, not from the exit code alone."""
    code = int(state["ExitCode"])
    if watch.timed_out:
        return Failure(
            "time_limit",
            f"Stopped after {seconds:.0f} s; the limit is {limits.seconds} s a case. "
            "Make it faster, or ask the organiser about the limit.",
        )
    if code == 0:
        return None  # A child killed for memory is no failure when the program went on.
    if state["OOMKilled"]:
        return Failure(
            "out_of_memory",
            f"Killed for using more than {limits.memory_mib} MiB of memory. "
            "Work on parts of the image, or use smaller types.",
        )
    if code == 137:
        return Failure(
            "killed_from_outside",
            "The container was killed, and neither by its limits nor by this platform.",
            Owner.PLATFORM,
        )
    if code in _NOT_STARTED:
        return Failure(
            "cannot_start",
            f"The entry point could not be started (exit status {code}: {_NOT_STARTED[code]}). "
            "Try it with docker run --read-only --network none.",
        )
    if output_bytes >= limits.output_mib * MIB * 0.98:
        return Failure(
            "output_too_large",
            f"/output is full: {limits.output_mib} MiB may be written. Write one mask, as uint8.",
        )
    return Failure(
        "exit_code",
        f"The program ended with exit status {code}; 0 is success. Its log says more.",
    )


def _sample(stats: dict[str, Any], watch: _Watch) -> None:
    memory = stats.get("memory_stats", {})
    seen = memory.get("max_usage") or memory.get("usage")
    if seen:
        watch.peak_memory_bytes = max(int(seen), watch.peak_memory_bytes or 0)
    used = stats.get("cpu_stats", {}).get("cpu_usage", {}).get("total_usage")
    if used:
        watch.cpu_seconds = int(used) / 1e9
