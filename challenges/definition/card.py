"""What is asked of an algorithm beside its scores, so that a reader can judge what it is for.

After the EANM's position on artificial intelligence in nuclear medicine: what was built, on which
data, how it was tuned, what it knows of its own doubt, and for whom it is meant.
"""

from typing import Annotated, Literal, get_args
from unicodedata import category
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from evaluation.spec import Strict

MOST_TEXT = 4000
MOST_COUNT = 10**15

# Controls, halves of a character, and what turns the direction of what follows.
_JOINERS = "\n\r\t\u200c\u200d"
_NO_TEXT = ("Cc", "Cs", "Cf", "Co")

Text = Annotated[str, Field(max_length=MOST_TEXT)]
Count = Annotated[int, Field(ge=0, le=MOST_COUNT)]

OPENNESS = {
    "": "not told",
    "white": "white box: every step can be followed",
    "grey": "grey box: parts can be followed",
    "black": "black box: the steps cannot be followed",
}
PUBLIC = {
    "": "not told",
    "public": "public",
    "partly": "partly public",
    "private": "not public",
}


class AlgorithmCard(Strict):
    """Every field may be left empty, but those that a challenge requires."""

    plain_language: Text = Field(
        default="",
        title="In plain language",
        description="A paragraph for patients: what it does with a scan, and what it does not.",
    )
    intended_use: Text = Field(
        default="",
        title="Intended use",
        description="Which patients, tracer and scanner, which question, who reads the result.",
    )
    limitations: Text = Field(
        default="",
        title="Limits",
        description="Where it is known or expected to fail; what it was never tried on.",
    )
    architecture: Text = Field(
        default="",
        title="Architecture and layers",
        description="Or the method, where nothing is learnt.",
    )
    parameters: Count | None = Field(
        default=None,
        title="Number of parameters",
        description="Learnt ones. Counted from the image where it holds a .safetensors file.",
    )
    loss: Text = Field(default="", title="Loss", description="What training made small.")
    optimiser: Text = Field(
        default="", title="Optimiser", description="With learning rate, schedule and epochs."
    )
    hyper_parameters: Text = Field(
        default="",
        title="Search for hyper-parameters",
        description="How they were chosen, and on which data: never on those that are scored.",
    )
    domain_knowledge: Text = Field(
        default="",
        title="Domain knowledge used",
        description="Atlases, physiological uptake, thresholds, rules of readers.",
    )
    openness: Literal["", "white", "grey", "black"] = Field(
        default="",
        title="White, grey or black box",
        description="Whether a person can follow how a mask came about.",
    )
    uncertainty: Text = Field(
        default="",
        title="Uncertainty",
        description="Whether it tells how sure it is, and how that was calibrated.",
    )
    training_data: Text = Field(
        default="",
        title="Training data",
        description="Which, of which centres, scanners and tracers, with whose annotations.",
    )
    training_cases: Count | None = Field(
        default=None, title="Training cases", description="Examinations, validation included."
    )
    training_public: Literal["", "public", "partly", "private"] = Field(
        default="",
        title="Whether the training data are public",
        description="So that others can train on the same.",
    )
    pretraining: Text = Field(
        default="", title="Pretraining", description="On what, or none; with the weights' origin."
    )
    preprocessing: Text = Field(
        default="",
        title="Preprocessing and harmonisation",
        description="Resampling, normalisation of SUV, ComBat, EARL filters.",
    )
    licence: Annotated[str, Field(max_length=200)] = Field(
        default="",
        title="Licence",
        description="Of code and weights, as an SPDX name if it has one.",
    )
    code: Annotated[str, Field(max_length=500)] = Field(
        default="", title="Code", description="The address where it can be had (http or https)."
    )

    @field_validator("code")
    @classmethod
    def _is_an_address(cls, code: str) -> str:
        parts = urlsplit(code)
        if code and (parts.scheme not in ("https", "http") or "." not in parts.netloc):
            raise ValueError("an address like https://example.org/code is expected")
        return code

    @field_validator("*")
    @classmethod
    def _is_text(cls, value: object) -> object:
        if isinstance(value, str):
            if any(category(sign) in _NO_TEXT and sign not in _JOINERS for sign in value):
                raise ValueError("it holds signs that are no text")
            return value.strip()
        return value

    def missing(self, required: list[str]) -> list[str]:
        """Of the required fields those that are empty, in the order of the card."""
        return [
            name
            for name in AlgorithmCard.model_fields
            if name in required and getattr(self, name) in ("", None)
        ]


CardField = Literal[
    "plain_language", "intended_use", "limitations", "architecture", "parameters", "loss",
    "optimiser", "hyper_parameters", "domain_knowledge", "openness", "uncertainty",
    "training_data", "training_cases", "training_public", "pretraining", "preprocessing",
    "licence", "code",
]  # fmt: skip
SECTIONS: dict[str, tuple[str, ...]] = {
    "For everyone": ("plain_language", "intended_use", "limitations"),
    "Method": (
        "architecture", "parameters", "loss", "optimiser", "hyper_parameters",
        "domain_knowledge", "openness", "uncertainty",
    ),
    "Data": (
        "training_data", "training_cases", "training_public", "pretraining", "preprocessing",
    ),
    "To be had": ("licence", "code"),
}  # fmt: skip


def title_of(name: str) -> str:
    return AlgorithmCard.model_fields[name].title or name


class CardSpec(Strict):
    """What a challenge asks of the card of each entry."""

    required: list[CardField] = Field(
        default=[],
        max_length=len(get_args(CardField)),
        description="Fields that are filled in before an entry stands on a leaderboard; baselines "
        "and masks that were made elsewhere need none.",
    )

    @property
    def titles(self) -> list[str]:
        return [title_of(name) for name in AlgorithmCard.model_fields if name in self.required]

    @field_validator("required")
    @classmethod
    def _each_once(cls, required: list[str]) -> list[str]:
        repeated = sorted({one for one in required if required.count(one) > 1})
        if repeated:
            raise ValueError(f"named twice: {', '.join(repeated)}")
        return required
