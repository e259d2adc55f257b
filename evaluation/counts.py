"""What a case contributes to metrics over the cohort."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """Of one label in one case, what metrics over the cohort are made of. All but the reference's
    are None where there is no usable result; lesions where no metric asks for them.

    reference, prediction, common: voxels; voxel_ml: volume of one.
    """

    voxel_ml: float
    reference: int
    prediction: int | None
    common: int | None
    reference_lesions: int | None = None
    true_lesions: int | None = None
    false_lesions: int | None = None

    @property
    def reference_ml(self) -> float:
        return self.reference * self.voxel_ml

    @property
    def prediction_ml(self) -> float | None:
        return None if self.prediction is None else self.prediction * self.voxel_ml
