"""hd, hd95 and assd: distances between borders, in mm, by the reference's spacing."""

import math

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from evaluation.geometry import Geometry
from evaluation.metrics import Pair
from evaluation.oracle import medpy_hd, medpy_hd95_pooled
from tests.evaluation.grids import DISTANCES, QUICK, Labels, border, grid, mask, measured, pairs

LINE = (1, 1, 8)


def line(*places: int) -> Labels:
    return mask(LINE, *[(0, 0, place) for place in places])


@pytest.mark.parametrize("metric", DISTANCES)
class TestEveryDistance:
    def test_of_equal_masks_is_zero(self, metric: str) -> None:
        assert measured(metric, line(2, 3), line(2, 3)) == 0.0

    def test_between_two_single_voxels_is_theirs(self, metric: str) -> None:
        geometry = grid((4, 5, 6), (2.0, 3.0, 5.0))
        found = measured(metric, mask((4, 5, 6), (0, 0, 0)), mask((4, 5, 6), (3, 4, 5)), geometry)
        assert found == pytest.approx(math.hypot(5 * 2.0, 4 * 3.0, 3 * 5.0))

    @pytest.mark.parametrize(("axis", "spacing"), [(0, 5.0), (1, 3.0), (2, 2.0)])
    def test_follows_the_spacing_of_its_axis(self, metric: str, axis: int, spacing: float) -> None:
        far = [0, 0, 0]
        far[axis] = 2
        shape = (3, 3, 3)
        found = measured(
            metric,
            mask(shape, (0, 0, 0)),
            mask(shape, (far[0], far[1], far[2])),
            grid(shape, (2.0, 3.0, 5.0)),
        )
        assert found == pytest.approx(2 * spacing)

    def test_does_not_change_when_the_grid_is_turned_in_space(self, metric: str) -> None:
        turned = np.linalg.qr(np.array([[2.0, 1, 0], [-1, 2, 1], [0.5, 0, 3]]))[0]
        straight = grid((4, 5, 6), (2.0, 3.0, 5.0))
        oblique = Geometry(
            straight.size, straight.spacing, (9.0, -8.0, 7.0), tuple(turned.ravel().tolist())
        )
        masks = mask((4, 5, 6), (0, 1, 1), (1, 1, 1)), mask((4, 5, 6), (3, 4, 0), (2, 1, 1))
        assert measured(metric, *masks, oblique) == measured(metric, *masks, straight)

    def test_stays_when_both_masks_touch_the_edge_of_the_image(self, metric: str) -> None:
        """Beyond the image lies background: its edge is a border, not an inside."""
        small = np.ones((3, 3, 3), np.uint8), np.ones((3, 3, 3), np.uint8)
        small[1][:, :, 2] = 0
        padded = [np.pad(one, 2) for one in small]
        assert measured(metric, *small) == pytest.approx(measured(metric, padded[0], padded[1]))
        assert measured(metric, *small) > 0

    def test_of_masks_in_opposite_corners_of_a_large_image_is_exact(self, metric: str) -> None:
        shape = (80, 90, 100)
        geometry = grid(shape, (4.07283, 4.07283, 3.0))
        found = measured(metric, mask(shape, (0, 0, 0)), mask(shape, (79, 89, 99)), geometry)
        assert found == pytest.approx(math.hypot(99 * 4.07283, 89 * 4.07283, 79 * 3.0), rel=1e-14)
        assert found < geometry.diagonal_mm


def test_hd_is_decided_by_one_stray_voxel() -> None:
    assert measured("hd", line(0, 1), line(0, 1, 7)) == 6.0


def test_hd_takes_the_larger_of_the_two_directions() -> None:
    reference, prediction = line(0, 5), line(0)
    assert measured("hd", reference, prediction) == 5.0
    assert measured("hd", prediction, reference) == 5.0


def test_hd95_takes_the_larger_percentile_and_interpolates() -> None:
    """D_RP = {0}, D_PR = {0, 0, 6}: the 95th percentile of the second is 0.1·0 + 0.9·6."""
    reference, prediction = line(0), line(0, 6)
    assert measured("hd95", reference, prediction) == pytest.approx(0.95 * 6)


def test_hd95_is_not_pooled_over_directions() -> None:
    """A published scorer pools both directions and so halves the weight of a missed lesion."""
    reference, prediction = line(0, 7), line(0)
    assert measured("hd95", reference, prediction) == pytest.approx(0.95 * 7)
    pooled = medpy_hd95_pooled(prediction > 0, reference > 0, (1.0, 1.0, 1.0))
    assert pooled == pytest.approx(0.9 * 7)


