"""Cases given away: one zip, streamed from the private store, that can be imported as it is."""

import json
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from io import BytesIO, RawIOBase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, cast

from django.db.models.fields.files import FieldFile

from challenges.definition import ChallengeDefinition
from challenges.definition.export import as_yaml
from challenges.models import Case, Phase, Reference
from challenges.selectors import current_edition, definition_of, protocol_of
from challenges.selectors.viewing import given_away
from challenges.services.exporting import write_table

_CHUNK_BYTES = 1024 * 1024
_DATE = (1980, 1, 1, 0, 0, 0)
"""The oldest that a zip can hold: a file's own date would only say when it was imported."""


@dataclass(frozen=True)
class Entry:
    """One file of the zip: content, or a stored file and its length in bytes."""

    name: str
    content: bytes = b""
    file: FieldFile | None = None
    stored_bytes: int = 0

    @property
    def length(self) -> int:
        return self.stored_bytes if self.file else len(self.content)

    def open(self) -> AbstractContextManager[BinaryIO]:
        if self.file is None:
            return BytesIO(self.content)
        return closing(cast(BinaryIO, self.file.storage.open(str(self.file.name), "rb")))


def contents(phase: Phase) -> tuple[Entry, ...]:
    """Every entry of the zip, in order; no image is read.

    Raises FileNotFoundError where the store has lost a file: better than half a zip.
    """
    challenge = phase.challenge
    definition = definition_of(challenge)
    cases = list(
        given_away(phase)
        .order_by("position")
        .prefetch_related("images", "annotations__reader", "references")
    )
    version = current_edition(phase).reference_version
    return (
        Entry("LICENCE.txt", licence(definition, phase).encode()),
        Entry("challenge.yaml", as_yaml(protocol_of(challenge).document).encode()),
        Entry("cases.csv", _table(cases, definition)),
        *(entry for case in cases for entry in _of_case(case, definition, version)),
    )


def size_of(entries: tuple[Entry, ...]) -> int:
    """In bytes, without the zip's own few for each entry."""
    return sum(entry.length for entry in entries)


def stream(entries: tuple[Entry, ...]) -> Iterator[bytes]:
    """The zip in pieces of about 1 MiB. Entries are stored: images are compressed already."""
    sink = _Sink()
    with zipfile.ZipFile(cast(BinaryIO, sink), "w", zipfile.ZIP_STORED) as archive:
        for entry in entries:
            info = zipfile.ZipInfo(entry.name, _DATE)
            info.external_attr = 0o644 << 16
            info.file_size = entry.length  # settles before its header whether it needs zip64
            with archive.open(info, "w") as target, entry.open() as source:
                while chunk := source.read(_CHUNK_BYTES):
                    target.write(chunk)
                    yield sink.take()
    yield sink.take()


def licence(definition: ChallengeDefinition, phase: Phase) -> str:
    """LICENCE.txt: source, licence, what to cite, and the terms that were accepted."""
    parts = [f"{definition.title}: {phase.title}"]
    if source := definition.source:
        parts += [f"Source\n{source.text}", f"Licence\n{source.licence}"]
        cited = [f"- {one.text} {one.url}".rstrip() for one in source.citations]
        if cited:
            parts.append("\n".join(["To be cited wherever these cases are shown", *cited]))
    parts.append(f"Terms\n{definition.terms or 'None beyond the licence.'}")
    return "\n\n".join(parts) + "\n"


def _table(cases: list[Case], definition: ChallengeDefinition) -> bytes:
    with TemporaryDirectory(prefix="uptake-table-") as folder:
        path = Path(folder) / "cases.csv"
        write_table(cases, path, list(definition.public_columns))
        return path.read_bytes()


def _of_case(case: Case, definition: ChallengeDefinition, version: int) -> Iterator[Entry]:
    for image in case.images.all():
        yield _stored(f"{case.name}/{image.modality}.mha", image.file)
    files = {one.name: one.file for one in definition.readers}
    taken: dict[str, str] = {}
    for annotation in sorted(case.annotations.all(), key=lambda one: one.pk):
        # A reader whom the definition no longer names is not part of the challenge any more.
        if stem := files.get(annotation.reader.name):
            name = f"{stem}-read-{annotation.repeat + 1}" if annotation.repeat else stem
            taken[name] = annotation.sha256
            yield _stored(f"{case.name}/{name}.mha", annotation.file)
    reference = _whole_reference(case, version)
    if reference and taken.get("reference") != reference.sha256:
        name = "consensus" if "reference" in taken else "reference"
        yield _stored(f"{case.name}/{name}.mha", reference.file)
    for name, value in case.inputs.items():
        yield Entry(f"{case.name}/{name}.json", json.dumps(value).encode())


def _whole_reference(case: Case, version: int) -> Reference | None:
    """Of two readers each mask is a reference by itself, and there is no other."""
    found = (one for one in case.references.all() if one.version == version and not one.reader_id)
    return next(found, None)


def _stored(name: str, file: FieldFile) -> Entry:
    return Entry(name, file=file, stored_bytes=file.size)


class _Sink(RawIOBase):
    """Keeps what is written until it is taken; cannot be sought in, so that nothing goes back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
