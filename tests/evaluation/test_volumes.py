"""Reading and writing images: what every program writes is read, and nothing else is."""

import gzip
import io
import tracemalloc
import zlib
from pathlib import Path
from typing import Literal

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st

from evaluation.errors import EvaluationError, VolumeRefused
from evaluation.geometry import Geometry
from evaluation.volumes import MAX_VOXELS, Volume, read_volume, write_mha
from tests.evaluation.files import GOOD_MHA, GOOD_NIFTI, PIXELS, mha, nifti, patched, refused_files
from tests.evaluation.grids import QUICK

VOXELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]
REFUSED = refused_files(Path("/nowhere"))


def read(content: bytes) -> Volume:
    return read_volume(io.BytesIO(content))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("endian", ["<", ">"])
def test_nifti_of_every_type_and_byte_order_is_read(kind: str, endian: Literal["<", ">"]) -> None:
    volume = read(nifti(VOXELS.T.astype(kind), endian=endian))
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    assert volume.voxels.dtype == np.dtype(kind)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("ending", ["mha", "nii", "nii.gz"])
def test_whatever_simpleitk_writes_is_read(kind: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"image.{ending}"
    for compressed in (False, True):
        SimpleITK.WriteImage(
            SimpleITK.GetImageFromArray(VOXELS.astype(kind)), str(path), compressed
        )
        np.testing.assert_array_equal(read_volume(path).voxels, VOXELS)


@pytest.mark.parametrize("kind", ["u1", "i2", "f4"])
def test_simpleitk_reads_what_is_written(kind: str, tmp_path: Path) -> None:
    turned = np.linalg.qr(np.array([[2.0, 1, 0], [-1, 2, 1], [0.5, 0, 3]]))[0]
    geometry = Geometry(
        (4, 3, 2), (4.07283, 1.5, 3.27), (-101.25, 7.0, 0.1), tuple(turned.ravel().tolist())
    )
    path = tmp_path / "image.mha"
    path.write_bytes(write_mha(Volume(VOXELS.astype(kind), geometry)))
    image = SimpleITK.ReadImage(str(path))
    theirs = Geometry(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), VOXELS)
    assert geometry.differences(theirs) == ()
    assert read_volume(path).geometry.differences(geometry) == ()


def test_equal_volumes_are_written_as_equal_bytes() -> None:
    geometry = Geometry((4, 3, 2), (1.0, 2.0, 3.0))
    turned_in_memory = np.asfortranarray(VOXELS)
    assert write_mha(Volume(VOXELS, geometry)) == write_mha(Volume(turned_in_memory, geometry))


def test_nifti_2_is_read() -> None:
    content = nibabel.Nifti2Image(VOXELS.T, np.diag([2.0, 3.0, 4.0, 1.0])).to_bytes()
    np.testing.assert_array_equal(read(content).voxels, VOXELS)


def test_nifti_with_extensions_is_read() -> None:
    image = nibabel.Nifti1Image(VOXELS.T, np.eye(4))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"drawn by hand"))
    np.testing.assert_array_equal(read(image.to_bytes()).voxels, VOXELS)


def test_a_fourth_dimension_of_one_is_no_dimension() -> None:
    np.testing.assert_array_equal(read(nifti(VOXELS.T[..., np.newaxis])).voxels, VOXELS)


def test_scaled_pixels_are_multiplied_and_shifted() -> None:
    scaled = patched(nifti(VOXELS.T.astype("i2")), 112, "<2f", 0.5, -3.0)
    volume = read(scaled)
    assert volume.voxels.dtype == np.float32
    np.testing.assert_array_equal(volume.voxels, VOXELS * 0.5 - 3.0)
    np.testing.assert_array_equal(
        np.asarray(nibabel.Nifti1Image.from_bytes(scaled).dataobj).T, volume.voxels
    )


