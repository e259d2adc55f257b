"""The Docker engine of this host: reach it, load images into it, clean up what is ours."""

import fcntl
import io
import json
import logging
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageLoadError, ImageNotFound, NotFound
from requests.exceptions import RequestException

from submissions.sandbox.keeper import ensure_keeper
from submissions.sandbox.outcome import SandboxError
from submissions.sandbox.usage import left_groups, remove_group

log = logging.getLogger(__name__)
GVISOR = "runsc"
LABEL_INSTALLATION = "org.uptake.installation"
LABEL_HOST = "org.uptake.host"
LABEL_RUN = "org.uptake.run"
LABEL_ATTEMPT = "org.uptake.attempt"

_MOST_ID = 2**31
_PASSWD_BYTES = 1024 * 1024

_GONE = (404, 409)
# Of one answer of the engine. Unpacking a large image takes minutes, all else a moment.
_PATIENCE_SECONDS = 60
_LOAD_SECONDS = 1800

ENGINE_ERRORS = (DockerException, RequestException)


class ImageUnusable(Exception):
    """An archive that passed every check, and that the engine still cannot make an image of."""


@dataclass(frozen=True)
class Account:
    """Numbers, since a name could map to uid 0 inside the image; home is what HOME is set to."""

    uid: int
    gid: int
    home: str


NOBODY = 65532
NOBODY_ACCOUNT = Account(NOBODY, NOBODY, "/tmp")  # noqa: S108


@dataclass(frozen=True)
class LeftOver:
    """A container or volume of this installation on this host."""

    name: str
    run: str
    attempt: int
    is_volume: bool


class Engine:
    """``installation`` and ``host`` mark all that is made here; ``folder`` holds small notes."""

    def __init__(
        self, client: docker.DockerClient, *, installation: str, host: str, folder: Path
    ) -> None:
        self.client = client
        self.installation = installation
        self.host = host
        self.folder = folder

    @classmethod
    def connect(
        cls, *, installation: str, host: str, folder: Path, patience: int = _PATIENCE_SECONDS
    ) -> "Engine":
        """The engine that DOCKER_HOST names, else the local socket; SandboxError without one.

        patience: seconds that one answer may take.
        """
        with platform_fault("engine_unreachable"):
            client = docker.from_env(timeout=patience)
            client.ping()
            folder.mkdir(parents=True, exist_ok=True)
            engine = cls(client, installation=installation, host=host, folder=folder)
            with engine.lock("keeper"):
                ensure_keeper(client)
        return engine

    def close(self) -> None:
        self.client.close()

    def ping(self) -> None:
        """SandboxError where it does not answer any more."""
        with platform_fault("engine_unreachable"):
            self.client.ping()

    @cached_property
    def info(self) -> dict[str, Any]:
        """The engine's description of itself, as it was when first asked for."""
        with platform_fault("engine_unreachable"):
            return dict(self.client.info())

    @property
    def runtimes(self) -> tuple[str, ...]:
        """What can contain a program here: "runsc" is gVisor."""
        return tuple(sorted(self.info.get("Runtimes") or {}))

    @property
    def plain_runtime(self) -> str:
        """The engine's own, for what is no stranger's program; not gVisor, which starts slower."""
        default = str(self.info.get("DefaultRuntime") or "runc")
        return "runc" if default == GVISOR and "runc" in self.runtimes else default

    def runtime_for(self, *, gvisor: bool, required: bool) -> str:
        """gvisor: wanted where there is one; required: SandboxError without, no falling back."""
        if (gvisor or required) and GVISOR in self.runtimes:
            return GVISOR
        if required:
            raise SandboxError(
                "gvisor_missing",
                "This phase requires gVisor, and the engine of this host has no runtime runsc.",
            )
        return self.plain_runtime

    @property
    def prefix(self) -> str:
        return f"uptake-{self.installation}-{self.host}-"

    def labels(self, run: str, attempt: int) -> dict[str, str]:
        return {
            LABEL_INSTALLATION: self.installation,
            LABEL_HOST: self.host,
            LABEL_RUN: run,
            LABEL_ATTEMPT: str(attempt),
        }

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Held by one process of this host at a time; the kernel frees it when that one dies."""
        with (self.folder / f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def ensure_image(self, digest: str, archive: Callable[[], Path]) -> str:
        """The engine's own id of the image whose config has SHA-256 ``digest``.

        Loads the canonical, untagged archive where it is not there yet. Engines differ in what they
        call an image, so the id that this engine gave is kept in a note beside the digest. Raises
        ImageUnusable where the engine cannot make an image of the archive.
        """
        note = self.folder / f"{digest}.image"
        with platform_fault("image_not_loaded"), self.lock(digest):
            if note.exists():
                try:
                    return str(self.client.images.get(note.read_text()).id)
                except ImageNotFound:
                    note.unlink()
            patient = docker.from_env(timeout=_LOAD_SECONDS)
            with archive().open("rb") as file, closing(patient):
                try:
                    (image,) = patient.images.load(file)
                except ImageLoadError as error:
                    if "no space left" in str(error):
                        raise
                    raise ImageUnusable(str(error)) from error
            note.write_text(str(image.id))
            return str(image.id)

    def resolve_user(
        self, digest: str, image: str, declared: str, *, run: str, attempt: int
    ) -> "Account":
        """Who a container of this image runs as: never uid 0, whatever a name maps to.

        declared: the USER of the image's config. Root, an unknown name, and no name at all become
        NOBODY. The image is asked once; the answer is kept in a note.
        """
        if not declared:
            return NOBODY_ACCOUNT
        note = self.folder / f"{digest}.user"
        with platform_fault("user_not_resolved"), self.lock(digest):
            if not note.exists():
                name = f"{self.prefix}{run}-{attempt}-passwd"
                accounts = _read_accounts(self.client, image, name, self.labels(run, attempt))
                note.write_text(json.dumps(asdict(choose_account(declared, accounts))))
            return Account(**json.loads(note.read_text()))

    def left_overs(self) -> list[LeftOver]:
        """Every container and volume that this installation made on this host.

        The name is checked beside the label, since an image's own labels appear on containers that
        others start from it.
        """
        wanted = {
            "label": [f"{LABEL_INSTALLATION}={self.installation}", f"{LABEL_HOST}={self.host}"]
        }
        with platform_fault("engine_unreachable"):
            found = []
            for container in self.client.api.containers(all=True, filters=wanted):
                names = [name.lstrip("/") for name in container["Names"] or []]
                if names and names[0].startswith(self.prefix):
                    found.append(_left_over(names[0], container["Labels"], is_volume=False))
            for volume in self.client.api.volumes(filters=wanted)["Volumes"] or []:
                if volume["Name"].startswith(self.prefix):
                    found.append(_left_over(volume["Name"], volume["Labels"], is_volume=True))
        return found

    def remove_groups(self, owned: set[tuple[str, int]]) -> None:
        """Control groups of attempts, (run, attempt), that nobody owns; one in use stays."""
        kept = {f"{self.prefix}{run}-{attempt}" for run, attempt in owned}
        for name in left_groups(self.prefix):
            if name not in kept:
                remove_group(name)

    def remove(self, left_over: LeftOver) -> bool:
        """False where the engine would not, for now; SandboxError where it does not answer."""
        with platform_fault("engine_unreachable"):
            try:
                if left_over.is_volume:
                    self.remove_volume(left_over.name)
                else:
                    self.remove_container(left_over.name)
            except APIError:
                log.warning("could not remove %s", left_over.name, exc_info=True)
                return False
        return True

    def remove_container(self, name: str) -> None:
        """Kill and remove; one that is gone, or being removed by another process, is fine."""
        try:
            self.client.api.remove_container(name, force=True, v=True)
        except APIError as error:
            if error.status_code not in _GONE:
                raise

    def remove_volume(self, name: str) -> None:
        try:
            self.client.api.remove_volume(name, force=True)
        except APIError as error:
            if error.status_code not in _GONE:
                raise


def choose_account(declared: str, accounts: list[tuple[str, "Account"]]) -> Account:
    """The numeric account for ``USER declared``, given the image's own named accounts."""
    user, _, group = declared.partition(":")
    own_group = int(group) if group.isdecimal() and 0 < int(group) < _MOST_ID else 0
    for name, account in accounts:
        if user in (name, str(account.uid)) and 0 < account.uid < _MOST_ID:
            gid = own_group or account.gid or account.uid
            return Account(account.uid, gid, account.home)
    if user.isdecimal() and 0 < int(user) < _MOST_ID:
        return Account(int(user), own_group or int(user), NOBODY_ACCOUNT.home)
    return NOBODY_ACCOUNT


