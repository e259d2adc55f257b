"""Files between programs: NRRD, NIfTI and MetaImage, both ways."""

import gzip
import io
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st

from evaluation.errors import EvaluationError, VolumeRefused
from evaluation.geometry import Geometry
from evaluation.volumes import (
    Volume,
    read_volume,
    write_nifti,
    write_volume,
)
from tests.evaluation.files import PIXELS, nrrd
from tests.evaluation.grids import QUICK

SIZE = (4, 3, 2)
VOXELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
TURNED = tuple(np.linalg.qr(np.array([[2.0, 1, 0], [-1, 2, 1], [0.5, 0, 3]]))[0].ravel().tolist())
FLIPPED = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)
GRIDS = {
    "straight": Geometry(SIZE, (4.07283, 1.5, 3.27), (-101.25, 7.0, 0.1)),
    "oblique": Geometry(SIZE, (4.07283, 1.5, 3.27), (-101.25, 7.0, 0.1), TURNED),
    "flipped": Geometry(SIZE, (4.07283, 1.5, 3.27), (203.6, -180.25, 1055.5), FLIPPED),
}


def read(content: bytes) -> Volume:
    return read_volume(io.BytesIO(content))


def of_simpleitk(path: Path) -> Volume:
    image = SimpleITK.ReadImage(str(path))
    on = Geometry(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    return Volume(SimpleITK.GetArrayFromImage(image), on)


def by_simpleitk(path: Path, volume: Volume, *, compressed: bool) -> None:
    image = SimpleITK.GetImageFromArray(volume.voxels)
    image.SetSpacing(volume.geometry.spacing)
    image.SetOrigin(volume.geometry.origin)
    image.SetDirection(volume.geometry.direction)
    SimpleITK.WriteImage(image, str(path), compressed)


class TestNrrd:
    @pytest.mark.parametrize("on", GRIDS)
    @pytest.mark.parametrize("compressed", [False, True])
    @pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"])
    def test_what_simpleitk_writes_is_read(
        self, kind: str, compressed: bool, on: str, tmp_path: Path
    ) -> None:
        by_simpleitk(
            tmp_path / "image.nrrd", Volume(VOXELS.astype(kind), GRIDS[on]), compressed=compressed
        )
        found = read_volume(tmp_path / "image.nrrd")
        np.testing.assert_array_equal(found.voxels, VOXELS)
        assert found.voxels.dtype == np.dtype(kind)
        assert found.geometry.differences(GRIDS[on]) == ()

    @pytest.mark.parametrize("on", GRIDS)
    @pytest.mark.parametrize("kind", ["u1", "i1", "i2", "f4"])
    def test_simpleitk_reads_what_is_written(self, kind: str, on: str, tmp_path: Path) -> None:
        write_volume(tmp_path / "image.nrrd", Volume(VOXELS.astype(kind), GRIDS[on]))
        found = of_simpleitk(tmp_path / "image.nrrd")
        np.testing.assert_array_equal(found.voxels, VOXELS)
        assert found.geometry.differences(GRIDS[on]) == ()
        again = read_volume(tmp_path / "image.nrrd")
        assert again.geometry.differences(GRIDS[on]) == ()

    @pytest.mark.parametrize(
        "space",
        ["left-posterior-superior", "LPS", "right-anterior-superior", "RAS",
         "left-anterior-superior", "LAS"],
    )  # fmt: skip
    @pytest.mark.parametrize("directions", ["(2,0,0) (0,3,0) (0,0,5)", "(0,2,0) (0,0,-3) (5,0,0)"])
    def test_every_space_lies_where_simpleitk_has_it(
        self, directions: str, space: str, tmp_path: Path
    ) -> None:
        (tmp_path / "image.nrrd").write_bytes(nrrd(space=space, space_directions=directions))
        found, theirs = read_volume(tmp_path / "image.nrrd"), of_simpleitk(tmp_path / "image.nrrd")
        assert found.geometry.differences(theirs.geometry) == ()
        np.testing.assert_array_equal(found.voxels, theirs.voxels)

    def test_raw_gzip_and_big_endian_hold_the_same(self) -> None:
        wide = VOXELS.astype(">i2").tobytes()
        for content in (
            nrrd(),
            nrrd(gzip.compress(PIXELS), encoding="gzip"),
            nrrd(gzip.compress(PIXELS), encoding="GZ"),
            nrrd(wide, type="short", endian="big"),
            nrrd(gzip.compress(wide), type="int16", endian="big", encoding="gzip"),
            nrrd(VOXELS.astype("<i2").tobytes(), type="signed short int", endian="little"),
        ):
            np.testing.assert_array_equal(read(content).voxels, VOXELS)

    def test_spacings_alone_are_a_straight_grid(self) -> None:
        plain = nrrd(space=None, space_directions=None, space_origin=None, spacings="2 3 5")
        assert read(plain).geometry == Geometry(SIZE, (2.0, 3.0, 5.0))

    def test_comments_keys_and_long_lines_are_passed_over(self) -> None:
        """3D Slicer writes keys of many thousands of characters."""
        fields = {"Segment0_Name:=": "tumour: of the neck", "Terminology:=": "x" * 20_000}
        keys = "".join(f"{name}{value}\n" for name, value in fields.items()).encode()
        content = nrrd().replace(b"NRRD0004\n", b"NRRD0005\n" + keys + b"# a: comment\n", 1)
        np.testing.assert_array_equal(read(content).voxels, VOXELS)
        windows = nrrd(b"").replace(b"\n", b"\r\n") + PIXELS
        np.testing.assert_array_equal(read(windows).voxels, VOXELS)

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (nrrd(b"", data_file="pixels.raw"), "points_elsewhere"),
            (nrrd(b"", datafile="/etc/passwd"), "points_elsewhere"),
            (nrrd(b"", Data_File="LIST"), "points_elsewhere"),
            (nrrd(b"", data_file="p%d.raw 1 9 1"), "points_elsewhere"),
            (nrrd(encoding="bzip2"), "bad_header"),
            (nrrd(b"1 2 3", encoding="ascii"), "bad_header"),
            (nrrd(encoding=None), "bad_header"),
            (nrrd(type=None), "unsupported_type"),
            (nrrd(type="block"), "unsupported_type"),
            (nrrd(type="half"), "unsupported_type"),
            (nrrd(sizes=None), "bad_header"),
            (nrrd(sizes="4 3"), "bad_header"),
            (nrrd(sizes="4 3 2.5"), "bad_header"),
            (nrrd(sizes="4 3 -2"), "bad_header"),
            (nrrd(sizes="4 3 two"), "bad_header"),
            (nrrd(sizes="99999 99999 99999"), "too_large"),
            (nrrd(dimension=None), "not_three_dimensional"),
            (nrrd(dimension="4", sizes="4 3 2 1"), "not_three_dimensional"),
            (nrrd(dimension="2", sizes="4 6"), "not_three_dimensional"),
            (nrrd(byte_skip="8"), "bad_header"),
            (nrrd(byteskip="-1"), "bad_header"),
            (nrrd(line_skip="1"), "bad_header"),
            (nrrd(VOXELS.astype("<i2").tobytes(), type="short"), "bad_header"),
            (nrrd(VOXELS.astype("<i2").tobytes(), type="short", endian="middle"), "bad_header"),
            (nrrd(space="scanner-xyz"), "bad_geometry"),
            (nrrd(space_units='"m" "m" "m"'), "bad_geometry"),
            (nrrd(space_directions=None), "bad_header"),
            (nrrd(space_directions="none (0,3,0) (0,0,5)"), "bad_header"),
            (nrrd(space_directions="(2,0,0) (1,3,0) (0,0,5)"), "bad_geometry"),
            (nrrd(space_directions="(0,0,0) (0,3,0) (0,0,5)"), "bad_geometry"),
            (nrrd(space_directions="(inf,0,0) (0,3,0) (0,0,5)"), "bad_header"),
            (nrrd(space_origin="(nan,0,0)"), "bad_header"),
            (nrrd(space=None, space_dimension="3"), "bad_geometry"),
            (nrrd(space=None, space_directions=None, space_origin=None, axis_mins="1 2 3"),
             "bad_geometry"),
            (nrrd(Sizes="4 3 2"), "bad_header"),
            (b"NRRD0004\ntype: uchar\ndimension: 3\n", "bad_header"),
            (b"NRRD0004\n" + b"# x\n" * 20_000, "bad_header"),
            (b"NRRD0004\nthree of them\n\n", "bad_header"),
            (nrrd(PIXELS[:-1]), "truncated"),
            (nrrd(b""), "truncated"),
            (nrrd(gzip.compress(PIXELS)[:-9], encoding="gzip"), "truncated"),
            (nrrd(gzip.compress(PIXELS + b"!"), encoding="gzip"), "truncated"),
            (nrrd(encoding="gzip"), "truncated"),
        ],
    )  # fmt: skip
    def test_refused(self, content: bytes, code: str) -> None:
        with pytest.raises(VolumeRefused) as refused:
            read(content)
        assert refused.value.code == code
        assert refused.value.message.endswith((".", "?"))

    @QUICK
    @given(st.data())
    def test_a_damaged_one_is_read_or_refused_and_nothing_else(self, data: st.DataObject) -> None:
        good = data.draw(st.sampled_from([nrrd(), nrrd(gzip.compress(PIXELS), encoding="gzip")]))
        damaged = bytearray(good)
        for _ in range(data.draw(st.integers(1, 8))):
            place = data.draw(st.integers(0, len(damaged) - 1))
            damaged[place] = data.draw(st.integers(0, 255))
        try:
            volume = read_volume(io.BytesIO(bytes(damaged)), max_voxels=10_000)
        except EvaluationError:
            return
        assert volume.voxels.shape == volume.geometry.shape


