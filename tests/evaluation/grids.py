"""Tiny masks and grids, and a generator of them for properties."""

from collections.abc import Iterable

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from evaluation.geometry import Geometry
from evaluation.metrics import REGISTRY, Pair
from evaluation.pair import PetRegion
from evaluation.scoring import CaseScore, score_case
from evaluation.spec import EvaluationSpec, RankingSpec

Labels = NDArray[np.uint8]
Voxel = tuple[int, int, int]

EVERY_METRIC = EvaluationSpec(
    metrics=[metric.id for metric in REGISTRY.values() if not metric.needs_pet]
)
"""Every one that needs the masks alone."""
QUICK = settings(max_examples=40, deadline=None)
DISTANCES = ("hd", "hd95", "assd")


def grid(
    shape: tuple[int, int, int], spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> Geometry:
    """shape is NumPy's (z, y, x); spacing is along x, y, z, mm."""
    return Geometry((shape[2], shape[1], shape[0]), spacing)


def mask(shape: tuple[int, int, int], *voxels: Voxel) -> Labels:
    """1 at each of ``voxels``, given as (z, y, x)."""
    drawn = np.zeros(shape, np.uint8)
    for voxel in voxels:
        drawn[voxel] = 1
    return drawn


def score(
    reference: Labels,
    prediction: Labels | None,
    geometry: Geometry | None = None,
    spec: EvaluationSpec = EVERY_METRIC,
    pet: PetRegion | None = None,
) -> CaseScore:
    return score_case(reference, prediction, geometry or grid(_shape(reference)), spec, pet)


def value(
    metric: str, reference: Labels, prediction: Labels | None, geometry: Geometry | None = None
) -> float | None:
    return score(reference, prediction, geometry).metrics[metric]["lesion"].value


def measured(
    metric: str, reference: Labels, prediction: Labels | None, geometry: Geometry | None = None
) -> float:
    """The value, where there must be one."""
    found = value(metric, reference, prediction, geometry)
    assert found is not None
    return found


def border(drawn: Labels) -> list[Voxel]:
    """The border voxels of a mask, (z, y, x)."""
    pair = Pair.of_arrays(drawn > 0, drawn > 0, grid(_shape(drawn)))
    found = pair.frame.coordinates(pair.borders[0]) + np.array(pair.frame.start)
    return [(z, y, x) for z, y, x in found.tolist()]


def spec_of(metrics: Iterable[str], ranked: Iterable[str] = ()) -> EvaluationSpec:
    return EvaluationSpec(metrics=list(metrics), ranking=RankingSpec(metrics=list(ranked)))


def _shape(array: Labels) -> tuple[int, int, int]:
    z, y, x = array.shape
    return z, y, x


shapes = st.tuples(*[st.integers(1, 6)] * 3)
spacings = st.tuples(*[st.sampled_from([0.5, 1.0, 1.1719, 2.0, 3.27, 4.07283])] * 3)


@st.composite
def pairs(draw: st.DrawFn, *, drawn: bool = False) -> tuple[Labels, Labels, Geometry]:
    """A reference, a prediction and their grid; with ``drawn``, neither mask is empty."""
    shape = draw(shapes)
    masks = arrays.arrays(np.uint8, shape, elements=st.integers(0, 1))
    if drawn:
        masks = masks.filter(lambda array: bool(array.any()))
    return draw(masks), draw(masks), grid(shape, draw(spacings))
