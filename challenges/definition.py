"""``challenge.yaml``: a challenge's definition, strict, with every error at once and its line."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator

from evaluation.spec import EvaluationSpec, Strict

SLUG = r"^[a-z0-9][a-z0-9-]{1,58}[a-z0-9]$"
FILE_STEM = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,60}$"


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone, for example 2027-01-31T23:59:00Z")
    return moment.astimezone(UTC)


Moment = Annotated[datetime, Field(strict=False), AfterValidator(_in_utc)]


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

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.opens and self.closes and self.closes <= self.opens:
            raise ValueError("it closes before it opens")
        return self


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

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = []
        if "PET" not in self.modalities or len(set(self.modalities)) < len(self.modalities):
            problems.append("modalities: PET is expected, and each at most once")
        for what, values in (
            ("phases: two have the slug", [phase.slug for phase in self.phases]),
            ("readers: two have the name", [reader.name for reader in self.readers]),
            ("readers: two have the file", [reader.file for reader in self.readers]),
        ):
            problems += [
                f"{what} “{v}”" for v in sorted({v for v in values if values.count(v) > 1})
            ]
        if len(self.readers) == 2:
            problems.append("readers: two have no majority; name one, or three or more")
        taken = {modality.lower() for modality in self.modalities}
        for reader in self.readers:
            if reader.file in taken:
                problems.append(f"readers: “{reader.file}” is the name of an image")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def protocol_hash(self) -> str:
        """SHA-256 over everything, dates and texts too."""
        return content_hash(self.model_dump(mode="json"))


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
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DefinitionRefused([Problem(name, f"not found in {path.parent}")]) from None
    except UnicodeDecodeError as error:
        raise DefinitionRefused([Problem(name, f"not UTF-8 text: {error}")]) from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}, line {mark.line + 1}" if mark else name
        found = getattr(error, "problem", None) or str(error)
        raise DefinitionRefused([Problem(place, f"not valid YAML: {found}")]) from None
    if not isinstance(root, yaml.MappingNode):
        raise DefinitionRefused([Problem(name, "a mapping of keys to values is expected")])
    repeated = list(_repeated_keys(root))
    if repeated:
        raise DefinitionRefused(
            [
                Problem(f"{name}, line {line}", f"the key “{key}” stands twice")
                for key, line in repeated
            ]
        )
    try:
        return ChallengeDefinition.model_validate(document)
    except ValidationError as error:
        problems = [
            Problem(f"{name}, line {_line(root, one['loc'])}", _sentence(one))
            for one in error.errors()
        ]
        raise DefinitionRefused(problems) from None


def _repeated_keys(node: yaml.Node) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        found += [
            (key.value, key.start_mark.line + 1)
            for place, (key, _) in enumerate(node.value)
            if key.value in keys[:place]
        ]
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
