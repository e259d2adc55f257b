"""The projection of a case: as physicians hang it, however the scanner stored it."""

import io
from itertools import permutations, product

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from challenges.ingest.pictures import (
    COLOURS,
    PIXELS_HIGH,
    coronal_projection,
    legend,
    outlined_projections,
)
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


LESION = np.zeros(SHAPE, np.uint8)
LESION[3:7, 2:5, 1:5] = 1
STRAIGHT = Geometry((10, 8, 12), (2.0, 2.0, 2.0))


def outlined(
    masks: dict[str, NDArray[np.uint8]],
    suv: NDArray[np.float32] | None = None,
    geometry: Geometry = STRAIGHT,
) -> NDArray[np.uint8]:
    """Height × width × (red, green, blue)."""
    made = outlined_projections(patient() if suv is None else suv, geometry, masks, suv_max=7.0)
    return np.asarray(Image.open(io.BytesIO(made.png)).convert("RGB"))


def pixels_of(picture: NDArray[np.uint8], colour: str) -> NDArray[np.bool_]:
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    found: NDArray[np.bool_] = (picture == wanted).all(axis=2)
    return found


class TestOutlines:
    def test_coronal_and_sagittal_stand_side_by_side(self) -> None:
        picture = outlined({})
        coronal, sagittal = PIXELS_HIGH * 10 // 12, PIXELS_HIGH * 8 // 12
        assert picture.shape[:2] == (PIXELS_HIGH, pytest.approx(coronal + sagittal, abs=16))
        assert picture[PIXELS_HIGH // 20, coronal - 20].max() < 10  # hot, on the patient's left
        grey = shown(patient(), STRAIGHT).astype(int)
        np.testing.assert_allclose(picture[:, : grey.shape[1], 0], grey, atol=20)

    def test_the_front_of_a_sagittal_view_is_on_its_left(self) -> None:
        suv = np.zeros(SHAPE, np.float32)
        suv[:, 0] = 7.0  # y grows towards the back
        picture = outlined({}, suv)
        sagittal = picture[:, -PIXELS_HIGH * 8 // 12 :, 0]
        assert sagittal[:, 20].max() < 10
        assert sagittal[:, -20].min() > 245

    def test_an_outline_runs_just_outside_of_a_mask(self) -> None:
        drawn = pixels_of(outlined({"A": LESION}), COLOURS[0])[:, : PIXELS_HIGH * 10 // 12]
        rows, columns = np.nonzero(drawn)
        edge = PIXELS_HIGH / 12
        assert (rows.min(), rows.max()) == (
            pytest.approx((12 - 7) * edge, abs=4), pytest.approx((12 - 3) * edge, abs=4),
        )  # fmt: skip
        assert (columns.min(), columns.max()) == (
            pytest.approx(edge, abs=4), pytest.approx(5 * edge, abs=4),
        )  # fmt: skip
        inside = drawn[round(6 * edge) : round(8 * edge), round(2 * edge) : round(4 * edge)]
        assert not inside.any()

    def test_readers_who_drew_the_same_share_the_outline(self) -> None:
        alone = pixels_of(outlined({"A": LESION}), COLOURS[0])
        picture = outlined({"A": LESION, "B": LESION, "C": LESION})
        shares = [pixels_of(picture, colour) for colour in COLOURS[:3]]
        np.testing.assert_array_equal(np.logical_or.reduce(shares), alone)
        for share in shares:
            assert share.sum() == pytest.approx(alone.sum() / 3, rel=0.2)

    def test_a_single_voxel_is_outlined_and_not_covered(self) -> None:
        one = np.zeros(SHAPE, np.uint8)
        one[5, 4, 4] = 2
        picture = outlined({"A": one})
        assert pixels_of(picture, COLOURS[0]).any()
        centre = round((12 - 5.5) * PIXELS_HIGH / 12), round(4.5 * PIXELS_HIGH / 12)
        assert len(set(picture[centre].tolist())) == 1  # grey

    def test_an_empty_mask_has_no_outline(self) -> None:
        np.testing.assert_array_equal(outlined({"A": LESION * 0}), outlined({}))

    def test_each_reader_has_a_colour_and_the_legend_tells_it(self) -> None:
        made = outlined_projections(patient(), STRAIGHT, {"A": LESION, "B": LESION}, suv_max=7.0)
        assert made.legend == (("A", COLOURS[0]), ("B", COLOURS[1]))
        assert made.legend == legend(["A", "B"])
        assert len({colour for _, colour in legend("ABCDEF")}) == 6

    @pytest.mark.parametrize(("order", "signs"), ORIENTATIONS[::7])
    def test_outlines_follow_the_patient_in_every_orientation(
        self, order: tuple[int, int, int], signs: tuple[int, int, int]
    ) -> None:
        flips = tuple(slice(None, None, signs[axis]) for axis in (2, 1, 0))
        axes = 2 - np.array(order)[::-1]
        direction = np.zeros((3, 3))
        for axis, (along, sign) in enumerate(zip(order, signs, strict=True)):
            direction[along, axis] = sign
        size = [STRAIGHT.size[along] for along in order]
        geometry = Geometry(
            (size[0], size[1], size[2]),
            STRAIGHT.spacing,
            direction=tuple(direction.ravel().tolist()),
        )
        turned = outlined(
            {"A": LESION.transpose(axes)[flips]}, patient().transpose(axes)[flips], geometry
        )
        np.testing.assert_array_equal(turned, outlined({"A": LESION}))
