"""DICOM CT becomes HU and a segment of a SEG a mask; no malformed file gives anything but a word."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from evaluation.dicom import (
    DicomRefused,
    read_ct_series,
    read_header,
    read_pet_series,
    read_rtstruct,
    read_seg,
    texts_in,
)
from evaluation.errors import EvaluationError
from evaluation.suv import SuvRefused
from evaluation.volumes import Volume
from tests.evaluation.dicoms import (
    GRID,
    contours_of,
    ct_series,
    pet_series,
    rtstruct,
    seg,
    written,
)

TUMOUR = np.zeros(GRID.shape, np.uint8)
TUMOUR[1:3, 1:3, 2:5] = 1
HEART = np.zeros(GRID.shape, np.uint8)
HEART[0:2, 2:4, 0:3] = 1


def segment(folder: Path, dataset: Dataset, label: str = "tumour", grid=None) -> Volume:
    (path,) = written(folder, [dataset])
    return read_seg(path, label, grid)


def refused(read: Callable[[], object]) -> str:
    with pytest.raises(DicomRefused) as error:
        read()
    return error.value.message


# SEG


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL"])
def test_each_segment_is_a_mask_on_the_grid_of_the_pet(tmp_path: Path, kind: str) -> None:
    whole = 1 if kind == "BINARY" else 255
    dataset = seg({"tumour": TUMOUR * whole, "heart": HEART * whole}, kind=kind)
    for label, expected in (("tumour", TUMOUR), ("heart", HEART)):
        volume = segment(tmp_path, dataset, label, GRID)
        np.testing.assert_array_equal(volume.voxels, expected)
        assert volume.geometry == GRID


def test_a_label_map_holds_each_segment_by_its_number(tmp_path: Path) -> None:
    dataset = seg({"tumour": TUMOUR, "heart": HEART}, kind="LABELMAP")
    frames = np.where(TUMOUR, 1, np.where(HEART, 2, 0)).astype(np.uint8)[:3]
    dataset.PerFrameFunctionalGroupsSequence = dataset.PerFrameFunctionalGroupsSequence[:3]
    for k, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        del frame.SegmentIdentificationSequence
        frame.PlanePositionSequence[0].ImagePositionPatient = [-10.0, 20.0, -300.0 + 4 * k]
    dataset.NumberOfFrames, dataset.PixelData = 3, frames.tobytes()
    np.testing.assert_array_equal(segment(tmp_path, dataset, "tumour", GRID).voxels, TUMOUR)
    shown = segment(tmp_path, dataset, "heart", GRID).voxels
    np.testing.assert_array_equal(shown, HEART & ~TUMOUR & 1)


def test_without_a_grid_it_has_that_of_its_own_frames(tmp_path: Path) -> None:
    volume = segment(tmp_path, seg({"tumour": TUMOUR}))
    np.testing.assert_array_equal(volume.voxels, TUMOUR[1:3])
    own = replace(GRID, size=(6, 5, 2), origin=(-10.0, 20.0, -296.0))
    assert volume.geometry.differences(own) == ()


@pytest.mark.parametrize(
    "other",
    [
        replace(GRID, origin=(-9.0, 20.0, -300.0)),
        replace(GRID, spacing=(2.0, 3.0, 5.0)),
        replace(GRID, size=(6, 5, 2)),
        replace(GRID, direction=(-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)),
    ],
)
def test_a_seg_that_does_not_lie_on_the_pet_keeps_its_own_grid(tmp_path: Path, other) -> None:
    volume = segment(tmp_path, seg({"tumour": TUMOUR}), grid=other)
    assert volume.geometry.size == (6, 5, 2)
    assert volume.voxels.sum() == TUMOUR.sum()


def test_fractions_are_refused_with_a_way_out(tmp_path: Path) -> None:
    dataset = seg({"tumour": TUMOUR * 100}, kind="FRACTIONAL")
    message = refused(lambda: segment(tmp_path, dataset))
    assert "(0062,000E) MaximumFractionalValue: found fractions; expected only 0 and 255" in message
    assert "binary SEG" in message


def test_a_segment_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    message = refused(lambda: segment(tmp_path, seg({"heart": HEART}), "tumour"))
    assert message.startswith("(0062,0005) SegmentLabel: found heart; expected “tumour”")


def test_all_that_a_seg_lacks_is_told_at_once(tmp_path: Path) -> None:
    dataset = seg({"tumour": TUMOUR})
    del dataset.SharedFunctionalGroupsSequence
    del dataset.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence
    message = refused(lambda: segment(tmp_path, dataset))
    for tag in ("(0020,0032)", "(0020,0037)", "(0028,0030)"):
        assert tag in message


# CT


def test_ct_slices_become_hu_in_any_order(tmp_path: Path) -> None:
    paths = written(tmp_path, ct_series())
    volume = read_ct_series([paths[2], paths[0], paths[3], paths[1]])
    assert volume.geometry.differences(GRID) == ()
    assert volume.voxels.dtype == np.float32
    assert volume.voxels[:, 0, 0].tolist() == [0, 1, 2, 3]


def test_each_slice_of_a_ct_has_its_own_slope_and_intercept(tmp_path: Path) -> None:
    series = ct_series()
    series[1].RescaleSlope, series[1].RescaleIntercept = "2", "-2000"
    volume = read_ct_series(written(tmp_path, series))
    assert volume.voxels[:, 0, 0].tolist() == [0, 50, 2, 3]


def test_all_that_is_wrong_with_a_ct_is_told_at_once(tmp_path: Path) -> None:
    series = ct_series()
    series[0].Modality = "MR"
    series[1].SeriesInstanceUID = "1.2.3"
    del series[2].RescaleSlope
    series[3].PixelSpacing = [1, 1]
    message = refused(lambda: read_ct_series(written(tmp_path, series)))
    for tag in ("(0008,0060)", "(0020,000E)", "(0028,1053)", "(0028,0030)"):
        assert tag in message


def test_no_ct_at_all_is_refused() -> None:
    assert "no slice" in refused(lambda: read_ct_series([]))


# Hostile files


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("Rows", 65535),
        ("Columns", 4097),
        ("Rows", 4000),
        ("BitsAllocated", 32),
        ("SamplesPerPixel", 3),
    ],
)
def test_more_pixels_declared_than_there_are_are_refused_before_they_are_read(
    tmp_path: Path, keyword: str, value: int
) -> None:
    ct, pet = ct_series(), pet_series()
    for dataset in [*ct, *pet]:
        setattr(dataset, keyword, value)
    with pytest.raises(DicomRefused, match="PixelData"):
        read_ct_series(written(tmp_path / "ct", ct))
    with pytest.raises(SuvRefused, match="PixelData"):
        read_pet_series(written(tmp_path / "pet", pet))


def test_more_frames_declared_than_there_are_are_refused(tmp_path: Path) -> None:
    dataset = seg({"tumour": TUMOUR})
    dataset.NumberOfFrames = 2_000_000_000
    assert "(5200,9230)" in refused(lambda: segment(tmp_path, dataset))
    dataset = seg({"tumour": TUMOUR})
    dataset.Rows = 4096
    assert "bytes declared" in refused(lambda: segment(tmp_path, dataset))


def test_frames_that_are_a_kilometre_apart_make_no_volume(tmp_path: Path) -> None:
    dataset = seg({"tumour": TUMOUR})
    frame = dataset.PerFrameFunctionalGroupsSequence[1]
    frame.PlanePositionSequence[0].ImagePositionPatient = [-10.0, 20.0, 4e8 - 300.0]
    assert "(0020,0032)" in refused(lambda: segment(tmp_path, dataset))


def test_deflated_files_are_refused_unread(tmp_path: Path) -> None:
    dataset = ct_series()[0]
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    (path,) = written(tmp_path, [dataset])
    with pytest.raises(EvaluationError, match="deflated"):
        read_header(path)
    assert "deflated" in refused(lambda: read_ct_series([path]))


READERS: dict[str, Callable[[Path], object]] = {
    "pet": lambda path: read_pet_series([path] * 2),
    "ct": lambda path: read_ct_series([path] * 2),
    "rtstruct": lambda path: read_rtstruct(path, "tumour", GRID),
    "seg": lambda path: read_seg(path, "tumour", GRID),
    "header": read_header,
    "texts": texts_in,
}


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("originals")
    square = contours_of([[(0.5, 0.5), (3.5, 0.5), (3.5, 2.5)]], 1)
    made = {
        "pet": pet_series()[0],
        "ct": ct_series()[0],
        "rtstruct": rtstruct({"tumour": square}),
        "seg": seg({"tumour": TUMOUR}),
    }
    return {
        name: written(folder, [dataset], name)[0].read_bytes() for name, dataset in made.items()
    }


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), cut=st.booleans())
def test_malformed_files_are_refused_in_words_and_never_otherwise(
    seed: int, cut: bool, originals: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    chance = random.Random(seed)
    kind = chance.choice(list(originals))
    content = bytearray(originals[kind])
    for _ in range(chance.randint(1, 6)):
        content[chance.randrange(132, len(content))] = chance.choice(
            [0, 1, 255, chance.randrange(256)]
        )
    path = tmp_path_factory.getbasetemp() / "fuzzed"
    path.write_bytes(content[: chance.randrange(len(content))] if cut else content)
    for read in (READERS[kind], READERS["header"], READERS["texts"]):
        try:
            read(path)
        except EvaluationError as error:
            told = error.message
        else:
            told = ""
        assert str(path.parent) not in told
