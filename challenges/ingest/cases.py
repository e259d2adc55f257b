"""One case, as it is found: what it is called, and where its images are read from."""

from dataclasses import dataclass, field
from pathlib import Path

from challenges.ingest.sources import Source


@dataclass(frozen=True)
class CaseFiles:
    """One case's metadata and where its images are read from; ``annotations`` is by reader name,
    ``inputs`` by the name of the further input. split: the table's column of that name. auxiliary:
    masks that are nobody's, by the name of their file; they are compared and not kept."""

    name: str
    patient: str
    position: int
    metadata: dict[str, str]
    pet: Source
    ct: Source | None
    annotations: dict[str, Source]
    inputs: dict[str, Path]
    split: str = ""
    auxiliary: dict[str, Source] = field(default_factory=dict)