class TestWriting:
    @pytest.mark.parametrize("on", GRIDS)
    @pytest.mark.parametrize("ending", ["nii", "nii.gz", "mha", "nrrd"])
    @pytest.mark.parametrize("kind", ["u1", "i2", "f4"])
    def test_three_programs_read_what_is_written(
        self, kind: str, ending: str, on: str, tmp_path: Path
    ) -> None:
        path, volume = tmp_path / f"image.{ending}", Volume(VOXELS.astype(kind), GRIDS[on])
        write_volume(path, volume)
        for found in (read_volume(path), of_simpleitk(path)):
            np.testing.assert_array_equal(found.voxels, VOXELS)
            assert found.geometry.differences(GRIDS[on]) == ()
        if "nii" in ending:
            image: Any = nibabel.load(path)
            np.testing.assert_array_equal(np.asarray(image.dataobj).T, VOXELS)
            np.testing.assert_allclose(image.affine, GRIDS[on].ras_affine(), rtol=1e-6, atol=1e-5)

    def test_a_nifti_is_ras_where_the_grid_is_lps(self) -> None:
        """Exact in float32, in both of NIfTI's matrices."""
        on = Geometry(SIZE, (2.0, 3.0, 5.0), (-10.5, 20.25, 30.125))
        image = nibabel.Nifti1Image.from_bytes(write_nifti(Volume(VOXELS, on)))
        expected = [[-2, 0, 0, 10.5], [0, -3, 0, -20.25], [0, 0, 5, 30.125], [0, 0, 0, 1]]
        for matrix, code in (image.get_sform(coded=True), image.get_qform(coded=True)):
            assert (matrix.tolist(), int(code)) == (expected, 1)
        assert image.header.get_xyzt_units()[0] == "mm"
        assert image.header["descrip"].item() == b""
        assert read(image.to_bytes()).geometry == on

    def test_equal_volumes_are_equal_files(self, tmp_path: Path) -> None:
        """No date stands in them."""
        for ending in ("nii.gz", "mha", "nrrd"):
            found = set()
            for name in ("one", "other"):
                write_volume(tmp_path / f"{name}.{ending}", Volume(VOXELS, GRIDS["oblique"]))
                found.add((tmp_path / f"{name}.{ending}").read_bytes())
            assert len(found) == 1, ending

    def test_what_cannot_be_written_is_refused(self, tmp_path: Path) -> None:
        for name, kind, code in (
            ("image.png", "u1", "unknown_ending"),
            ("image.nrrd", "f8", "unsupported_type"),
            ("image.mha", "i4", "unsupported_type"),
        ):
            with pytest.raises(EvaluationError) as refused:
                write_volume(tmp_path / name, Volume(VOXELS.astype(kind), GRIDS["straight"]))
            assert refused.value.code == code
            assert not (tmp_path / name).exists()
