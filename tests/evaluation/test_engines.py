"""The same numbers to the last bit, whichever way they are found: engines, threads, paths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, generate_binary_structure, label

from evaluation.components import by_labelling, components, in_order
from evaluation.distances import REACH, Engine, Frame, Lattice
from evaluation.geometry import Geometry
from evaluation.pair import Pair
from evaluation.scoring import score_case
from tests.evaluation.grids import EVERY_METRIC, QUICK, Labels, grid, mask, pairs

Bits = NDArray[np.bool_]
Spacing = tuple[float, float, float]

SPACINGS: dict[str, Spacing] = {
    "isotropic": (1.0, 1.0, 1.0),
    "anisotropic": (4.07283, 4.07283, 3.0),
    "three edges": (1.37, 2.05, 3.27),
    "1 to 1 to 2": (1.0, 1.0, 2.0),
    "2 to 2 to 3": (2.0, 2.0, 3.0),
    "tenths": (0.1, 0.1, 0.3),
    "incommensurable": (2.0364201, 2.0364201, 3.0),
    "equal but for rounding": (2.0364201, float(np.nextafter(2.0364201, 3.0)), 3.0),
}
SHAPE = (24, 26, 28)


def blob(generator: np.random.Generator, shape: tuple[int, int, int] = SHAPE) -> Bits:
    """An ellipsoid with a rough border."""
    at = np.indices(shape, dtype=float)
    middle, radius = generator.uniform(8, 16, 3), generator.uniform(3, 8, 3)
    squares = [((at[axis] - middle[axis]) / radius[axis]) ** 2 for axis in range(3)]
    rough: Bits = sum(squares) + generator.uniform(-0.2, 0.2, shape) <= 1
    return rough


def drawn(kind: str, seed: int = 0) -> tuple[Bits, Bits]:
    """A reference and a prediction, neither empty."""
    generator = np.random.default_rng(seed)
    if kind == "blobs":
        return blob(generator), blob(generator)
    if kind == "noise":
        return generator.random(SHAPE) < 0.5, generator.random(SHAPE) < 0.5
    if kind == "sparse":
        return generator.random(SHAPE) < 0.002, generator.random(SHAPE) < 0.002
    if kind == "noise against one voxel":
        return generator.random(SHAPE) < 0.5, mask(SHAPE, (23, 0, 27)) > 0
    one, other = np.zeros((60, 70, 80), bool), np.zeros((60, 70, 80), bool)
    one[:6, :6, :6] = generator.random((6, 6, 6)) < 0.7
    other[-6:, -6:, -6:] = generator.random((6, 6, 6)) < 0.7
    return one, other


KINDS = ["blobs", "noise", "sparse", "noise against one voxel", "far apart"]


def geometry(array: Bits, spacing: Spacing) -> Geometry:
    z, y, x = array.shape
    return grid((z, y, x), spacing)


def distances(
    masks: tuple[Bits, Bits], spacing: Spacing, engine: Engine, threads: int = 1
) -> tuple[bytes, bytes]:
    """The bits of both arrays of distances."""
    reference, prediction = (np.flatnonzero(one).astype(np.int32) for one in masks)
    on = geometry(masks[0], spacing)
    pair = Pair(reference, prediction, on, threads=threads, engine=engine)
    return pair.reference_to_prediction_mm.tobytes(), pair.prediction_to_reference_mm.tobytes()


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_engine_gives_the_same_bits(kind: str, spacing: str) -> None:
    masks, edges = drawn(kind), SPACINGS[spacing]
    expected = distances(masks, edges, Engine.TREE)
    assert distances(masks, edges, Engine.TRANSFORM) == expected
    assert distances(masks, edges, Engine.AUTO) == expected


@pytest.mark.parametrize("engine", Engine)
@pytest.mark.parametrize("kind", KINDS)
def test_two_threads_give_the_bits_of_one(kind: str, engine: Engine) -> None:
    masks, edges = drawn(kind, seed=1), SPACINGS["incommensurable"]
    assert distances(masks, edges, engine, 2) == distances(masks, edges, engine, 1)


@pytest.mark.parametrize("engine", Engine)
def test_every_run_gives_the_same_bits(engine: Engine) -> None:
    masks, edges = drawn("blobs", seed=2), SPACINGS["three edges"]
    assert len({distances(masks, edges, engine) for _ in range(5)}) == 1


@QUICK
@given(pairs(drawn=True))
def test_every_engine_gives_the_same_bits_on_any_small_masks(
    case: tuple[Labels, Labels, Geometry],
) -> None:
    reference, prediction, on = case
    masks = reference > 0, prediction > 0
    found = {distances(masks, on.spacing, engine) for engine in Engine}
    assert len(found) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_distances_are_those_of_scipys_transform(kind: str) -> None:
    masks, edges = drawn(kind, seed=3), SPACINGS["three edges"]
    pair = Pair.of_arrays(*masks, geometry(masks[0], edges))
    borders = [in_array(pair, border) for border in pair.borders]
    for start, target, found in (
        (borders[0], borders[1], pair.reference_to_prediction_mm),
        (borders[1], borders[0], pair.prediction_to_reference_mm),
    ):
        background = np.ones(masks[0].shape, bool)
        background[tuple(target.T)] = False
        exact = np.asarray(distance_transform_edt(background, sampling=edges[::-1]))
        np.testing.assert_allclose(found, exact[tuple(start.T)], rtol=1e-12)


def in_array(pair: Pair, flat: NDArray[np.int64]) -> NDArray[np.int64]:
    """(z, y, x) in the whole array of voxels of a pair's frame."""
    places: NDArray[np.int64] = pair.frame.coordinates(flat) + np.array(pair.frame.start)
    return places


