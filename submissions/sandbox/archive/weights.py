"""How many parameters an image's known weights files hold, read from their headers as they pass.

A .safetensors file begins with the length of a JSON header (8 bytes, little-endian) that names each
tensor's type, shape and place (github.com/huggingface/safetensors, "Format"). No other format is
counted: PyTorch's own is a program that would have to be run. Nothing here refuses an image.
"""

import hashlib
import json
import math
import posixpath
from typing import TypeGuard

from .headers import Member
from .model import WeightsFile

ENDING = ".safetensors"
MOST_HEADER = 4 << 20
MOST_FILES = 100
_LENGTH = 8
_BYTES = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2,
    "U16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"


class Weights:
    """Fed with the members of each layer, lowest first, and with the first bytes of some."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[bytes, int]] = {}

    def wants(self, member: Member) -> bool:
        """Whether the first ``MOST_HEADER`` bytes of this member are to be handed in."""
        path = _path(member)
        folder, name = posixpath.split(path)
        if name == _OPAQUE:
            self._drop(f"{folder}/")
        elif name.startswith(_WHITEOUT):
            hidden = posixpath.join(folder, name.removeprefix(_WHITEOUT))
            self._found.pop(hidden, None)
            self._drop(f"{hidden}/")
        else:
            self._found.pop(path, None)  # replaced by this layer's
        return (
            member.kind == "file"
            and not member.sparse
            and path.endswith(ENDING)
            and len(self._found) < MOST_FILES
        )

    def take(self, member: Member, beginning: bytes) -> None:
        counted = count_parameters(beginning, member.stored)
        if counted is not None:
            length = int.from_bytes(beginning[:_LENGTH], "little")
            header = hashlib.sha256(beginning[: _LENGTH + length]).digest()
            self._found[_path(member)] = (header, counted)

    def files(self) -> tuple[WeightsFile, ...]:
        """Sorted; of several files with the same tensors the first alone."""
        seen: set[bytes] = set()
        files = []
        for path, (header, parameters) in sorted(self._found.items()):
            if header not in seen:
                seen.add(header)
                files.append(WeightsFile(path, parameters))
        return tuple(files)

    def _drop(self, folder: str) -> None:
        for path in [path for path in self._found if path.startswith(folder)]:
            del self._found[path]


def count_parameters(beginning: bytes, size: int) -> int | None:
    """Elements of all tensors; None where the file is not what its name says.

    beginning: up to ``MOST_HEADER`` bytes; size: of the whole file. Types, shapes and places have
    to agree with one another and to fill the file, so that no number can be made up.
    """
    length = int.from_bytes(beginning[:_LENGTH], "little")
    if len(beginning) < _LENGTH + length or _LENGTH + length > size or length < 2:
        return None
    try:
        header = json.loads(beginning[_LENGTH : _LENGTH + length])
    except (ValueError, RecursionError):
        return None
    if not isinstance(header, dict):
        return None
    tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
    counts = [_elements(tensor) for tensor in tensors]
    if any(count is None for count in counts):
        return None
    reached = 0
    for start, end in sorted(tensor["data_offsets"] for tensor in tensors):
        if start != reached:
            return None
        reached = end
    if reached != size - _LENGTH - length:
        return None
    return sum(count for count in counts if count is not None)


def _elements(tensor: object) -> int | None:
    if not isinstance(tensor, dict):
        return None
    shape, kind, place = tensor.get("shape"), tensor.get("dtype"), tensor.get("data_offsets")
    if not _numbers(shape) or not _numbers(place) or len(place) != 2 or kind not in _BYTES:
        return None
    count = math.prod(shape)
    return count if place[1] - place[0] == count * _BYTES[kind] else None


def _numbers(value: object) -> TypeGuard[list[int]]:
    """A short list of whole numbers that no file is too small for."""
    return (
        isinstance(value, list)
        and len(value) <= 32
        and all(type(one) is int and 0 <= one < 1 << 50 for one in value)
    )


def _path(member: Member) -> str:
    name = member.name.decode("utf-8", "replace")
    return posixpath.normpath("/" + name.lstrip("/"))
