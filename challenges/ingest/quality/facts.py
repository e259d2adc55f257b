"""What was measured of a case: numbers, by which it is checked, compared and grouped."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

from evaluation.geometry import Triple

WHOLE_BODY_MM = 700.0
"""From head to feet; what is shorter is a crop or one region."""


@dataclass(frozen=True)
class MirrorFacts:
    """Of a mirror image of a mask: share of its lesions that are hot, median contrast of its
    lesions, and mean SUV."""

    hot_share: float
    contrast: float
    suv_mean: float


@dataclass(frozen=True)
class MaskFacts:
    """Of one mask, all labels together. What has no meaning where nothing is drawn is None.

    components: 18-connected; single_voxels: those of one voxel. contrast: mean SUV inside over the
    median SUV 5–15 mm outside, of the 50 largest components together. hot_share: of these, those of
    a contrast above 1.2 by themselves. mirrored: of the seven mirror images the one with the
    largest share of hot lesions; looked for only where hot_share is low. outside_body: share of the
    mask's voxels, 0 to 1.
    """

    volume_ml: float
    voxels: int
    components: int
    single_voxels: int
    suv_max: float | None = None
    suv_mean: float | None = None
    contrast: float | None = None
    hot_share: float | None = None
    mirrored: MirrorFacts | None = None
    outside_body: float | None = None


@dataclass(frozen=True)
class PairFacts:
    """Two readers of one case; None where both drew nothing, hd95_mm where one did."""

    first: str
    second: str
    dice: float | None
    hd95_mm: float | None


@dataclass(frozen=True)
class PlaceFacts:
    """Whether one thing lies where another lies: Dice as they are, the best Dice after a shift by
    whole voxels (of bodies: blocks of voxels), and that shift along x, y, z of the PET's array."""

    dice: float
    best_dice: float
    shift_voxels: tuple[int, int, int]
    shift_mm: Triple

    @property
    def shift_length_mm(self) -> float:
        return math.hypot(*self.shift_mm)


@dataclass(frozen=True)
class CtFacts:
    """covered: share of the PET's body that lies in the CT's field; place: of the bodies, None
    where one shows no outline to compare. hu_min, hu_max: the 0.1st and 99.9th percentiles."""

    hu_min: float
    hu_max: float
    covered: float
    place: PlaceFacts | None


@dataclass(frozen=True)
class Facts:
    """Numbers of one case, after pet.md's checks; SUV in g/ml, volumes in ml.

    voxel_mm, matrix: along x, y, z. length_mm: of the field from head to feet. references_ml:
    volumes of the lesions (18-connected) of each reference mask, largest first; two masks where
    scores against two readers are averaged. hottest_inside, hottest_outside: SUVmax in all that
    any reference holds, and outside. pet_sha256: of the PET's voxels and matrix, so that a copy
    under another header is the same image.
    """

    voxel_mm: Triple
    matrix: tuple[int, int, int]
    length_mm: float
    suv_min: float
    suv_max: float
    suv_mean: float
    suv_p9999: float
    body_ml: float
    pet_sha256: str
    annotations: Mapping[str, MaskFacts]
    references_ml: tuple[tuple[float, ...], ...]
    hottest_inside: float | None = None
    hottest_outside: float | None = None
    pairs: tuple[PairFacts, ...] = ()
    ct: CtFacts | None = None
    auxiliary: Mapping[str, PlaceFacts | None] = field(default_factory=dict)
    uptake_min: float | None = None

    @property
    def whole_body(self) -> bool:
        return self.length_mm >= WHOLE_BODY_MM

    @property
    def lesion_count(self) -> float:
        """The mean over reference masks."""
        return fmean(len(lesions) for lesions in self.references_ml)

    @property
    def reference_ml(self) -> float:
        """The mean over reference masks."""
        return fmean(sum(lesions) for lesions in self.references_ml)

    @property
    def lesion_free(self) -> bool:
        return not any(self.references_ml)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Facts":
        """Of ``to_json``. Raises TypeError for a document of other fields."""
        ct = document["ct"]
        sx, sy, sz = document["voxel_mm"]
        nx, ny, nz = document["matrix"]
        return cls(
            **{
                **document,
                "voxel_mm": (sx, sy, sz),
                "matrix": (nx, ny, nz),
                "annotations": {
                    reader: _mask(mask) for reader, mask in document["annotations"].items()
                },
                "references_ml": tuple(tuple(one) for one in document["references_ml"]),
                "pairs": tuple(PairFacts(**pair) for pair in document["pairs"]),
                "ct": None if ct is None else CtFacts(**{**ct, "place": _place(ct["place"])}),
                "auxiliary": {name: _place(one) for name, one in document["auxiliary"].items()},
            }
        )


def _mask(document: Mapping[str, Any]) -> MaskFacts:
    mirrored = document["mirrored"]
    return MaskFacts(
        **{**document, "mirrored": None if mirrored is None else MirrorFacts(**mirrored)}
    )


def _place(document: Mapping[str, Any] | None) -> PlaceFacts | None:
    if document is None:
        return None
    x, y, z = document["shift_mm"]
    i, j, k = document["shift_voxels"]
    return PlaceFacts(document["dice"], document["best_dice"], (i, j, k), (x, y, z))
