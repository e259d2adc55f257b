"""What an algorithm's container and its keeper are made with: every protection stands here."""

import logging
from dataclasses import dataclass

from docker.errors import APIError
from docker.models.containers import Container
from docker.types import LogConfig, Mount, Ulimit

from submissions.sandbox.archive import ImageConfig
from submissions.sandbox.engine import (
    ENGINE_ERRORS,
    GVISOR,
    NOBODY,
    Account,
    Engine,
    ImageUnusable,
)
from submissions.sandbox.keeper import IMAGE as KEEPER_IMAGE
from submissions.sandbox.outcome import MIB, Limits, RunRequest, SandboxError
from submissions.sandbox.usage import parent_group, remove_group
from submissions.sandbox.volumes import declared_volumes

log = logging.getLogger(__name__)

_OUTPUT_FILES = 4096
# gVisor's own threads count beside the program's: some for itself, and several for each process.
_GVISOR_PIDS = 256
_GVISOR_PIDS_PER_PROCESS = 8
_GVISOR_MEMORY_BYTES = 256 * MIB


@dataclass(frozen=True)
class Names:
    """Of what is made for one attempt. writable: a volume for each path of the request."""

    base: str
    writable: tuple[str, ...]

    @classmethod
    def of(cls, engine: Engine, request: RunRequest) -> "Names":
        base = f"{engine.prefix}{request.run}-{request.attempt}"
        return cls(base, tuple(f"{base}-writable-{n}" for n in range(len(request.writable))))

    @property
    def algorithm(self) -> str:
        return f"{self.base}-algorithm"

    @property
    def keeper(self) -> str:
        return f"{self.base}-keeper"

    @property
    def template(self) -> str:
        return f"{self.base}-template"

    @property
    def input(self) -> str:
        return f"{self.base}-input"

    @property
    def output(self) -> str:
        return f"{self.base}-output"

    @property
    def containers(self) -> tuple[str, ...]:
        return self.algorithm, self.template, self.keeper

    @property
    def volumes(self) -> tuple[str, ...]:
        return self.input, self.output, *self.writable


def create_volumes(engine: Engine, request: RunRequest, names: Names) -> None:
    """The input on the engine's disk; the output and writable paths in memory, limited by the
    kernel."""
    labels = engine.labels(request.run, request.attempt)
    engine.client.volumes.create(names.input, labels=labels)
    limits = request.limits
    output = f"size={limits.output_mib}m,nr_inodes={_OUTPUT_FILES},mode=0777"
    writable = f"size={limits.tmp_mib}m,mode=0777"
    for name, options in ((names.output, output), *((one, writable) for one in names.writable)):
        engine.client.volumes.create(
            name,
            driver="local",
            driver_opts={"type": "tmpfs", "device": "tmpfs", "o": f"{options},nosuid,nodev"},
            labels=labels,
        )


def create_keeper(engine: Engine, request: RunRequest, names: Names) -> Container:
    """Holds the volumes from before the program starts until its output is collected."""
    return engine.client.containers.create(
        KEEPER_IMAGE,
        name=names.keeper,
        labels=engine.labels(request.run, request.attempt),
        network_mode="none",
        read_only=True,
        user=f"{NOBODY}:{NOBODY}",
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        pids_limit=64,  # the runtime itself needs some threads to start it
        mem_limit="64m",
        runtime=engine.plain_runtime,
        cgroup_parent=parent_group(engine.info, names.base),
        mounts=[
            Mount("/input", names.input, type="volume"),
            Mount("/output", names.output, type="volume", no_copy=True),
            *(
                Mount(f"/writable/{number}", name, type="volume", no_copy=True)
                for number, name in enumerate(names.writable)
            ),
        ],
    )


def create_algorithm(
    engine: Engine,
    image: str,
    config: ImageConfig,
    account: Account,
    request: RunRequest,
    names: Names,
    runtime: str,
) -> Container:
    """The untrusted one, created and not started; its CPUs are given when it has a place.

    Of the image's own configuration only entry point, command, environment, working directory,
    user and declared volumes count. Raises ImageUnusable where no engine takes them.
    """
    limits = request.limits
    volumes = declared_volumes(config.volumes)
    # What lies in memory counts as the program's, so the caps are added to its own limit.
    memory = limits.engine_memory_bytes + len(volumes) * limits.tmp_mib * MIB
    memory += len(names.writable) * limits.tmp_mib * MIB
    if runtime == GVISOR:
        memory += _GVISOR_MEMORY_BYTES
    # Beyond what the mounts hold, so that a full one says that it is full.
    largest = 2 * max(limits.tmp_mib, limits.shm_mib, limits.output_mib) * MIB
    environment = dict(pair.partition("=")[::2] for pair in config.environment)
    environment.setdefault("HOME", account.home)
    try:
        container = engine.client.containers.create(
            image,
            list(config.command),
            entrypoint=list(config.entrypoint),
            name=names.algorithm,
            labels=engine.labels(request.run, request.attempt),
            user=f"{account.uid}:{account.gid}",
            environment=environment,
            working_dir=config.working_directory or "/",
            network_mode="none",
            read_only=True,
            init=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            privileged=False,
            ipc_mode="private",
            pids_limit=tasks_limit(limits, runtime),
            mem_limit=memory,
            memswap_limit=memory,
            mem_swappiness=0,
            shm_size=limits.shm_mib * MIB,
            runtime=runtime,
            cgroup_parent=parent_group(engine.info, names.base),
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
                *(_tmpfs(path, limits) for path in volumes),
                *(
                    Mount(path, name, type="volume", no_copy=True)
                    for path, name in zip(request.writable, names.writable, strict=True)
                ),
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
    _require_limited_mounts(engine, container, names)
    return container


def remove_all(engine: Engine, names: Names) -> None:
    """What cannot be removed now is left to the reconciler; the outcome is worth more."""
    steps = [(engine.remove_container, name) for name in names.containers]
    steps += [(engine.remove_volume, name) for name in names.volumes]
    for remove, name in steps:
        try:
            remove(name)
        except ENGINE_ERRORS:
            log.warning("could not remove %s", name, exc_info=True)
    remove_group(names.base)


def tasks_limit(limits: Limits, runtime: str) -> int:
    """Processes and threads that the kernel lets the container have."""
    if runtime == GVISOR:
        return _GVISOR_PIDS + _GVISOR_PIDS_PER_PROCESS * limits.pids
    return limits.pids


def _tmpfs(path: str, limits: Limits) -> Mount:
    return Mount(path, None, type="tmpfs", tmpfs_size=limits.tmp_mib * MIB, tmpfs_mode=0o1777)


def _require_limited_mounts(engine: Engine, container: Container, names: Names) -> None:
    mounted = container.attrs["Mounts"] if container.attrs else []
    strange = [
        one["Destination"]
        for one in mounted
        if one["Type"] != "tmpfs" and one.get("Name") not in names.volumes
    ]
    if strange:
        engine.remove_container(names.algorithm)
        raise SandboxError(
            "unlimited_mount", f"The engine mounted {strange} without a limit of size."
        )
