"""What a case contributes to metrics over the cohort."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from evaluation.reliability import Reliability


@dataclass(frozen=True)
class Counts:
    """Of one label in one case, what metrics over the cohort are made of. All but the reference's
    are None where there is no usable result; lesions where no metric asks for them.

    reference, prediction, common: voxels; voxel_ml: volume of one. reliability: of what was said
    beside the mask, where a challenge asks for it and it is there.
    """

    voxel_ml: float
    reference: int
    prediction: int | None
    common: int | None
    reference_lesions: int | None = None
    true_lesions: int | None = None
    false_lesions: int | None = None
    reliability: Reliability | None = None

    @property
    def reference_ml(self) -> float:
        return self.reference * self.voxel_ml

    @property
    def prediction_ml(self) -> float | None:
        return None if self.prediction is None else self.prediction * self.voxel_ml

    def to_json(self) -> dict[str, Any]:
        """Without a reliability where there is none, as before there was any."""
        document = asdict(replace(self, reliability=None))
        del document["reliability"]
        if self.reliability is not None:
            document["reliability"] = self.reliability.to_json()
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        found = document.get("reliability")
        reliability = None if found is None else Reliability.from_json(found)
        return cls(**{**document, "reliability": reliability})
