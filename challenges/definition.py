"""``challenge.yaml``: a challenge's definition, strict, with every error at once and its line."""

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
)

from evaluation.documents import read_document
from evaluation.readers import Recipe
from evaluation.spec import EvaluationSpec, Strict

SLUG = r"^[a-z0-9][a-z0-9-]{1,58}[a-z0-9]$"
FILE_STEM = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,60}$"


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
    hours_in_all: float | None = Field(
        default=None, gt=0, le=24 * 365, description="Of one submission's containers together."
    )
    failed_in_a_row: int | None = Field(
        default=None,
        ge=1,
        description="So many cases that fail one after another end the runs; the rest counts as "
        "worst.",
    )
    sandbox: Literal["any", "gvisor"] = Field(
        default="any",
        description="any: gVisor where the host has it, else the engine's default; gvisor: a host "
        "without it refuses.",
    )


class Quota(Strict):
    """What one person may submit to a phase; a fault of the platform never counts."""

    submissions: int | None = Field(
        default=None, ge=1, description="Scored, or on their way to a score, within ``days``."
    )
    attempts: int | None = Field(
        default=None, ge=1, description="Of any end within ``days``: failed and cancelled ones too."
    )
    days: int = Field(default=7, ge=1, le=366, description="Length of the period, which slides.")
    at_once: int | None = Field(
        default=1, ge=1, description="Under way at once; further ones wait for their turn."
    )

    @field_validator("attempts")
    @classmethod
    def _no_fewer_attempts_than_submissions(
        cls, attempts: int | None, info: ValidationInfo
    ) -> int | None:
        submissions = info.data.get("submissions")
        if attempts is not None and submissions is not None and attempts < submissions:
            raise ValueError(f"fewer attempts than submissions ({submissions}) cannot be used")
        return attempts


class PhaseSpec(Strict):
    slug: str = Field(pattern=SLUG)
    title: str = Field(min_length=1, max_length=200)
    cases: Literal["public", "hidden"] = Field(
        description="public: everyone sees images, logs and per-case scores; hidden: organisers."
    )
    opens: Moment | None = None
    closes: Moment | None = None
    limits: Limits = Limits()
    quota: Quota = Quota()

    @field_validator("closes")
    @classmethod
    def _opens_before_it_closes(
        cls, closes: datetime | None, info: ValidationInfo
    ) -> datetime | None:
        opens = info.data.get("opens")
        if opens and closes and closes <= opens:
            raise ValueError("the phase closes before it opens")
        return closes


class InputSpec(Strict):
    """A further input: ``<name>.json`` in each case's folder, ``/input/<name>.json`` in a run."""

    name: str = Field(pattern=FILE_STEM)
    title: str = Field(min_length=1, max_length=100)

    @field_validator("name")
    @classmethod
    def _not_the_list(cls, name: str) -> str:
        if name == "inputs":
            raise ValueError("inputs.json is the list of inputs, which the platform writes")
        return name


class OutputSpec(Strict):
    """A further output: ``/output/<name>.json``, which has to fit ``json_schema``."""

    name: str = Field(pattern=FILE_STEM)
    title: str = Field(min_length=1, max_length=100)
    json_schema: dict[str, Any] = Field(
        default={}, description="JSON Schema, draft 2020-12; one without rules takes any JSON."
    )

    @field_validator("json_schema")
    @classmethod
    def _is_a_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            raise ValueError(f"not a JSON Schema: {error.message} (at {error.json_path})") from None
        return schema


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
    inputs: list[InputSpec] = Field(
        default=[], description="JSON that a container is given beside the images."
    )
    outputs: list[OutputSpec] = Field(
        default=[], description="JSON that a container has to write beside the mask."
    )
    readers: list[ReaderSpec] = Field(
        default=[ReaderSpec(name="Expert", file="reference")],
        min_length=1,
        description="With one, the reference is that mask; with two, scores against each are "
        "averaged; with three or more, the reference is their consensus.",
    )
    consensus: Annotated[Recipe, Field(strict=False)] = Field(
        default=Recipe.MAJORITY,
        description="How the masks of three or more readers become one: majority (strict) or "
        "staple.",
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
        taken = {modality.lower() for modality in info.data.get("modalities", [])}
        problems += [f"“{r.file}” is the name of an image" for r in readers if r.file in taken]
        if problems:
            raise ValueError("; ".join(problems))
        return readers

    @field_validator("inputs", "outputs")
    @classmethod
    def _sockets_differ(
        cls, sockets: list[InputSpec] | list[OutputSpec]
    ) -> list[InputSpec] | list[OutputSpec]:
        if problems := _repeated("two have the name", [one.name for one in sockets]):
            raise ValueError("; ".join(problems))
        return sockets

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

    @property
    def reference_words(self) -> str:
        """What is scored against."""
        match len(self.readers):
            case 1:
                return "mask of one reader"
            case 2:
                return "mean of the scores against each of two readers"
            case count if self.consensus is Recipe.STAPLE:
                return f"STAPLE of {count} readers"
            case count:
                return f"strict majority of {count} readers"

    def protocol_hash(self) -> str:
        """SHA-256 over everything, dates and texts too."""
        return content_hash(self.model_dump(mode="json"))


def _repeated(what: str, values: list[str]) -> list[str]:
    return [f"{what} “{value}”" for value in sorted(set(values)) if values.count(value) > 1]


def content_hash(document: Any) -> str:  # noqa: ANN401
    """SHA-256 of JSON with sorted keys and no spaces."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_definition(path: Path) -> ChallengeDefinition:
    """Read ``challenge.yaml``; raises DocumentRefused with each problem and its line."""
    return read_document(path, ChallengeDefinition)
