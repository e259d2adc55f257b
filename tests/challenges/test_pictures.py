"""The projection of a case: as physicians hang it, however the scanner stored it."""

import io
from itertools import permutations, product

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from challenges.ingest.pictures import PIXELS_HIGH, coronal_projection
from evaluation.geometry import Geometry

ORIENTATIONS = list(product(permutations((0, 1, 2)), product((1, -1), repeat=3)))
SHAPE = (12, 8, 10)  # z, y, x: towards the head, the back, the left


def patient() -> NDArray[np.float32]:
    """Head: a hot block at the top, on the patient's left."""
    suv = np.ones(SHAPE, np.float32)
    suv[10:12, 2:4, 7:10] = 7.0
    return suv


def shown(suv: NDArray[np.float32], geometry: Geometry, suv_max: float = 7.0) -> NDArray[np.uint8]:
    picture = Image.open(io.BytesIO(coronal_projection(suv, geometry, suv_max=suv_max)))
    assert picture.mode == "L"
    return np.asarray(picture)


def test_head_is_up_and_the_patients_left_is_on_the_right() -> None:
    picture = shown(patient(), Geometry((10, 8, 12), (2.0, 2.0, 2.0)))
    height, width = picture.shape
    assert picture[height // 20, width - width // 20] < 10
    assert picture[height // 20, width // 20] > 200
    assert picture[-height // 20, width - width // 20] > 200


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS)
def test_the_picture_is_the_same_in_every_orientation(
    order: tuple[int, int, int], signs: tuple[int, int, int]
) -> None:
    straight = Geometry((10, 8, 12), (2.0, 3.0, 4.0))
    # Image axis i (0 x, 1 y, 2 z) of the turned one runs along the patient's axis order[i].
    turned = patient().transpose(2 - np.array(order)[::-1])
    flips = tuple(slice(None, None, signs[axis]) for axis in (2, 1, 0))
    direction = np.zeros((3, 3))
    for axis, (along, sign) in enumerate(zip(order, signs, strict=True)):
        direction[along, axis] = sign
    size = tuple(straight.size[along] for along in order)
    spacing = tuple(straight.spacing[along] for along in order)
    geometry = Geometry(
        (size[0], size[1], size[2]),
        (spacing[0], spacing[1], spacing[2]),
        direction=tuple(direction.ravel().tolist()),
    )
    np.testing.assert_array_equal(shown(turned[flips], geometry), shown(patient(), straight))


def test_white_is_nothing_and_black_the_declared_suv_or_more() -> None:
    suv = np.zeros((4, 1, 4), np.float32)
    suv[:2] = 9.0
    picture = shown(suv, Geometry((4, 1, 4), (1.0, 1.0, 1.0)), suv_max=5.0)
    assert picture[-5, 5] == 0  # z grows towards the head, so the hot half is below
    assert picture[5, 5] == 255


def test_a_pixel_is_square_in_mm() -> None:
    picture = shown(np.zeros((10, 4, 10), np.float32), Geometry((10, 4, 10), (1.0, 1.0, 3.0)))
    assert picture.shape == (PIXELS_HIGH, round(PIXELS_HIGH / 3))


def test_one_voxel_and_a_needle_have_pictures() -> None:
    assert shown(np.ones((1, 1, 1), np.float32), Geometry((1, 1, 1), (1.0, 1.0, 1.0))).size
    needle = Geometry((1, 1, 2000), (0.1, 1.0, 9.0))
    assert shown(np.ones((2000, 1, 1), np.float32), needle).shape == (PIXELS_HIGH, 1)
