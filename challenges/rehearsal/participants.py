"""Simulated participants: what each draws, and what is known of them beforehand."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from challenges.ingest.quality.body import pet_body
from challenges.rehearsal.noise import Drawing, Lesion, Level, drawings, lesions, redrawn
from evaluation.geometry import Geometry
from evaluation.pair import Pair

Labels = NDArray[np.uint8]
Kind = Literal["perfect", "reader", "threshold", "shifted", "flawed"]
SIMILAR = 5
"""Readers of the middle level, who differ by chance alone."""
FAILING_SHARE = 0.1
SEEDED_SUV, SHARE_OF_MAX = 2.5, 0.41


@dataclass(frozen=True)
class Participant:
    """grade: the order known beforehand, 0 the best; None where it depends on the data. Those of
    one grade are not told apart."""

    id: str
    title: str
    kind: Kind
    grade: int | None


LEVELS: dict[str, tuple[str, float, float]] = {
    "reader_near": ("Reader, strays little", 0.93, 0.1),
    "reader_middle": ("Reader, strays", 0.84, 0.2),
    "reader_far": ("Reader, strays far", 0.70, 0.4),
}
"""Of each level its title, the Dice between two such readers, and the chance to miss the smallest
lesions."""
PERFECT, MIDDLE, FAILING, EMPTY = "perfect", "reader_middle", "failing", "empty"
PARTICIPANTS: tuple[Participant, ...] = (
    Participant(PERFECT, "Copy of the reference", "perfect", 0),
    *(
        Participant(name, title, "reader", grade)
        for grade, (name, (title, _, _)) in enumerate(LEVELS.items(), start=1)
    ),
    Participant("suv_2_5", "Everything of SUV 2.5 and more", "threshold", None),
    Participant("suv_4", "Everything of SUV 4 and more", "threshold", None),
    Participant("max_41", "41 % of the SUVmax of each component above SUV 2.5", "threshold", None),
    Participant("shifted_1", "Reference, one voxel aside", "shifted", None),
    Participant("shifted_3", "Reference, three voxels aside", "shifted", None),
    Participant(FAILING, "Reader who strays, and fails on 10 % of the cases", "flawed", None),
    Participant("mirrored", "Reference, left and right exchanged", "flawed", 4),
    Participant("body", "The whole body", "flawed", 4),
    Participant(EMPTY, "Empty masks", "flawed", 4),
)
BY_ID: dict[str, Participant] = {one.id: one for one in PARTICIPANTS}


@dataclass(frozen=True)
class Scene:
    """One case: suv and the mask that participants know, ``[z, y, x]``; labels by name."""

    suv: NDArray[np.float32]
    truth: Labels
    geometry: Geometry
    labels: Mapping[str, int]

    @cached_property
    def lesions(self) -> dict[int, list[Lesion]]:
        return {
            value: lesions(self.truth == value, self.geometry) for value in self.labels.values()
        }

    def redrawn(self, level: Level, rng: np.random.Generator) -> Labels:
        """As a reader of this level draws it, lesion by lesion."""
        flat = np.zeros(self.truth.size, np.uint8)
        for value, found in self.lesions.items():
            chance: list[Drawing] = drawings(found, rng)
            flat[redrawn(found, chance, level.sigma_mm, level.miss)] = value
        return flat.reshape(self.truth.shape)


def drawn_by(scene: Scene) -> dict[str, Callable[[], Labels]]:
    """How each participant without chance draws; thresholds and bodies know of no labels, and give
    the first."""
    first = next(iter(scene.labels.values()))

    def all_of(mask: NDArray[np.bool_]) -> Labels:
        return mask.astype(np.uint8) * np.uint8(first)

    axis, aside = _left(scene.geometry)
    return {
        PERFECT: lambda: scene.truth,
        "suv_2_5": lambda: all_of(scene.suv >= 2.5),
        "suv_4": lambda: all_of(scene.suv >= 4.0),
        "max_41": lambda: all_of(_share_of_max(scene.suv, scene.geometry)),
        "shifted_1": lambda: _shifted(scene.truth, axis, aside),
        "shifted_3": lambda: _shifted(scene.truth, axis, 3 * aside),
        "mirrored": lambda: np.flip(scene.truth, axis),
        "body": lambda: all_of(_body(scene)),
        EMPTY: lambda: np.zeros_like(scene.truth),
    }


def _left(geometry: Geometry) -> tuple[int, int]:
    """The array axis nearest to left–right, and the step that leads to the left."""
    row = np.array(geometry.direction).reshape(3, 3)[0]
    axis = int(np.argmax(np.abs(row)))
    return 2 - axis, int(math.copysign(1, row[axis]))


def _shifted(mask: Labels, axis: int, steps: int) -> Labels:
    """By whole voxels; what leaves the image is gone."""
    moved = np.zeros_like(mask)
    size = mask.shape[axis]
    if abs(steps) < size:
        source = slice(max(0, -steps), size - max(0, steps))
        target = slice(max(0, steps), size - max(0, -steps))
        at = (slice(None),) * axis
        moved[(*at, target)] = mask[(*at, source)]
    return moved


def _share_of_max(suv: NDArray[np.float32], geometry: Geometry) -> NDArray[np.bool_]:
    """In each 18-connected component of SUV ≥ 2.5, what has 41 % of its maximum or more."""
    seeded = np.flatnonzero(suv >= SEEDED_SUV)
    mask = np.zeros(suv.size, bool)
    if seeded.size:
        found = Pair(seeded.astype(np.int32), np.empty(0, np.int32), geometry).reference.lesions
        values = suv.ravel()[seeded]
        highest = np.zeros(found.count, np.float32)
        np.maximum.at(highest, found.of_voxel, values)
        mask[seeded[values >= SHARE_OF_MAX * highest[found.of_voxel]]] = True
    return mask.reshape(suv.shape)


def _body(scene: Scene) -> NDArray[np.bool_]:
    body = pet_body(scene.suv, scene.geometry)
    fine: NDArray[np.bool_] = body.inside
    for axis, factor in enumerate(body.factors):
        fine = np.repeat(fine, factor, axis)
    z, y, x = scene.suv.shape
    return fine[:z, :y, :x]
