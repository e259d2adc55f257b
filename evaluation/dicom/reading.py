"""DICOM files opened with care: what is malformed becomes a sentence, and nothing is inflated or
allocated that the file's own length does not allow for."""

import io
import math
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.uid import DeflatedExplicitVRLittleEndian

from evaluation.errors import EvaluationError
from evaluation.suv import Problem
from evaluation.volumes import MAX_VOXELS

MAX_FILE_BYTES = 4 * 1024**3
MAX_SIDE = 4096
"""Rows or columns of one frame."""

MOST_COMPRESSED = 10_000
"""How many bytes one byte of compressed pixels can stand for; empty slices are the smallest."""

AGAIN = "Export the series again from the scanner or archive."
PIXELS = "(7FE0,0010) PixelData"
SIZE = "(0028,0010) Rows, (0028,0011) Columns"
UNREADABLE = "unreadable"
MALFORMED = (
    *(ValueError, TypeError, ArithmeticError, LookupError, AttributeError, AssertionError),
    *(RuntimeError, OSError, EOFError, MemoryError, BytesLengthException, struct.error),
)
_PREAMBLE = 132


class DicomRefused(EvaluationError):
    """DICOM files that are not read, with all ``problems`` at once (code dicom_refused)."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("dicom_refused", "\n".join(map(str, problems)))
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.problems,)


def is_dicom(path: Path) -> bool:
    """Whether the file begins as a DICOM file does. Raises OSError."""
    with path.open("rb") as file:
        return file.read(_PREAMBLE)[-4:] == b"DICM"


def read_file(path: Path) -> Dataset:
    """A whole file. Raises EvaluationError: not DICOM, malformed, deflated or too long."""
    with _refusing(path):
        if (length := path.stat().st_size) > MAX_FILE_BYTES:
            raise EvaluationError("not_dicom", f"{length:,} bytes; at most {MAX_FILE_BYTES:,}")
        # From memory, where a declared length beyond the file's end allocates nothing.
        return pydicom.dcmread(io.BytesIO(path.read_bytes()))


def read_header_only(path: Path, *, tags: Sequence[str] | None = None) -> Dataset:
    """All before the pixels, or only ``tags`` (keywords). Raises EvaluationError as above."""
    with _refusing(path):
        keywords = None if tags is None else list(tags)
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=keywords)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        meta = pydicom.filereader.read_file_meta_info(path)
        # Inflating is not bounded by the library, and no scanner writes such files.
        if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            raise EvaluationError("not_dicom", "deflated; export it uncompressed")
        yield
    except EvaluationError:
        raise
    except InvalidDicomError as error:
        raise EvaluationError("not_dicom", "not DICOM") from error
    except Exception as error:  # pydicom raises many kinds on a malformed file
        raise EvaluationError("not_dicom", f"malformed: {brief(error)}") from error


def decoded(dataset: Dataset) -> NDArray[np.generic]:
    """The stored values. Raises EvaluationError, before decoding where fewer are there than
    declared."""
    stored = value_of(dataset, "PixelData")
    if not stored or not isinstance(stored, bytes):
        raise EvaluationError("bad_pixels", "nothing" if not stored else "unreadable pixels")
    _require_room(dataset, len(stored))
    try:
        return dataset.pixel_array
    except Exception as error:  # its decoders raise many kinds
        raise EvaluationError("bad_pixels", f"unreadable pixels ({brief(error)})") from error


def _require_room(dataset: Dataset, most: int) -> None:
    rows, columns, frames, samples, bits = (
        number_of(dataset, key) or 1.0
        for key in ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated")
    )
    if not (1 <= rows <= MAX_SIDE and 1 <= columns <= MAX_SIDE):
        found = f"{columns:g} × {rows:g} pixels declared; at most {MAX_SIDE} × {MAX_SIDE} are read"
        raise EvaluationError("bad_pixels", found)
    if _is_compressed(dataset):
        most *= MOST_COMPRESSED
    if not rows * columns * frames * samples <= MAX_VOXELS:
        raise EvaluationError("bad_pixels", f"more than {MAX_VOXELS:,} values declared")
    declared = rows * columns * frames * samples * bits / 8
    if not declared <= most:
        found = f"unreadable pixels ({declared:,.0f} bytes declared, {most:,} there at most)"
        raise EvaluationError("bad_pixels", found)


def _is_compressed(dataset: Dataset) -> bool:
    syntax = getattr(dataset, "file_meta", Dataset()).get("TransferSyntaxUID")
    try:
        return bool(getattr(syntax, "is_compressed", False))
    except ValueError:  # no transfer syntax at all, which decoding tells
        return False


def brief(error: Exception) -> str:
    """Without a path on this machine, which an OSError's own text holds."""
    text = (error.strerror or "") if isinstance(error, OSError) else str(error)
    return (text.splitlines() or [type(error).__name__])[0][:200]


def first_few(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
    return ", ".join(texts[:3]) + more


def words(numbers: Sequence[float]) -> str:
    return " ".join(f"{number:g}" for number in numbers) or "nothing usable"


def value_of(dataset: Dataset, keyword: str) -> object:
    try:
        return dataset.get(keyword)
    except MALFORMED:
        return UNREADABLE


def private_value(dataset: Dataset, group: int, offset: int, creator: str) -> object:
    try:
        return dataset.private_block(group, creator)[offset].value
    except KeyError:
        return None
    except MALFORMED:
        return UNREADABLE


def items_of(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; none where it is missing, or is no sequence."""
    found = value_of(dataset, keyword)
    return list(found) if isinstance(found, pydicom.Sequence) else []


def as_text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):  # a private tag that pydicom does not know
        value = value.decode("ascii", "replace")
    text = "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value)
    return text.strip(" \0") or None


def text_of(dataset: Dataset, keyword: str) -> str:
    return as_text(value_of(dataset, keyword)) or ""


def as_number(value: object) -> float | None:
    text = as_text(value)
    try:
        return None if text is None else float(text)
    except ValueError:
        return math.nan


def number_of(dataset: Dataset, keyword: str) -> float | None:
    return as_number(value_of(dataset, keyword))


def whole_of(dataset: Dataset, keyword: str) -> int:
    """0 where there is no number."""
    number = number_of(dataset, keyword)
    return int(number) if number is not None and math.isfinite(number) else 0


def numbers_of(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...]:
    """As many finite numbers, or none at all."""
    found = value_of(dataset, keyword)
    if not isinstance(found, MultiValue) or len(found) != count:
        return ()
    numbers = [as_number(one) for one in found]
    finite = tuple(one for one in numbers if one is not None and math.isfinite(one))
    return finite if len(finite) == count else ()