@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_to_find_borders_agree(kind: str) -> None:
    masks = drawn(kind, seed=4)
    on = geometry(masks[0], SPACINGS["isotropic"])
    dense = Pair.of_arrays(*masks, on)._dense_borders()
    sparse = Pair.of_arrays(*masks, on)._sparse_borders()
    for one, other in zip(dense, sparse, strict=True):
        np.testing.assert_array_equal(one, other)


@QUICK
@given(pairs(drawn=True))
def test_a_border_is_the_voxels_with_a_face_neighbour_outside(
    case: tuple[Labels, Labels, Geometry],
) -> None:
    """By the definition, voxel by voxel."""
    pair = Pair.of_arrays(case[0] > 0, case[1] > 0, case[2])
    for array, border in zip(case[:2], pair.borders, strict=True):
        wide = np.pad(array > 0, 1)
        inside = np.ones(array.shape, bool)
        for axis in range(3):
            for step in (-1, 1):
                inside &= np.roll(wide, step, axis)[1:-1, 1:-1, 1:-1]
        expected = np.argwhere((array > 0) & ~inside)
        np.testing.assert_array_equal(in_array(pair, border), expected)


class TestLattice:
    @pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.1, 0.1, 0.1), (4.07283,) * 3])
    def test_equal_lengths_are_equal_floats(self, spacing: Spacing) -> None:
        """9 + 16 = 25."""
        ties = np.array([(3, 4, 0), (0, -4, 3), (5, 0, 0), (0, 0, -5), (4, 0, 3)])
        assert len(set(Lattice(spacing).squared(ties).tolist())) == 1

    @pytest.mark.parametrize("ratio", [(1, 1, 2), (2, 2, 3), (1, 2, 4), (3, 5, 7)])
    def test_ties_between_edges_of_a_whole_ratio_are_equal_floats(
        self, ratio: tuple[int, int, int]
    ) -> None:
        """b steps of a are as long as a steps of b."""
        for unit in (0.1, 1.0, 1 / 3, 1.1719):
            a, b, c = ratio
            lattice = Lattice((a * unit, b * unit, c * unit))
            ties = np.array([(b * c, 0, 0), (0, a * c, 0), (0, 0, -a * b)])
            assert len(set(lattice.squared(ties).tolist())) == 1

    @QUICK
    @given(
        st.tuples(*[st.integers(-400, 400)] * 3),
        st.permutations([0, 1, 2]),
        st.floats(0.1, 9.0),
    )
    def test_equal_edges_may_be_swapped(
        self, offset: tuple[int, int, int], order: list[int], edge: float
    ) -> None:
        lattice = Lattice((edge, edge, edge))
        swapped = np.array([offset, [offset[axis] for axis in order]])
        assert len(set(lattice.squared(swapped).tolist())) == 1

    @QUICK
    @given(st.tuples(*[st.integers(-400, 400)] * 3), st.tuples(*[st.floats(0.1, 9.0)] * 3))
    def test_it_is_the_length(self, offset: tuple[int, int, int], spacing: Spacing) -> None:
        found = Lattice(spacing).squared(np.array([offset]))[0]
        exact = sum((step * edge) ** 2 for step, edge in zip(offset, spacing, strict=True))
        assert found == pytest.approx(exact, rel=1e-11)

    @pytest.mark.parametrize("spacing", [(1e-6, 1.0, 1e6), (1e-4, 1e-4, 1e4), (1e-3, 1.0, 1e3)])
    def test_edges_of_any_ratio_overflow_nothing(self, spacing: Spacing) -> None:
        far = np.diag([30_000] * 3)
        np.testing.assert_allclose(
            Lattice(spacing).squared(far), (30_000 * np.array(spacing)) ** 2, rtol=1e-11
        )


def count(array: Labels) -> int:
    return Pair.of_arrays(array > 0, array > 0, grid(shape_of(array))).reference.lesions.count


