"""``challenge.yaml``: a challenge's definition, strict, with every error at once and its line."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from evaluation.spec import EvaluationSpec, Strict

SLUG = r"^[a-z0-9][a-z0-9-]{1,58}[a-z0-9]$"
FILE_STEM = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,60}$"
_MAX_BYTES = 1024 * 1024


_EXAMPLE_TIME = "2027-01-31T23:59:00Z"


def _no_number(moment: object) -> object:
    if isinstance(moment, date) or (isinstance(moment, str) and "-" in moment.strip()[1:]):
        return moment
    raise ValueError(f"a date and time is expected, for example {_EXAMPLE_TIME}")


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"a time needs its zone, for example {_EXAMPLE_TIME}")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time lies outside the calendar") from None


# Not strict, as JSON holds text; but a number would be read as seconds since 1970.
Moment = Annotated[
    datetime, Field(strict=False), BeforeValidator(_no_number), AfterValidator(_in_utc)
]


class Citation(Strict):
    text: str = Field(min_length=1)
    doi: str = Field(default="", pattern=r"^(10\.\S+/\S+)?$")

    @property
    def url(self) -> str:
        return f"https://doi.org/{self.doi}" if self.doi else ""


class Source(Strict):
    """Where the data come from, and what must be cited wherever they are shown."""

    text: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    citations: list[Citation] = []


class ReaderSpec(Strict):
    """An expert; ``file`` is the name of the mask in each case's folder, without its ending."""

    name: str = Field(min_length=1, max_length=100)
    file: str = Field(pattern=FILE_STEM)


class Limits(Strict):
    """What one run of a container may use."""

    memory_gib: float = Field(default=8.0, gt=0, le=1024)
    shm_gib: float = Field(default=2.0, ge=0.0625, le=64)
    tmp_gib: float = Field(default=1.0, ge=0.0625, le=64)
    cpus: int = Field(default=2, ge=1, le=128)
    pids: int = Field(default=1024, ge=16, le=65536)
    minutes_per_case: float = Field(default=10.0, gt=0, le=24 * 60)


class PhaseSpec(Strict):
    slug: str = Field(pattern=SLUG)
    title: str = Field(min_length=1, max_length=200)
    cases: Literal["public", "hidden"] = Field(
        description="public: everyone sees images, logs and per-case scores; hidden: organisers."
    )
    opens: Moment | None = None
    closes: Moment | None = None
    limits: Limits = Limits()

    @field_validator("closes")
    @classmethod
    def _opens_before_it_closes(
        cls, closes: datetime | None, info: ValidationInfo
    ) -> datetime | None:
        opens = info.data.get("opens")
        if opens and closes and closes <= opens:
            raise ValueError("the phase closes before it opens")
        return closes