def _read_accounts(
    client: docker.DockerClient, image: str, name: str, labels: dict[str, str]
) -> list[tuple[str, Account]]:
    """/etc/passwd of an image, from a container that is never started."""
    container = client.containers.create(image, command=["none"], name=name, labels=labels)
    try:
        stream, _ = container.get_archive("/etc/passwd")
        content = b""
        for chunk in stream:
            content += chunk
            if len(content) > _PASSWD_BYTES:
                return []
    except NotFound:
        return []
    finally:
        container.remove(force=True, v=True)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = archive.next()
        file = archive.extractfile(member) if member and member.isreg() else None
        text = file.read().decode("utf-8", "replace") if file else ""
    found = []
    for line in text.splitlines():
        parts = line.split(":")
        if len(parts) >= 6 and parts[2].isdecimal() and parts[3].isdecimal():
            found.append((parts[0], Account(int(parts[2]), int(parts[3]), parts[5] or "/")))
    return found


def _left_over(name: str, labels: dict[str, str], *, is_volume: bool) -> LeftOver:
    attempt = labels.get(LABEL_ATTEMPT, "")
    return LeftOver(
        name, labels.get(LABEL_RUN, ""), int(attempt) if attempt.isdecimal() else 0, is_volume
    )


@contextmanager
def closing_stream(stream: Iterable[bytes]) -> Iterator[None]:
    """Give up the rest of an archive that the engine sends: until then it holds the container."""
    try:
        yield
    finally:
        close = getattr(stream, "close", None)
        if close is not None:
            close()


@contextmanager
def platform_fault(code: str) -> Iterator[None]:
    """What the engine's client raises becomes a SandboxError, which is tried again."""
    try:
        yield
    except ENGINE_ERRORS as error:
        raise SandboxError(code, f"The Docker engine answered: {error}") from error
