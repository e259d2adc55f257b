"""The same numbers by other people's programs, and by geometry that has a formula."""

import math

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from evaluation.geometry import Geometry
from evaluation.metrics.surface import assd, hd, hd95, hd95_pooled, nsd
from evaluation.oracle import medpy_assd, medpy_dice, medpy_hd, medpy_hd95_pooled
from evaluation.pair import Pair
from tests.evaluation.grids import QUICK, Labels, border, grid, mask, measured, pairs

Case = tuple[Labels, Labels, Geometry]
Spacing = tuple[float, float, float]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def pair_of(case: Case) -> Pair:
    return Pair.of_arrays(case[0] > 0, case[1] > 0, case[2])


def images(case: Case) -> tuple[SimpleITK.Image, SimpleITK.Image]:
    reference, prediction, geometry = case
    made = []
    for array in (reference, prediction):
        made.append(SimpleITK.GetImageFromArray(array))
        made[-1].SetSpacing(geometry.spacing)
    return made[0], made[1]


class TestMedpy:
    @QUICK
    @given(pairs(drawn=True))
    def test_it_agrees_where_it_defines_the_same(self, case: Case) -> None:
        reference, prediction, geometry = case
        masks = prediction > 0, reference > 0
        edges = geometry.spacing[::-1]
        assert measured("dice", *case) == pytest.approx(medpy_dice(*masks))
        assert measured("hd", *case) == pytest.approx(medpy_hd(*masks, edges), abs=1e-9)
        pooled = medpy_hd95_pooled(*masks, edges)
        assert measured("hd95_pooled", *case) == pytest.approx(pooled, abs=1e-9)

    @QUICK
    @given(pairs(drawn=True))
    def test_its_assd_pools_both_directions_too(self, case: Case) -> None:
        """From its version 0.5; older ones averaged the two directed means."""
        reference, prediction, geometry = case
        theirs = medpy_assd(prediction > 0, reference > 0, geometry.spacing[::-1])
        assert measured("assd", *case) == pytest.approx(theirs, abs=1e-9)

    def test_on_masks_of_a_realistic_size(self) -> None:
        """Borders so far apart that few are found among the nearest voxels."""
        edges, shape = (4.07283, 4.07283, 3.0), (40, 36, 44)
        on = grid(shape, edges)
        case = ball(shape, edges, 30.0), ball(shape, edges, 41.0, (8.0, -9.0, 5.0)), on
        masks = case[1] > 0, case[0] > 0
        assert measured("hd", *case) == pytest.approx(medpy_hd(*masks, edges[::-1]))
        assert measured("assd", *case) == pytest.approx(medpy_assd(*masks, edges[::-1]))
        pooled = medpy_hd95_pooled(*masks, edges[::-1])
        assert measured("hd95_pooled", *case) == pytest.approx(pooled)


class TestSimpleItk:
    @QUICK
    @given(pairs(drawn=True))
    def test_its_overlap_measures_are_ours(self, case: Case) -> None:
        """Its false negative error is 1 − sensitivity, its false discovery rate 1 − PPV."""
        measures = SimpleITK.LabelOverlapMeasuresImageFilter()
        measures.Execute(*images(case)[::-1])  # the first is its source, the second its target
        source_first = SimpleITK.LabelOverlapMeasuresImageFilter()
        source_first.Execute(*images(case))
        assert measured("dice", *case) == pytest.approx(measures.GetDiceCoefficient())
        assert measured("jaccard", *case) == pytest.approx(measures.GetJaccardCoefficient())
        missed = 1 - measured("sensitivity", *case)
        false = 1 - measured("ppv", *case)
        assert measures.GetFalseNegativeError() == pytest.approx(missed, abs=1e-9)
        assert source_first.GetFalseNegativeError() == pytest.approx(false, abs=1e-9)
        similarity = measures.GetVolumeSimilarity()  # 2·(S − T)/(S + T), as a share
        assert measured("mtv_sym_error", *case) == pytest.approx(100 * similarity, abs=1e-6)

    @QUICK
    @given(pairs(drawn=True))
    def test_its_volumes_are_ours(self, case: Case) -> None:
        statistics = SimpleITK.LabelShapeStatisticsImageFilter()
        volumes = []
        for image in images(case):
            statistics.Execute(image)
            volumes.append(statistics.GetPhysicalSize(1) / 1000)
        assert measured("mtv_ml", *case) == pytest.approx(volumes[1])
        difference = pytest.approx(volumes[1] - volumes[0], abs=1e-9)
        assert measured("mtv_error_ml", *case) == difference

    @QUICK
    @given(pairs(drawn=True))
    def test_its_components_are_ours(self, case: Case) -> None:
        """Its connectivity is 6 or 26, so lesions lie between them in number."""
        pair = pair_of(case)
        filters = [SimpleITK.ConnectedComponentImageFilter() for _ in range(2)]
        filters[1].FullyConnectedOn()
        for image, side in zip(images(case), (pair.reference, pair.prediction), strict=True):
            counts = []
            for one in filters:
                one.Execute(image)
                counts.append(one.GetObjectCount())
            assert counts[1] <= side.lesions.count <= counts[0]

    @QUICK
    @given(pairs(drawn=True))
    def test_its_hausdorff_distance_is_that_of_whole_masks(self, case: Case) -> None:
        """It measures from every voxel to the nearest of the other mask: never more than between
        borders, and equal where no mask has an inside."""
        hausdorff = SimpleITK.HausdorffDistanceImageFilter()
        hausdorff.Execute(*images(case))
        theirs, pair = hausdorff.GetHausdorffDistance(), pair_of(case)
        assert hd(pair) >= theirs - 1e-4
        if all(
            one.size == side.voxels.size
            for one, side in zip(pair.borders, (pair.reference, pair.prediction), strict=True)
        ):
            assert hd(pair) == pytest.approx(theirs, abs=1e-4)


