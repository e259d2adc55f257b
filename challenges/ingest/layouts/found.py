"""What is wanted of a folder, what was chosen by a person, and what a layout finds in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from challenges.definition import ChallengeDefinition
from challenges.ingest.sources import Source
from evaluation.documents import Problem


@dataclass(frozen=True)
class WantedReader:
    """file: under which name the layout has this reader's masks; see ``FoundCase.masks``."""

    name: str
    file: str = ""


@dataclass(frozen=True)
class Wanted:
    """What every case is to have. Without readers, those that are found are proposed. inputs: names
    of the further inputs, each a JSON file."""

    modalities: tuple[str, ...] = ("PET",)
    readers: tuple[WantedReader, ...] = ()
    inputs: tuple[str, ...] = ()

    @classmethod
    def of(cls, definition: ChallengeDefinition) -> "Wanted":
        return cls(
            modalities=tuple(definition.modalities),
            readers=tuple(WantedReader(one.name, one.file) for one in definition.readers),
            inputs=tuple(one.name for one in definition.inputs),
        )


@dataclass(frozen=True)
class Choices:
    """What a person chose where a folder leaves it open.

    readers: reader's name → the name that the layout has for that reader's masks. channels: nnU-Net
    channel (“0000”) → PET or CT. series: UIDs of PET series, for studies that hold several.
    """

    readers: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    series: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "readers": dict(self.readers),
            "channels": dict(self.channels),
            "series": list(self.series),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Choices":
        """Raises ValueError on anything that ``to_json`` does not write."""
        if unknown := set(document) - {"readers", "channels", "series"}:
            raise ValueError(f"unknown choices: {', '.join(sorted(unknown))}")
        return cls(
            readers=_texts(document.get("readers", {})),
            channels=_texts(document.get("channels", {})),
            series=tuple(str(one) for one in document.get("series", [])),
        )


@dataclass(frozen=True)
class FoundCase:
    """masks: by the layout's own name for who drew them (a file's stem, a folder of derivatives, an
    ROI). trouble: why it cannot be used as it is."""

    name: str
    patient: str = ""
    pet: Source | None = None
    ct: Source | None = None
    masks: Mapping[str, Source] = field(default_factory=dict)
    inputs: Mapping[str, Path] = field(default_factory=dict)
    trouble: tuple[str, ...] = ()


@dataclass
class Found:
    """rows: what the layout's own table says of a case, by case name."""

    cases: list[FoundCase] = field(default_factory=list)
    rows: dict[str, dict[str, str]] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """One way in which people keep cases in a folder.

    id: for commands and forms. title, example: for people. fits: whether a folder is kept so, told
    by names alone. find: the cases of such a folder, of which no pixel is read.
    """

    id: str
    title: str
    example: str
    fits: Callable[[Path], bool]
    find: Callable[[Path, Wanted, Choices], Found]


def _texts(document: object) -> dict[str, str]:
    if not isinstance(document, dict):
        raise ValueError("an object of texts is expected")  # noqa: TRY004
    return {str(key): str(value) for key, value in document.items()}
