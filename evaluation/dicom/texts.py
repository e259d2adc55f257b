"""Every text in a DICOM header, sequences and private tags too."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from evaluation.dicom.reading import MALFORMED, as_text, read_header_only

_MOST_CHARACTERS = 10_000
_NUMBERS = {
    "OB",
    "OW",
    "OF",
    "OD",
    "OL",
    "OV",
    "US",
    "SS",
    "UL",
    "SL",
    "FL",
    "FD",
    "AT",
    "UV",
    "SV",
}
_MOST_DEEP = 20


@dataclass(frozen=True)
class TagText:
    """tag: number and name, as messages have it. keyword: empty for a private tag, creator: for any
    other. text: several values with a backslash between."""

    tag: str
    keyword: str
    vr: str
    text: str
    creator: str = ""


def texts_in(path: Path) -> tuple[TagText, ...]:
    """Raises EvaluationError where the file is not DICOM or malformed. A value that cannot be
    decoded is left out."""
    return tuple(_texts(read_header_only(path), 0))


def _texts(dataset: Dataset, depth: int) -> Iterator[TagText]:
    for tag in sorted(dataset.keys()):
        try:
            element = dataset[tag]
            if element.VR == "SQ":
                if depth < _MOST_DEEP:
                    for item in element.value or ():
                        yield from _texts(item, depth + 1)
                continue
            text = _text(element)
        except MALFORMED:
            continue
        if text and not element.tag.is_private_creator:
            yield _told(dataset, element, text)


def _text(element: DataElement) -> str:
    if element.VR in _NUMBERS:
        return ""
    if isinstance(element.value, bytes):
        decoded = element.value[:_MOST_CHARACTERS].decode("utf-8", "replace").strip(" \0")
        return decoded if decoded.isprintable() and "�" not in decoded else ""
    return (as_text(element.value) or "")[:_MOST_CHARACTERS]


def _told(dataset: Dataset, element: DataElement, text: str) -> TagText:
    number = f"({element.tag.group:04X},{element.tag.element:04X})"
    creator = ""
    if element.tag.is_private:
        block = dataset.get((element.tag.group, element.tag.element >> 8))
        creator = as_text(block.value) or "" if block is not None else ""
    name = element.keyword or (f"private tag of {creator}" if creator else "private tag")
    return TagText(f"{number} {name}", element.keyword, str(element.VR), text, creator)
