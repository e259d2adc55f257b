"""A consensus made of files is that of the whole arrays."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evaluation.consensus import consensus_of_files
from evaluation.errors import MaskRefused
from evaluation.geometry import Geometry
from evaluation.readers import ReadersRefused, Recipe, leave_one_out, reference_masks
from evaluation.volumes import Volume, write_mha

GRID = Geometry(size=(4, 3, 2), spacing=(4.0, 4.0, 5.0), origin=(-20.0, -18.0, 7.0))
MASKS = arrays(np.uint8, GRID.shape, elements=st.integers(0, 2))


def written(folder: Path, masks, grid=GRID):
    paths = [folder / f"{number}.mha" for number in range(len(masks))]
    for path, mask in zip(paths, masks, strict=True):
        path.write_bytes(write_mha(Volume(mask, grid)))
    return paths


def one_voxel(z: int, y: int, x: int, value: int = 1):
    mask = np.zeros(GRID.shape, np.uint8)
    mask[z, y, x] = value
    return mask


@settings(max_examples=40, deadline=None)
@given(st.lists(MASKS, min_size=3, max_size=5))
def test_the_majority_is_that_of_the_whole_arrays(masks):
    (expected,) = reference_masks(masks, Recipe.MAJORITY)
    with TemporaryDirectory() as folder:
        found = consensus_of_files(written(Path(folder), masks), (1, 2), Recipe.MAJORITY)
    assert np.array_equal(found.to_array(), expected)
    assert (np.diff(found.voxels) > 0).all()


def test_staple_is_that_of_the_whole_arrays(tmp_path):
    random = np.random.default_rng(7)
    masks = [(random.random(GRID.shape) < 0.5).astype(np.uint8) for _ in range(4)]
    (expected,) = reference_masks(masks, Recipe.STAPLE)
    found = consensus_of_files(written(tmp_path, masks), (1,), Recipe.STAPLE)
    assert np.array_equal(found.to_array(), expected)


def test_it_is_what_leaving_one_out_gives(tmp_path):
    masks = {
        "A": one_voxel(0, 0, 0),
        "B": one_voxel(1, 2, 3),
        "C": one_voxel(1, 2, 3),
        "D": one_voxel(0, 1, 1),
    }
    (expected,) = leave_one_out(masks, Recipe.MAJORITY)["A"]
    others = written(tmp_path, [masks[name] for name in "BCD"])
    found = consensus_of_files(others, (1,), Recipe.MAJORITY)
    assert np.array_equal(found.to_array(), expected)
    assert np.array_equal(found.to_array(), one_voxel(1, 2, 3))


def test_of_masks_with_nothing_drawn_it_is_empty(tmp_path):
    masks = [np.zeros(GRID.shape, np.uint8)] * 3
    for recipe in Recipe:
        found = consensus_of_files(written(tmp_path, masks), (1,), recipe)
        assert found.geometry == GRID
        assert not found.to_array().any()


def test_of_two_there_is_none(tmp_path):
    files = written(tmp_path, [one_voxel(0, 0, 0)] * 2)
    with pytest.raises(ReadersRefused, match="three masks or more") as refused:
        consensus_of_files(files, (1,), Recipe.MAJORITY)
    assert refused.value.code == "too_few_readers"


def test_masks_on_different_grids_are_refused(tmp_path):
    other = Geometry(size=(4, 3, 2), spacing=(4.0, 4.0, 5.0), origin=(0.0, 0.0, 0.0))
    (tmp_path / "other").mkdir()
    files = [
        *written(tmp_path, [one_voxel(0, 0, 0)] * 2),
        *written(tmp_path / "other", [one_voxel(0, 0, 0)], other),
    ]
    with pytest.raises(MaskRefused) as refused:
        consensus_of_files(files, (1,), Recipe.MAJORITY)
    assert refused.value.code == "wrong_grid"


def test_labels_that_were_not_declared_are_refused(tmp_path):
    files = written(tmp_path, [one_voxel(0, 0, 0, 7)] * 3)
    with pytest.raises(MaskRefused) as refused:
        consensus_of_files(files, (1,), Recipe.MAJORITY)
    assert refused.value.code == "wrong_values"
