"""When an image is accepted as a mask."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluation.errors import MaskRefused
from evaluation.geometry import Geometry
from evaluation.masks import label_values, read_mask
from evaluation.volumes import Volume, write_mha

GRID = Geometry((4, 3, 2), (4.0, 4.0, 5.0), (-20.0, -18.0, 7.0))


def one_voxel(value: float, kind: str) -> NDArray[np.generic]:
    voxels = np.zeros(GRID.shape, kind)
    voxels[0, 0, 0] = value
    return voxels


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "i8", "f4", "f8"])
def test_whole_numbers_of_any_type_are_labels(kind: str) -> None:
    labels = label_values(one_voxel(1, kind), [1])
    assert labels.dtype == np.uint8
    assert labels.sum() == 1


def test_negative_zero_is_background() -> None:
    assert not label_values(one_voxel(-0.0, "f4"), [1]).any()


def test_an_empty_mask_is_a_mask() -> None:
    assert not label_values(np.zeros(GRID.shape, np.uint8), [1]).any()


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (255, "u1", "the value 255; expected only \\[0, 1\\]"),
        (-1, "i2", "the value -1;"),
        (0.5, "f4", "the value 0.5;"),
        (1.0000001, "f8", "the value 1;"),
        (2, "u1", "the value 2;"),
        (257, "i2", "the value 257;"),
        (float("nan"), "f4", "NaN or infinity"),
        (float("inf"), "f4", "NaN or infinity"),
    ],
)
def test_a_value_that_was_not_declared_is_refused(value: float, kind: str, shown: str) -> None:
    with pytest.raises(MaskRefused, match=shown) as refused:
        label_values(one_voxel(value, kind), [1])
    assert refused.value.code == "wrong_values"


def test_a_mask_of_0_and_255_is_told_what_to_write() -> None:
    with pytest.raises(MaskRefused, match="Write labels, not probabilities or 255"):
        label_values(one_voxel(255, "u1"), [1])


def test_a_probability_map_is_told_six_of_its_values() -> None:
    with pytest.raises(MaskRefused, match=r"0\.1, 0\.2, 0\.3, 0\.4, 0\.5, 0\.6 and 2 more"):
        label_values((np.arange(9) / 10).reshape(1, 3, 3), [1])


def test_declared_labels_are_kept_apart() -> None:
    voxels = np.array([[[0, 1, 7]]], np.int16)
    assert label_values(voxels, [1, 7]).tolist() == [[[0, 1, 7]]]


def test_a_mask_on_another_grid_is_refused_before_its_pixels_are_read() -> None:
    other = Geometry((4, 3, 2), (4.0, 4.0, 5.0), (-16.0, -18.0, 7.0))
    header_alone = write_mha(Volume(np.zeros(GRID.shape, np.uint8), other)).split(b"LOCAL\n")[0]
    with pytest.raises(MaskRefused) as refused:
        read_mask(io.BytesIO(header_alone + b"LOCAL\n"), GRID, [1])
    assert refused.value.code == "wrong_grid"
    assert "differs from the PET image in origin" in refused.value.message
    assert "CopyInformation" in refused.value.message
    assert "origin mm   -20 -18 7             -16 -18 7" in refused.value.message


def test_the_voxels_come_back_as_they_were_written() -> None:
    drawn = np.random.default_rng(1).integers(0, 2, GRID.shape).astype(np.uint8)
    read = read_mask(io.BytesIO(write_mha(Volume(drawn, GRID))), GRID, [1])
    np.testing.assert_array_equal(read.to_array(), drawn)
