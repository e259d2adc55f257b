"""JSON from a stranger: decoded strictly, its types checked where they are read."""

import json
import re
from collections.abc import Iterator
from typing import cast

from .model import ArchiveRefused, Code, shown

UNUSABLE = re.compile("[\0\ud800-\udfff]")
NAMES: dict[type, str] = {dict: "an object", list: "a list", str: "a string", bool: "a truth value"}


def decoded(data: bytes, name: str) -> object:
    """The document's value. Not JSON: NaN, a key given twice, anything but UTF-8.

    Raises ArchiveRefused (`invalid_json`).
    """
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_unambiguous, parse_constant=_no_number
        )
    except (ValueError, RecursionError) as error:
        raise ArchiveRefused(
            "invalid_json",
            f"{shown(name)} cannot be read as JSON ({shown(str(error))}): save the image and"
            " upload it again.",
        ) from error


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key is given twice")
    return value


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


class Node:
    """A value within a document. `where` says which, `code` is what a wrong type is refused with.

    A missing value and `null` are the same, as they are to the engine.
    """

    def __init__(self, value: object, where: str, code: Code) -> None:
        self.value = value
        self.where = where
        self._code = code

    def __getitem__(self, key: str) -> "Node":
        return Node(self.mapping().get(key), f"{self.where}.{key}", self._code)

    def mapping(self) -> dict[str, object]:
        """The object's members; empty where there is none."""
        return cast(dict[str, object], self._typed(dict) or {})

    def __len__(self) -> int:
        return len(self._list())

    def elements(self) -> Iterator["Node"]:
        """The list's elements; none where there is no list."""
        for index, value in enumerate(self._list()):
            yield Node(value, f"{self.where}[{index}]", self._code)

    def _list(self) -> list[object]:
        return cast(list[object], self._typed(list) or [])

    def text(self) -> str:
        """The string; empty where there is none. NUL and lone surrogates name nothing on Linux."""
        value = cast(str, self._typed(str) or "")
        if UNUSABLE.search(value):
            raise self.refusal("found characters that no program can be given")
        return value

    def required(self) -> "Node":
        if self.value is None:
            raise self.refusal("found nothing")
        return self

    def spelled(self, *keys: str) -> "Node":
        """Refuse other spellings of these keys: Go reads `volumes` as `Volumes`."""
        folded = {key.casefold(): key for key in keys}
        for found in self.mapping():
            expected = folded.get(found.casefold(), found)
            if found != expected:
                raise self.refusal(f"found the key {shown(found)}, expected {expected!r}")
        return self

    def refusal(self, what: str) -> ArchiveRefused:
        return ArchiveRefused(
            self._code, f"In {self.where}: {what}. Build the image with Docker, Podman or Buildah."
        )

    def _typed(self, kind: type) -> object:
        if self.value is not None and not isinstance(self.value, kind):
            raise self.refusal(
                f"found {NAMES.get(type(self.value), 'a number')}, expected {NAMES[kind]}"
            )
        return self.value
