"""A platform spoken to over its API, by a program on a developer's own machine."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit, urlunsplit

import httpx

_PART_BYTES = 32 * 1024**2
_PATIENCE_SECONDS = 120
_PAUSES = (1, 2, 5, 10, 30, 60, 60, 60, 60, 60)
_OFFSET_TYPE = "application/offset+octet-stream"
_CONFLICT, _DAMAGED, _TOO_MANY = 409, 460, 429


class Answer(dict[str, Any]):
    """An object of JSON that a platform answers with."""

    def __missing__(self, key: str) -> NoReturn:
        raise RemoteRefused(
            f"The platform's answer holds no “{key}”: is this an Uptake, and of your version?"
        )


class RemoteRefused(Exception):
    """What the platform refused, or why it could not be asked; a sentence for the developer."""


@dataclass(frozen=True)
class Place:
    """A page of a platform. base: its address without a path; name: what comes after ``kind``."""

    base: str
    name: str


def place_of(page: str, kind: str) -> Place:
    """``http://host/challenges/NAME/`` with the kind "challenges". Raises RemoteRefused."""
    wrong = RemoteRefused(f"{page} is not an address like https://HOST/{kind}/NAME/.")
    try:
        parts = urlsplit(page)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:  # half an IPv6 address, or a port that is none
        raise wrong from None
    before, found, rest = parts.path.partition(f"/{kind}/")
    name = rest.split("/")[0]
    if parts.scheme not in ("http", "https") or not has_host or not found or not name:
        raise wrong
    return Place(urlunsplit((parts.scheme, parts.netloc, before, "", "")), name)


class Remote:
    """The API of one platform, with a person's token."""

    def __init__(self, base: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=f"{base}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=_PATIENCE_SECONDS,
        )

    def __enter__(self) -> "Remote":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, **query: str) -> Answer:
        return _one(self._asked("GET", path, params=query))

    def get_list(self, path: str, **query: str) -> list[Answer]:
        answer = self._asked("GET", path, params=query)
        found = _document(answer)
        if not isinstance(found, list) or not all(isinstance(one, Answer) for one in found):
            raise _no_uptake(answer)
        return found

    def text(self, path: str) -> str:
        return self._asked("GET", path).text

    def post(self, path: str, body: dict[str, Any] | None = None) -> Answer:
        return _one(self._asked("POST", path, json=body or {}))

    def upload(
        self,
        file: Path,
        *,
        challenge: str,
        phase: str,
        kind: str,
        name: str,
        baseline: bool,
        progress: Callable[[int, int], None],
    ) -> str:
        """Send ``file``, from where an earlier try broke off; returns the upload's id."""
        begun = self.begin(
            file, challenge=challenge, phase=phase, kind=kind, name=name, baseline=baseline
        )
        self._send(file, begun, file.stat().st_size, progress)
        return begun

    def begin(
        self,
        file: Path,
        *,
        challenge: str,
        phase: str,
        name: str,
        kind: str = "container",
        baseline: bool = False,
    ) -> str:
        """Ask for room, or find what was begun before; the upload's id."""
        digest = _sha256(file)
        begun = self._begun(challenge, phase, digest)
        if begun is not None:
            return begun
        made = self._asked(
            "POST",
            f"/challenges/{challenge}/phases/{phase}/uploads",
            headers={
                "Upload-Length": str(file.stat().st_size),
                "Upload-Metadata": _metadata(
                    filename=name, kind=kind, sha256=digest, baseline="on" if baseline else ""
                ),
            },
        )
        return str(_one(made)["id"])

    def _begun(self, challenge: str, phase: str, digest: str) -> str | None:
        for one in self.get_list("/uploads"):
            same = (one["challenge"], one["phase"], one["sha256"]) == (challenge, phase, digest)
            if same:
                return str(one["id"])
        return None

    def _send(
        self, file: Path, upload: str, size: int, progress: Callable[[int, int], None]
    ) -> None:
        """Part by part, each with its checksum; after a broken connection from where it ends."""
        path = f"/uploads/{upload}"
        offset, tries = self._offset(path, size), 0
        with _Parts(file) as parts:
            while offset < size:
                progress(offset, size)
                part, checksum = parts.at(offset)
                try:
                    answer = self._client.patch(
                        path,
                        content=part,
                        headers={
                            "Tus-Resumable": "1.0.0",
                            "Content-Type": _OFFSET_TYPE,
                            "Upload-Offset": str(offset),
                            "Upload-Checksum": f"sha256 {checksum}",
                        },
                    )
                    again = answer.status_code in (_CONFLICT, _DAMAGED, _TOO_MANY)
                    if not again and not answer.is_server_error:
                        _require_success(answer)
                        if _ends_at(answer, size) != offset + len(part):
                            raise _no_uptake(answer)  # or this would go on for ever
                        offset, tries = offset + len(part), 0
                        continue
                    fault = f"it answers {answer.status_code}"
                except httpx.TransportError as error:
                    fault = str(error) or type(error).__name__
                if tries == len(_PAUSES):
                    raise RemoteRefused(
                        f"The upload broke off at {offset} of {size} bytes ({fault}). Give the "
                        "same command again: it goes on from there."
                    )
                time.sleep(_PAUSES[tries])
                tries += 1
                offset = self._offset(path, size, otherwise=offset)
        progress(size, size)

    def _offset(self, path: str, size: int, otherwise: int | None = None) -> int:
        """Where the upload ends; ``otherwise`` while the platform is out of reach."""
        try:
            answer = self._client.head(path)
        except httpx.TransportError:
            if otherwise is None:
                raise
            return otherwise
        if answer.is_server_error and otherwise is not None:
            return otherwise
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise RemoteRefused("The platform discarded this upload. Give the command again.")
        _require_success(answer)
        return _ends_at(answer, size)

    def _asked(self, method: str, path: str, **how: Any) -> httpx.Response:  # noqa: ANN401
        try:
            answer = self._client.request(method, path, **how)
        except httpx.HTTPError as error:
            raise RemoteRefused(
                f"{self._client.base_url} gives no answer ({error}). Is the platform up, and the "
                "address right?"
            ) from None
        _require_success(answer)
        return answer