def shape_of(array: NDArray[np.generic]) -> tuple[int, int, int]:
    z, y, x = array.shape
    return z, y, x


class TestComponents:
    @pytest.mark.parametrize(
        ("step", "together"),
        [
            ((0, 0, 1), True), ((0, 1, 0), True), ((1, 0, 0), True),
            ((0, 1, 1), True), ((0, 1, -1), True), ((1, 0, 1), True), ((1, 0, -1), True),
            ((1, 1, 0), True), ((1, -1, 0), True),
            ((1, 1, 1), False), ((1, -1, 1), False), ((1, 1, -1), False), ((1, -1, -1), False),
            ((0, 0, 2), False), ((0, 2, 0), False), ((2, 0, 0), False), ((0, 1, 2), False),
        ],
    )  # fmt: skip
    def test_a_face_or_an_edge_connects_and_a_corner_does_not(
        self, step: tuple[int, int, int], together: bool
    ) -> None:
        z, y, x = step
        two = mask((5, 5, 5), (2, 2, 2), (2 + z, 2 + y, 2 + x))
        assert count(two) == (1 if together else 2)

    def test_the_end_of_a_row_does_not_touch_the_start_of_the_next(self) -> None:
        assert count(mask((1, 2, 6), (0, 0, 5), (0, 1, 0))) == 2
        assert count(mask((2, 2, 6), (0, 1, 5), (1, 0, 0))) == 2
        assert count(mask((2, 3, 1), (0, 2, 0), (1, 0, 0))) == 2

    def test_a_full_array_of_any_shape_is_one(self) -> None:
        for shape in [(1, 1, 1), (1, 1, 9), (9, 1, 1), (1, 9, 1), (4, 5, 6)]:
            assert count(np.ones(shape, np.uint8)) == 1

    def test_a_checkerboard_is_one_lesion_and_every_second_voxel_one_each(self) -> None:
        """Voxels of one colour of a checkerboard share edges."""
        board = (np.indices((2, 4, 4)).sum(axis=0) % 2).astype(np.uint8)
        assert count(board) == 1
        apart = np.zeros((5, 5, 5), np.uint8)
        apart[::2, ::2, ::2] = 1
        assert count(apart) == 27

    def test_runs_join_through_a_later_row(self) -> None:
        """A U: its arms meet only at the bottom."""
        arms = mask((1, 3, 5), *[(0, y, x) for y in range(3) for x in (0, 4)])
        assert count(arms) == 2
        assert count(arms | mask((1, 3, 5), *[(0, 2, x) for x in range(5)])) == 1

    @pytest.mark.parametrize("share", [0.02, 0.15, 0.5, 0.95])
    @pytest.mark.parametrize("shape", [(12, 13, 14), (1, 20, 20), (20, 1, 20), (20, 20, 1)])
    def test_runs_and_labelling_and_scipy_number_every_voxel_alike(
        self, shape: tuple[int, int, int], share: float
    ) -> None:
        same_components(np.random.default_rng(7).random(shape) < share)

    @QUICK
    @given(pairs(drawn=True))
    def test_they_agree_on_any_small_mask(self, case: tuple[Labels, Labels, Geometry]) -> None:
        same_components(case[0] > 0)

    def test_an_empty_mask_has_none(self) -> None:
        frame = Frame((0, 0, 0), (7, 7, 7), (1.0, 1.0, 1.0))
        assert components(np.empty(0, np.int64), frame).count == 0

    def test_they_are_numbered_by_their_first_voxel(self) -> None:
        assert in_order(np.array([4, 4, 0, 9, 0], np.int32)).tolist() == [0, 0, 1, 2, 1]


def same_components(array: Bits) -> None:
    framed = np.pad(array, REACH)
    frame = Frame((0, 0, 0), shape_of(framed), (1.0, 1.0, 1.0))
    voxels = np.flatnonzero(framed)
    runs, dense = components(voxels, frame), by_labelling(voxels, frame)
    theirs, number = label(array, generate_binary_structure(3, 2))
    # SciPy numbers in raster order too, from 1.
    expected = np.asarray(theirs)[array] - 1
    np.testing.assert_array_equal(runs.of_voxel, in_order(expected.astype(np.int32)))
    np.testing.assert_array_equal(dense.of_voxel, runs.of_voxel)
    np.testing.assert_array_equal(dense.sizes, runs.sizes)
    np.testing.assert_array_equal(runs.sizes, np.bincount(runs.of_voxel))
    assert runs.count == number


def test_the_whole_score_of_a_case_is_the_same_on_every_run() -> None:
    masks = [one.astype(np.uint8) for one in drawn("blobs", seed=5)]
    on = grid(SHAPE, SPACINGS["incommensurable"])
    scores = [score_case(masks[0], masks[1], on, EVERY_METRIC).to_json() for _ in range(3)]
    assert scores[0] == scores[1] == scores[2]