@pytest.mark.parametrize("slope", [0.0, float("nan"), 1.0])
def test_a_slope_that_says_nothing_changes_nothing(slope: float) -> None:
    volume = read(patched(GOOD_NIFTI, 112, "<2f", slope, 0.0))
    assert volume.voxels.dtype == np.uint8


def test_mha_is_read_raw_compressed_and_big_endian() -> None:
    expected = np.frombuffer(PIXELS, np.uint8).reshape(2, 3, 4)
    np.testing.assert_array_equal(read(GOOD_MHA).voxels, expected)
    packed = mha(zlib.compress(PIXELS), CompressedData="True")
    np.testing.assert_array_equal(read(packed).voxels, expected)
    swapped = mha(
        expected.astype(">i2").tobytes(), ElementType="MET_SHORT", BinaryDataByteOrderMSB="True"
    )
    np.testing.assert_array_equal(read(swapped).voxels, expected)


def test_the_format_is_told_by_content_and_not_by_name(tmp_path: Path) -> None:
    path = tmp_path / "really-a-nifti.mha"
    path.write_bytes(GOOD_NIFTI)
    assert read_volume(path).geometry.size == (4, 3, 2)


@pytest.mark.parametrize("kind", REFUSED)
def test_refused(kind: str) -> None:
    content, code = REFUSED[kind]
    with pytest.raises(VolumeRefused) as refused:
        read(content)
    assert refused.value.code == code
    assert refused.value.message.endswith((".", "?"))


def test_a_huge_declared_size_takes_no_memory() -> None:
    """Just below the limit, so that only the file's own length can refuse it."""
    claims = mha(PIXELS, DimSize="1000 1000 1000", ElementType="MET_DOUBLE")
    assert MAX_VOXELS == 1000**3
    assert peak_of_refusing(claims, "truncated") < 10_000_000  # one chunk


def test_a_size_beyond_the_limit_is_refused_before_a_pixel_is_read() -> None:
    with pytest.raises(VolumeRefused, match="at most 23 are read") as refused:
        read_volume(io.BytesIO(GOOD_NIFTI), max_voxels=23)
    assert refused.value.code == "too_large"
    header_alone = GOOD_NIFTI[:352]
    with pytest.raises(VolumeRefused) as refused:
        read_volume(io.BytesIO(header_alone), max_voxels=23)
    assert refused.value.code == "too_large"


def test_a_gzip_bomb_stays_bounded() -> None:
    bomb = gzip.compress(GOOD_NIFTI + bytes(50_000_000), 6)
    tracemalloc.start()
    volume = read(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(volume.voxels, read(GOOD_NIFTI).voxels)
    assert peak < 2_000_000


def test_an_mha_bomb_stays_bounded() -> None:
    bomb = mha(zlib.compress(bytes(50_000_000), 1), CompressedData="True")
    assert peak_of_refusing(bomb, "truncated") < 10_000_000


def peak_of_refusing(content: bytes, code: str) -> int:
    source = io.BytesIO(content)
    tracemalloc.start()
    try:
        with pytest.raises(VolumeRefused) as refused:
            read_volume(source)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        assert refused.value.code == code


def test_a_header_that_names_another_file_reads_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "pixels.raw").write_bytes(PIXELS)
    for name in ("pixels.raw", str(tmp_path / "pixels.raw")):
        (tmp_path / "image.mha").write_bytes(mha(b"", ElementDataFile=name))
        SimpleITK.ReadImage(str(tmp_path / "image.mha"))  # as other programs do
        with pytest.raises(VolumeRefused, match="only pixels in its own file"):
            read_volume(tmp_path / "image.mha")


@QUICK
@given(st.sampled_from([GOOD_NIFTI, GOOD_MHA, gzip.compress(GOOD_NIFTI)]), st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    good: bytes, data: st.DataObject
) -> None:
    """Whatever its bytes, no library's own error comes out, which would blame the platform."""
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    try:
        volume = read_volume(io.BytesIO(bytes(damaged)), max_voxels=10_000)
    except EvaluationError:
        return
    assert volume.voxels.shape == volume.geometry.shape
