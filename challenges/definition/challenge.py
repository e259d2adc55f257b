"""``challenge.yaml``: a challenge's definition, strict, with every error at once and its line."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import Field, ValidationInfo, field_validator

from challenges.definition.card import CardSpec
from challenges.definition.design import Design
from challenges.definition.participation import (
    MOST_INSTITUTES,
    Institute,
    RegistrationSpec,
    TeamsSpec,
    institutes_differ,
)
from challenges.definition.phases import SLUG, PhaseSpec, entry_problems, visibility_problems
from evaluation.documents import read_document
from evaluation.readers import Recipe
from evaluation.spec import EvaluationSpec, Strict

FILE_STEM = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,60}$"


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
    registration: RegistrationSpec = RegistrationSpec()
    card: CardSpec = CardSpec()
    teams: TeamsSpec = TeamsSpec()
    organising_institutes: list[Institute] = Field(
        default=[],
        max_length=MOST_INSTITUTES,
        description="Entries of people and teams of these are shown without a rank.",
    )
    terms: str = Field(
        default="", description="Terms that a person accepts before downloading cases."
    )
    public_columns: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        default=[],
        description="Columns of cases.csv that participants may see, case by case.",
    )
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
    design: Design = Field(default=Design(), description="Texts of the design document; see below.")

    # Field by field, as a check of the whole would wait until every field is right.

    @field_validator("organising_institutes")
    @classmethod
    def _institutes_differ(cls, institutes: list[str]) -> list[str]:
        return institutes_differ(institutes)

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

    @field_validator("evaluation")
    @classmethod
    def _confidence_has_a_place(
        cls, evaluation: EvaluationSpec, info: ValidationInfo
    ) -> EvaluationSpec:
        asked = evaluation.confidence
        taken = (
            [info.data.get("output_slug")]
            if asked and asked.is_map
            else [one.name for one in info.data.get("outputs") or []]
        )
        if asked and asked.name in taken:
            raise ValueError(f"confidence: “{asked.name}” is the name of another output")
        return evaluation

    @field_validator("phases")
    @classmethod
    def _phases_differ(cls, phases: list[PhaseSpec], info: ValidationInfo) -> list[PhaseSpec]:
        problems = _repeated("two have the slug", [phase.slug for phase in phases])
        problems += visibility_problems(phases)
        if evaluation := info.data.get("evaluation"):
            problems += entry_problems(phases, evaluation)
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
