"""What a challenge may ask for beside the mask: how sure an algorithm is of it."""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from evaluation.strict import Strict

NAME = r"^[a-z0-9][a-z0-9-]{1,58}[a-z0-9]$"
_NEAR_MM = 10.0


class Kind(StrEnum):
    PROBABILITY_MAP = "probability_map"
    UNCERTAINTY_VALUE = "uncertainty_value"

    @property
    def words(self) -> str:
        return {
            Kind.PROBABILITY_MAP: "probability map",
            Kind.UNCERTAINTY_VALUE: "stated probability",
        }[self]


class ConfidenceSpec(Strict):
    """How sure an algorithm is: of each voxel (a map), or of its mask as a whole (a value)."""

    kind: Annotated[Kind, Field(strict=False)] = Field(
        description="probability_map: for each voxel the probability that the reference holds it; "
        "uncertainty_value: for each case the probability that the mask is good."
    )
    name: str = Field(
        pattern=NAME,
        description="Containers write the map into the folder of this name in /output/images, the "
        "value to the file of this name (.json) in /output.",
    )
    required: bool = Field(
        default=False,
        description="Whether a case without it counts as one without a result. Baselines and "
        "masks made elsewhere are never asked for it.",
    )
    within_mm: float | None = Field(
        default=None,
        ge=0,
        le=30,
        description="Of a map: it is judged in voxels within so many mm of the reference, of the "
        "mask, or of a probability of 0.5 or more; by default 10.",
    )
    dice_at_least: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Of a value, and needed there: a mask is good whose Dice is at least this, "
        "and where there is no lesion an empty one.",
    )

    @model_validator(mode="before")
    @classmethod
    def _with_region(cls, given: Any) -> Any:  # noqa: ANN401
        """Said, so that a default that changes changes no challenge."""
        is_map = isinstance(given, dict) and given.get("kind") == Kind.PROBABILITY_MAP
        if is_map and given.get("within_mm") is None:
            return {**given, "within_mm": _NEAR_MM}
        return given

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind is Kind.PROBABILITY_MAP and self.dice_at_least is not None:
            raise ValueError("dice_at_least is of an uncertainty_value; leave it out with a map")
        if self.kind is Kind.UNCERTAINTY_VALUE and self.within_mm is not None:
            raise ValueError("within_mm is of a probability_map; leave it out with a value")
        if self.kind is Kind.UNCERTAINTY_VALUE and self.dice_at_least is None:
            raise ValueError(
                "dice_at_least is missing: from which Dice on is a mask good? For example 0.8"
            )
        return self

    @property
    def is_map(self) -> bool:
        return self.kind is Kind.PROBABILITY_MAP

    @property
    def place(self) -> str:
        """Where containers write it."""
        return f"/output/images/{self.name}/" if self.is_map else f"/output/{self.name}.json"
