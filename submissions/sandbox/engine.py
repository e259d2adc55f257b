"""The Docker engine of this host: reach it, load images into it, clean up what is ours."""

import fcntl
import io
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from submissions.sandbox.keeper import ensure_keeper
from submissions.sandbox.outcome import SandboxError

LABEL_INSTALLATION = "org.uptake.installation"
LABEL_HOST = "org.uptake.host"
LABEL_RUN = "org.uptake.run"
LABEL_ATTEMPT = "org.uptake.attempt"

NOBODY = 65532
_PASSWD_BYTES = 1024 * 1024

_GONE = (404, 409)

ENGINE_ERRORS = (DockerException, RequestException)


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
    def connect(cls, *, installation: str, host: str, folder: Path) -> "Engine":
        """The engine that DOCKER_HOST names, else the local socket; SandboxError without one."""
        with platform_fault("engine_unreachable"):
            client = docker.from_env(timeout=120)
            client.ping()
            folder.mkdir(parents=True, exist_ok=True)
            engine = cls(client, installation=installation, host=host, folder=folder)
            with engine.lock("keeper"):
                ensure_keeper(client)
        return engine

    def close(self) -> None:
        self.client.close()

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
        call an image, so the id that this engine gave is kept in a note beside the digest.
        """
        note = self.folder / f"{digest}.image"
        with platform_fault("image_not_loaded"), self.lock(digest):
            if note.exists():
                try:
                    return str(self.client.images.get(note.read_text()).id)
                except ImageNotFound:
                    note.unlink()
            with archive().open("rb") as file:
                (image,) = self.client.images.load(file)
            note.write_text(str(image.id))
            return str(image.id)

    def resolve_user(self, image: str, declared: str) -> tuple[int, int, str]:
        """(uid, gid, home) that a container runs as: never 0, whatever a name maps to.

        declared: the USER of the image's config. Root, nobody named, and unknown names become
        NOBODY with /tmp as home.
        """
        user, _, group = declared.partition(":")
        for name, uid, gid, home in self._accounts(image) if user else []:
            if (user in (name, str(uid))) and uid > 0:
                chosen = int(group) if group.isdecimal() and int(group) > 0 else gid or uid
                return uid, chosen, home
        if user.isdecimal() and 0 < int(user) < 2**31:
            own_group = group.isdecimal() and 0 < int(group) < 2**31
            return int(user), int(group) if own_group else int(user), "/tmp"  # noqa: S108
        return NOBODY, NOBODY, "/tmp"  # noqa: S108

    def _accounts(self, image: str) -> list[tuple[str, int, int, str]]:
        """/etc/passwd of an image, read from a container that is never started."""
        container = self.client.containers.create(image, command=["none"])
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
                found.append((parts[0], int(parts[2]), int(parts[3]), parts[5] or "/"))
        return found

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

    def remove(self, left_over: LeftOver) -> None:
        with platform_fault("engine_unreachable"):
            if left_over.is_volume:
                self.remove_volume(left_over.name)
            else:
                self.remove_container(left_over.name)

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


def _left_over(name: str, labels: dict[str, str], *, is_volume: bool) -> LeftOver:
    attempt = labels.get(LABEL_ATTEMPT, "")
    return LeftOver(
        name, labels.get(LABEL_RUN, ""), int(attempt) if attempt.isdecimal() else 0, is_volume
    )


@contextmanager
def platform_fault(code: str) -> Iterator[None]:
    """What the engine's client raises becomes a SandboxError, which is tried again."""
    try:
        yield
    except ENGINE_ERRORS as error:
        raise SandboxError(code, f"The Docker engine answered: {error}") from error