def by_transform(case: Case) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """D_RP and D_PR by SciPy's exact transform of the whole image."""
    found = []
    for start, target in ((case[0], case[1]), (case[1], case[0])):
        background = np.ones(start.shape, bool)
        background[tuple(np.array(border(target)).T)] = False
        exact = np.asarray(distance_transform_edt(background, sampling=case[2].spacing[::-1]))
        found.append(exact[tuple(np.array(border(start)).T)])
    return found[0], found[1]


@QUICK
@given(pairs(drawn=True))
def test_every_distance_metric_is_that_of_scipys_transform(case: Case) -> None:
    forth, back = by_transform(case)
    both = np.concatenate([forth, back])
    pair = pair_of(case)
    assert hd(pair) == pytest.approx(both.max(), abs=1e-9)
    q95 = [float(np.quantile(one, 0.95)) for one in (forth, back)]
    assert hd95(pair) == pytest.approx(max(q95), abs=1e-9)
    assert hd95_pooled(pair) == pytest.approx(np.quantile(both, 0.95), abs=1e-9)
    assert assd(pair) == pytest.approx(both.mean(), abs=1e-9)
    for tolerance in (0.0, 0.9, 2.5, 4.0):
        share = float((both <= tolerance + 1e-6).mean())
        assert nsd(pair, tolerance) == pytest.approx(share)


def ball(
    shape: tuple[int, int, int],
    edges: Spacing,
    radius: float,
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Labels:
    """Voxels whose centre lies within ``radius`` of the middle, moved by ``shift`` (z, y, x), mm."""
    at = np.indices(shape, dtype=float)
    squares = [
        ((at[axis] - (shape[axis] - 1) / 2) * edges[2 - axis] - shift[axis]) ** 2
        for axis in range(3)
    ]
    inside: Labels = (sum(squares) <= radius**2).astype(np.uint8)
    return inside


BALLS: list[tuple[tuple[int, int, int], Spacing]] = [
    ((61, 61, 61), (1.0, 1.0, 1.0)),
    ((41, 61, 61), (1.0, 1.0, 1.5)),
    ((70, 40, 40), (2.0, 2.0, 1.0)),
]


@pytest.mark.parametrize(("shape", "edges"), BALLS)
class TestBalls:
    def test_the_volume_is_that_of_the_formula(
        self, shape: tuple[int, int, int], edges: Spacing
    ) -> None:
        drawn = ball(shape, edges, 25.0)
        exact = 4 / 3 * math.pi * 25.0**3 / 1000
        assert measured("mtv_ml", drawn, drawn, grid(shape, edges)) == pytest.approx(
            exact, rel=0.02
        )

    @pytest.mark.parametrize("wider", [3.0, 6.0])
    def test_the_distance_to_a_wider_one_is_the_difference_of_radii(
        self, shape: tuple[int, int, int], edges: Spacing, wider: float
    ) -> None:
        """Each distance, so the largest, the percentile and the mean, to within a voxel."""
        case = ball(shape, edges, 20.0), ball(shape, edges, 20.0 + wider), grid(shape, edges)
        voxel = math.hypot(*edges)
        for metric in ("hd", "hd95", "hd95_pooled", "assd"):
            assert measured(metric, *case) == pytest.approx(wider, abs=voxel), metric
        pair = pair_of(case)
        assert nsd(pair, wider + voxel) == 1.0
        assert nsd(pair, wider - voxel) == 0.0

    def test_a_shell_has_an_inner_border_too(
        self, shape: tuple[int, int, int], edges: Spacing
    ) -> None:
        """Hollowed out to 10 mm inside 24 mm: the new wall is 14 mm from the old one."""
        whole = ball(shape, edges, 24.0)
        shell = whole - ball(shape, edges, 10.0)
        voxel = math.hypot(*edges)
        on = grid(shape, edges)
        assert measured("hd", whole, shell, on) == pytest.approx(14.0, abs=voxel)
        volumes = [measured("mtv_ml", whole, one, on) for one in (whole, shell)]
        exact = 1 - (10 / 24) ** 3
        assert volumes[1] / volumes[0] == pytest.approx(exact, rel=0.02)

    def test_one_moved_by_whole_voxels_is_that_far_away(
        self, shape: tuple[int, int, int], edges: Spacing
    ) -> None:
        """The pole moves by exactly this much, and nothing by more."""
        x = edges[0]
        case = ball(shape, edges, 15.0), ball(shape, edges, 15.0, (0.0, 0.0, 4 * x))
        assert measured("hd", *case, grid(shape, edges)) <= 4 * x + 1e-9
        dice = measured("dice", *case, grid(shape, edges))
        h = 4 * x / 2  # two equal balls of radius r, 2h apart, have in common two caps
        cap = math.pi * (15.0 - h) ** 2 * (3 * 15.0 - (15.0 - h)) / 3
        assert dice == pytest.approx(2 * cap / (4 / 3 * math.pi * 15.0**3), abs=0.02)


def test_medpy_refuses_an_empty_mask_and_simpleitk_knows_no_dice_of_two() -> None:
    """Why neither gives users their scores: here both have a declared value."""
    empty, one = mask((3, 3, 3)), mask((3, 3, 3), (1, 1, 1))
    with pytest.raises(RuntimeError):
        medpy_hd(empty > 0, one > 0, (1.0, 1.0, 1.0))
    measures = SimpleITK.LabelOverlapMeasuresImageFilter()
    measures.Execute(*images((empty, empty, grid((3, 3, 3)))))
    assert not math.isfinite(measures.GetDiceCoefficient())