class ChallengeDefinition(Strict):
    """Everything that is settled before the first submission."""

    format: Literal[1] = Field(description="Version of this file's layout.")
    slug: str = Field(pattern=SLUG, description="The name in the challenge's address.")
    title: str = Field(min_length=1, max_length=200)
    summary: str = Field(min_length=1, max_length=400, description="One sentence, for lists.")
    question: str = Field(min_length=1, description="The clinical question; paragraphs of text.")
    data: str = Field(default="", description="How the data were made; paragraphs of text.")
    rules: str = Field(default="", description="Rules of participation; paragraphs of text.")
    source: Source | None = None
    modalities: list[Literal["PET", "CT"]] = Field(
        default=["PET"], description="Images that every case has, and every container is given."
    )
    output_slug: str = Field(
        default="pet-lesion-segmentation",
        pattern=SLUG,
        description="Containers write their mask to /output/images/<output_slug>/.",
    )
    readers: list[ReaderSpec] = Field(
        default=[ReaderSpec(name="Expert", file="reference")],
        min_length=1,
        description="With one, the reference is that mask; with three or more, their majority.",
    )
    picture_suv_max: float = Field(
        default=7.0, gt=0, le=100, description="SUV shown black in pictures of the cases."
    )
    evaluation: EvaluationSpec = EvaluationSpec()
    phases: list[PhaseSpec] = Field(min_length=1)

    # Field by field, as a check of the whole would wait until every field is right.

    @field_validator("modalities")
    @classmethod
    def _pet_is_there(cls, modalities: list[str]) -> list[str]:
        if "PET" not in modalities or len(set(modalities)) < len(modalities):
            raise ValueError("PET is expected, and each at most once")
        return modalities

    @field_validator("readers")
    @classmethod
    def _readers_differ(cls, readers: list[ReaderSpec], info: ValidationInfo) -> list[ReaderSpec]:
        problems = [
            *_repeated("two have the name", [reader.name for reader in readers]),
            *_repeated("two have the file", [reader.file for reader in readers]),
        ]
        if len(readers) == 2:
            problems.append("two have no majority; name one, or three or more")
        taken = {modality.lower() for modality in info.data.get("modalities", [])}
        problems += [f"“{r.file}” is the name of an image" for r in readers if r.file in taken]
        if problems:
            raise ValueError("; ".join(problems))
        return readers

    @field_validator("phases")
    @classmethod
    def _phases_differ(cls, phases: list[PhaseSpec]) -> list[PhaseSpec]:
        problems = _repeated("two have the slug", [phase.slug for phase in phases])
        if len({phase.cases for phase in phases}) > 1:
            problems.append(
                "public and hidden phases of one challenge would share its cases, so that none "
                "were hidden; make two challenges"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return phases

    def protocol_hash(self) -> str:
        """SHA-256 over everything, dates and texts too."""
        return content_hash(self.model_dump(mode="json"))


def _repeated(what: str, values: list[str]) -> list[str]:
    return [f"{what} “{value}”" for value in sorted(set(values)) if values.count(value) > 1]


def content_hash(document: Any) -> str:  # noqa: ANN401
    """SHA-256 of JSON with sorted keys and no spaces."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Problem:
    """One thing to mend: where (file and line, or case and file), and what."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


class DefinitionRefused(Exception):
    """Every problem of a definition, at once."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def read_definition(path: Path) -> ChallengeDefinition:
    """Read ``challenge.yaml``; raises DefinitionRefused with each problem and its line."""
    name = path.name
    text = _text(path)
    try:
        root = _nodes(text, name)
        unreadable = _unreadable_values(root)
        document = None if unreadable else yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}, line {mark.line + 1}" if mark else name
        found = getattr(error, "problem", None) or str(error)
        raise DefinitionRefused([Problem(place, f"not valid YAML: {found}")]) from None
    except RecursionError:
        raise DefinitionRefused([Problem(name, "is nested too deeply")]) from None
    wrong = [(line, f"the key “{key}” stands twice") for key, line in _repeated_keys(root)]
    wrong += unreadable
    definition = None
    if not unreadable:
        try:
            definition = ChallengeDefinition.model_validate(document)
        except ValidationError as error:
            wrong += [(_line(root, one["loc"]), _sentence(one)) for one in error.errors()]
    if definition is None or wrong:
        raise DefinitionRefused(
            [Problem(f"{name}, line {line}", text) for line, text in sorted(wrong)]
        )
    return definition


def _text(path: Path) -> str:
    name = path.name
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise DefinitionRefused([Problem(name, f"is larger than {_MAX_BYTES:,} bytes")])
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise DefinitionRefused([Problem(name, f"not found in {path.parent}")]) from None
    except OSError as error:
        raise DefinitionRefused([Problem(name, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise DefinitionRefused([Problem(name, f"not UTF-8 text: {error}")]) from None


def _nodes(text: str, name: str) -> yaml.MappingNode:
    """The document as nodes, which know their lines."""
    aliases = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            place = f"{name}, line {event.start_mark.line + 1}" if event.start_mark else name
            words = f"the alias “*{event.anchor}” is not read; write the value out"
            aliases.append(Problem(place, words))
    if aliases:  # before they are followed: a few lines of them can stand for gigabytes
        raise DefinitionRefused(aliases)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise DefinitionRefused([Problem(name, "a mapping of keys to values is expected")])
    return root


def _unreadable_values(node: yaml.Node) -> list[tuple[int, str]]:
    """Values that look like a date or a number and are none, and characters that no text has."""
    if isinstance(node, yaml.ScalarNode):
        line = node.start_mark.line + 1
        if any(
            (char < " " and char not in "\t\n\r") or "\ud800" <= char <= "\udfff"
            for char in node.value
        ):
            return [(line, "holds a control character or half of one; only text is expected")]
        try:
            yaml.SafeLoader("").construct_object(node)
        except (ValueError, LookupError, AttributeError) as error:
            return [(line, f"“{node.value[:60]}” cannot be read: {error}")]
        except yaml.YAMLError:
            return []  # told, with its line, when the document is made
        return []
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        children = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    return [found for child in children for found in _unreadable_values(child)]


def _repeated_keys(node: yaml.Node) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                found.append((name, key.start_mark.line + 1))
            seen.add(name)
        for _, value in node.value:
            found += _repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            found += _repeated_keys(value)
    return found


def _line(node: yaml.Node, location: tuple[int | str, ...]) -> int:
    """The line of the value at ``location``, or of the nearest thing around it."""
    line = int(node.start_mark.line) + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            inner = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if inner is None:
                return line
            line, node = inner[0].start_mark.line + 1, inner[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _sentence(problem: Any) -> str:  # noqa: ANN401
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        close = get_close_matches(str(problem["loc"][-1]), _known_keys(), n=1, cutoff=0.6)
        hint = f"; did you mean “{close[0]}”?" if close else ""
        return f"unknown key “{where}”{hint}"
    if problem["type"] == "missing":
        return f"“{where}” is missing"
    text = problem["msg"].removeprefix("Value error, ")
    return f"“{where}”: {text}" if where else text


def _known_keys() -> list[str]:
    schema = ChallengeDefinition.model_json_schema()
    names = set(schema["properties"])
    for part in schema.get("$defs", {}).values():
        names |= set(part.get("properties", {}))
    return sorted(names)