def test_assd_pools_all_border_voxels() -> None:
    """D_RP = {0}, D_PR = {0, 4, 5}: (0 + 9) / 4, not the mean of the means 0 and 3."""
    assert measured("assd", line(0), line(0, 4, 5)) == pytest.approx(9 / 4)


def test_the_inside_of_a_mask_takes_no_part() -> None:
    cube = np.zeros((7, 7, 7), np.uint8)
    cube[1:6, 1:6, 1:6] = 1
    hollow = cube.copy()
    hollow[2:5, 2:5, 2:5] = 0
    assert len(border(cube)) == 5**3 - 3**3
    # Hollowed out, its wall is one voxel thick: the same border.
    assert measured("assd", cube, hollow) == 0.0


def test_a_voxel_is_of_the_border_by_its_faces_alone() -> None:
    cube = np.ones((3, 3, 3), np.uint8)
    cube[0, 0, 0] = 0  # touches the centre with a corner only
    assert (1, 1, 1) not in border(cube)


def test_cropping_to_the_masks_changes_nothing() -> None:
    generator = np.random.default_rng(3)
    small = generator.random((5, 6, 7)) < 0.4, generator.random((5, 6, 7)) < 0.4
    wide = [np.pad(one, ((3, 9), (0, 4), (7, 0))) for one in small]
    narrow = Pair.of_arrays(*small, grid((5, 6, 7), (1.0, 2.0, 3.0)))
    broad = Pair.of_arrays(wide[0], wide[1], grid((17, 10, 14), (1.0, 2.0, 3.0)))
    np.testing.assert_array_equal(
        narrow.reference_to_prediction_mm, broad.reference_to_prediction_mm
    )


def by_transform(reference: Labels, prediction: Labels, geometry: Geometry) -> NDArray[np.float64]:
    """D_RP by SciPy's exact distance transform: another algorithm, and no crop."""
    target = np.ones(prediction.shape, bool)
    target[tuple(np.array(border(prediction)).T)] = False
    distance = distance_transform_edt(target, sampling=geometry.spacing[::-1])
    found: NDArray[np.float64] = np.asarray(distance)[tuple(np.array(border(reference)).T)]
    return found


@QUICK
@given(pairs(drawn=True))
def test_distances_are_those_of_an_exact_distance_transform(
    case: tuple[Labels, Labels, Geometry],
) -> None:
    reference, prediction, geometry = case
    forth = by_transform(reference, prediction, geometry)
    back = by_transform(prediction, reference, geometry)
    q95 = max(np.quantile(forth, 0.95), np.quantile(back, 0.95))
    assert measured("hd", *case) == pytest.approx(max(forth.max(), back.max()), abs=1e-9)
    assert measured("hd95", *case) == pytest.approx(q95, abs=1e-9)
    assert measured("assd", *case) == pytest.approx(np.concatenate([forth, back]).mean(), abs=1e-9)


@QUICK
@given(pairs(drawn=True))
def test_hd_is_that_of_medpy_and_of_simpleitk(case: tuple[Labels, Labels, Geometry]) -> None:
    reference, prediction, geometry = case
    found = measured("hd", *case)
    x, y, z = geometry.spacing
    assert found == pytest.approx(medpy_hd(prediction > 0, reference > 0, (z, y, x)), abs=1e-6)
    images = []
    for array in (reference, prediction):
        images.append(SimpleITK.GetImageFromArray(array))
        images[-1].SetSpacing(geometry.spacing)
    hausdorff = SimpleITK.HausdorffDistanceImageFilter()
    hausdorff.Execute(*images)
    # SimpleITK measures from every voxel of a mask, which the farthest one's border decides.
    assert found >= hausdorff.GetHausdorffDistance() - 1e-4


@QUICK
@given(pairs(drawn=True))
def test_distances_are_symmetric_ordered_and_below_the_diagonal(
    case: tuple[Labels, Labels, Geometry],
) -> None:
    reference, prediction, geometry = case
    for metric in DISTANCES:
        assert measured(metric, *case) == pytest.approx(
            measured(metric, prediction, reference, geometry), abs=1e-12
        )
    assert 0 <= measured("assd", *case) <= measured("hd", *case) + 1e-12
    assert measured("hd95", *case) <= measured("hd", *case) < geometry.diagonal_mm
