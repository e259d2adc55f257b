"""A design document as data: sections and what stands in them, whatever it is rendered as."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Literal

from django.utils.safestring import SafeString, mark_safe

_BIAS = (
    "Generated from what the platform knows, in the structure of the MICCAI/BIAS challenge "
    "description (Maier-Hein et al., Med Image Anal 66:101796, 2020)."
)
ColumnKind = Literal["head", "text", "short", "number", "formula", "code"]


@dataclass(frozen=True)
class Missing:
    """What a person still has to write or do.

    key: dotted, in the layout of challenge.yaml, or ``cases`` or ``rehearsal``. about: what is
    expected. required: no challenge is published without it.
    """

    key: str
    title: str
    about: str
    required: bool
    kind: Literal["missing"] = "missing"


@dataclass(frozen=True)
class Paragraph:
    text: str
    kind: Literal["paragraph"] = "paragraph"


@dataclass(frozen=True)
class Bullets:
    items: tuple[str, ...]
    kind: Literal["bullets"] = "bullets"


@dataclass(frozen=True)
class Entry:
    """A term and its paragraphs, or what is missing instead."""

    term: str
    paragraphs: tuple[str, ...] = ()
    missing: Missing | None = None


@dataclass(frozen=True)
class Definitions:
    entries: tuple[Entry, ...]
    kind: Literal["definitions"] = "definitions"


@dataclass(frozen=True)
class Column:
    """kind: head of the row; text that may be long; short text; number; formula (text in which
    D_RP has an index); code (a hash)."""

    title: str
    kind: ColumnKind = "text"


@dataclass(frozen=True)
class Table:
    """Every row has a cell for each column."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    kind: Literal["table"] = "table"

    @property
    def cells(self) -> tuple[tuple[tuple[Column, str], ...], ...]:
        """Each row's cells beside their columns."""
        return tuple(tuple(zip(self.columns, row, strict=True)) for row in self.rows)


@dataclass(frozen=True)
class Figure:
    """A drawing of our own. svg: to stand in a page; alt: what it shows, for who cannot see it."""

    caption: str
    alt: str
    svg: str
    kind: Literal["figure"] = "figure"

    @property
    def picture(self) -> SafeString:
        return mark_safe(self.svg)  # noqa: S308 - our own drawing, in which names are escaped


Block = Paragraph | Bullets | Definitions | Table | Figure | Missing


@dataclass(frozen=True)
class Section:
    """id: its anchor. parts: sections within it."""

    id: str
    title: str
    blocks: tuple[Block, ...] = ()
    parts: tuple["Section", ...] = ()

    def missing(self) -> Iterator[Missing]:
        """In the order of the document."""
        for block in self.blocks:
            if isinstance(block, Missing):
                yield block
            elif isinstance(block, Definitions):
                yield from (one.missing for one in block.entries if one.missing is not None)
        for part in self.parts:
            yield from part.missing()


@dataclass(frozen=True)
class Document:
    """state: “Draft”, or the version of the protocol. hash: its SHA-256, empty for a draft.
    dated: when the version was frozen, or the draft read. open_problems: what else keeps a draft
    from being published, in words. subject: what kind of document it is; dating: what happened on
    that date; basis: what it was generated from."""

    title: str
    summary: str
    state: str
    hash: str
    dated: date
    organisers: tuple[str, ...]
    sections: tuple[Section, ...]
    open_problems: tuple[str, ...] = field(default=())
    subject: str = "Challenge design"
    dating: str = "frozen"
    basis: str = _BIAS

    @property
    def is_draft(self) -> bool:
        return not self.hash

    @property
    def missing(self) -> tuple[Missing, ...]:
        """Each once, what is required first."""
        found = {one.key: one for section in self.sections for one in section.missing()}
        return tuple(sorted(found.values(), key=lambda one: not one.required))

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "dated": self.dated.isoformat(),
            "is_draft": self.is_draft,
            "missing": [asdict(one) for one in self.missing],
        }


def paragraphs(text: str) -> tuple[str, ...]:
    """Parted at empty lines; single line breaks stay."""
    parts = (part.strip() for part in text.replace("\r\n", "\n").split("\n\n"))
    return tuple(part for part in parts if part)
