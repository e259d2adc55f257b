"""``resample: nearest``: a mask on another grid, where a challenge allows it."""

import io
from typing import Any

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st

from evaluation.errors import MaskRefused, VolumeRefused
from evaluation.geometry import Geometry
from evaluation.isolated import decode_mask
from evaluation.masks import DrawnMask
from evaluation.resampling import nearest, read_on_grid
from evaluation.spec import EvaluationSpec
from evaluation.volumes import Volume, write_mha
from tests.evaluation.grids import QUICK, Labels, grid, mask

TURNED = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
FLIPPED = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)
FINE = Geometry((9, 8, 7), (1.1, 1.3, 1.7), (2.0, -1.0, 0.5))


def by_itk(drawn: Labels, source: Geometry, target: Geometry) -> Any:
    image = SimpleITK.GetImageFromArray(drawn)
    image.SetSpacing(source.spacing)
    image.SetOrigin(source.origin)
    image.SetDirection(source.direction)
    resample = SimpleITK.ResampleImageFilter()
    resample.SetSize(target.size)
    resample.SetOutputSpacing(target.spacing)
    resample.SetOutputOrigin(target.origin)
    resample.SetOutputDirection(target.direction)
    resample.SetInterpolator(SimpleITK.sitkNearestNeighbor)
    return SimpleITK.GetArrayFromImage(resample.Execute(image))


@QUICK
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([TURNED, FLIPPED, Geometry((1, 1, 1), (1.0, 1.0, 1.0)).direction]),
    st.tuples(*[st.floats(0.53, 3.1)] * 3),
    st.tuples(*[st.floats(-7.3, 7.3)] * 3),
)
def test_it_is_itks_nearest_neighbour(
    seed: int,
    direction: tuple[float, ...],
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
) -> None:
    source = Geometry((6, 7, 5), spacing, origin, direction)
    drawn = np.random.default_rng(seed).integers(0, 3, source.shape).astype(np.uint8)
    found = nearest(DrawnMask.from_array(drawn, source), FINE).to_array()
    np.testing.assert_array_equal(found, by_itk(drawn, source, FINE))


def test_a_mask_on_the_grid_is_left_as_it_is() -> None:
    drawn = DrawnMask.from_array(mask((3, 3, 3), (1, 1, 1)), grid((3, 3, 3)))
    assert nearest(drawn, grid((3, 3, 3))) is drawn


def test_an_empty_mask_stays_empty_and_one_outside_the_image_becomes_so() -> None:
    far = Geometry((3, 3, 3), (1.0, 1.0, 1.0), (500.0, 0.0, 0.0))
    for drawn in (mask((3, 3, 3)), mask((3, 3, 3), (1, 1, 1))):
        found = nearest(DrawnMask.from_array(drawn, far), grid((4, 4, 4)))
        assert found.voxels.size == 0
        assert found.geometry == grid((4, 4, 4))


def test_a_mask_of_far_more_voxels_than_the_image_is_refused_by_its_header() -> None:
    small = Geometry((2, 2, 2), (1.0, 1.0, 1.0))
    vast = Geometry((100, 10, 10), (0.1, 0.1, 0.1))
    content = write_mha(Volume(np.ones(vast.shape, np.uint8), vast))
    with pytest.raises(VolumeRefused, match="at most 512 are read"):
        read_on_grid(io.BytesIO(content), small, [1], "nearest")


def test_a_mask_that_claims_to_lie_far_away_is_refused_and_no_fault_of_the_platform() -> None:
    content = write_mha(Volume(mask((4, 4, 4), (1, 1, 1)), grid((4, 4, 4))))
    for line in (b"Offset = 1e308 0 0", b"Offset = 0 -2e6 0"):
        hostile = content.replace(b"Offset = 0.0 0.0 0.0", line)
        with pytest.raises(VolumeRefused, match="Offset"):
            read_on_grid(io.BytesIO(hostile), grid((4, 4, 4)), [1], "nearest")


def test_a_challenge_allows_it_or_the_mask_is_refused() -> None:
    source = grid((4, 4, 4), (2.0, 2.0, 2.0))
    target = grid((8, 8, 8), (1.0, 1.0, 1.0))
    content = write_mha(Volume(mask((4, 4, 4), (1, 1, 1)), source))
    with pytest.raises(MaskRefused, match="differs from the PET image"):
        read_on_grid(io.BytesIO(content), target, [1], None)
    assert read_on_grid(io.BytesIO(content), target, [1], "nearest").voxels.size == 8


def test_the_platforms_decoder_does_the_same(tmp_path: Any) -> None:
    source, target = grid((4, 4, 4), (2.0, 2.0, 2.0)), grid((8, 8, 8), (1.0, 1.0, 1.0))
    file = tmp_path / "mask.mha"
    file.write_bytes(write_mha(Volume(mask((4, 4, 4), (1, 1, 1)), source)))
    cases: list[tuple[Any, int | None]] = [(None, None), ("nearest", 8)]
    for resample, drawn in cases:
        spec = EvaluationSpec(metrics=["dice"], resample=resample)
        with file.open("rb") as stream:
            if drawn is None:
                with pytest.raises(MaskRefused, match="differs from the PET image"):
                    decode_mask(stream, target, spec)
            else:
                assert int(decode_mask(stream, target, spec).sum()) == drawn