class _Parts:
    """Of a file, each with its checksum; the one after it is read while one is sent."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._pool = ThreadPoolExecutor(1)
        self._next: tuple[int, Future[tuple[bytes, str]]] | None = None

    def __enter__(self) -> "_Parts":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def at(self, offset: int) -> tuple[bytes, str]:
        """The bytes from ``offset`` on, and their SHA-256 in base64."""
        if self._next is None or self._next[0] != offset:
            self._next = (offset, self._pool.submit(self._read, offset))
        found = self._next[1].result()
        following = offset + len(found[0])
        self._next = (following, self._pool.submit(self._read, following))
        return found

    def _read(self, offset: int) -> tuple[bytes, str]:
        with self._file.open("rb") as source:
            source.seek(offset)
            part = source.read(_PART_BYTES)
        return part, base64.b64encode(hashlib.sha256(part).digest()).decode()


def _require_success(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    try:
        told = answer.json()
        detail = str(told["detail"]) if isinstance(told, dict) and "detail" in told else ""
    except ValueError:
        detail = ""
    if answer.status_code == httpx.codes.NOT_FOUND:
        detail = "There is nothing at this address, or not for you. Look at its page."
    raise RemoteRefused(detail) if detail else _no_uptake(answer)


def _one(answer: httpx.Response) -> Answer:
    found = _document(answer)
    if not isinstance(found, Answer):
        raise _no_uptake(answer)
    return found


def _document(answer: httpx.Response) -> Any:  # noqa: ANN401
    try:
        return json.loads(answer.content, object_hook=Answer)
    except (ValueError, RecursionError):
        raise _no_uptake(answer) from None


def _ends_at(answer: httpx.Response, size: int) -> int:
    told = answer.headers.get("Upload-Offset", "")
    if not re.fullmatch(r"[0-9]{1,15}", told) or int(told) > size:
        raise _no_uptake(answer)
    return int(told)


def _no_uptake(answer: httpx.Response) -> RemoteRefused:
    return RemoteRefused(
        f"{answer.url} answers {answer.status_code}, and nothing that an Uptake answers: is this "
        "the right address?"
    )


def _metadata(**values: str) -> str:
    return ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}"
        for name, value in values.items()
        if value
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
